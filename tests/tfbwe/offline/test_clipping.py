from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.offline.clipping import SoftClip


def clip(received, total, cuts=(), limit=1.0, rate=8000):
    softener = SoftClip(len(received), rate, limit)
    places = sorted(min(cut, received.shape[1]) for cut in cuts)
    blocks = zip(np.split(received, places, axis=1), np.split(total, places, axis=1), strict=True)
    parts = [softener.process(r, t) for r, t in blocks]
    return np.concatenate([*parts, softener.flush()], axis=1), softener


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 30000),
    st.sampled_from([0.05, 0.5, 2.0]),
    st.lists(st.integers(0, 30000), max_size=6),
)
def test_the_sum_stays_in_range_wherever_the_received_does_with_the_same_bits_for_any_blocks(
    seed, n, level, cuts
):
    rng = np.random.default_rng(seed)
    received = np.clip(rng.normal(0, 0.4, (2, n)), -1.2, 1.2).astype(np.float32)
    total = received + (level * rng.normal(0, 0.4, (2, n))).astype(np.float32)
    limit = 1 - 2.0**-15
    y, softener = clip(received, total, cuts, limit)
    assert y.shape == received.shape
    inside = np.abs(received) <= limit
    assert (np.abs(y)[inside] <= limit).all()
    assert (np.abs(y) <= np.maximum(np.abs(received), np.abs(total)) + 1e-6).all()
    np.testing.assert_array_equal(y, clip(received, total, limit=limit)[0])
    assert softener.places <= softener.lowered_samples


def test_nothing_changes_where_nothing_near_leaves_the_range_and_channels_share_the_gain():
    received = np.zeros((2, 40000), np.float32)
    total = np.full((2, 40000), 0.5, np.float32)
    total[0, 20000] = 2.0
    y, softener = clip(received, total)
    near = slice(20000 - 40, 20000 + 41)
    assert softener.places == 1
    assert softener.lowered_samples <= 81
    np.testing.assert_array_equal(y[:, : near.start], total[:, : near.start])
    np.testing.assert_array_equal(y[:, near.stop :], total[:, near.stop :])
    assert y[0, 20000] <= 1.0
    assert y[1, 20000] == pytest.approx(0.25, abs=1e-3)
    assert np.abs(np.diff(y[1])).max() < 0.02
