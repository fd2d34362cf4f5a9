"""Pairs of blocks: what is in them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import made_shards
from tests.helpers.made_shards import (
    BLOCKS,
    made,
    music,
    records,
)

pytest.importorskip("tensorflow")

from tfbwe.cqt import BLOCK_LENGTH, CQT
from tfbwe.cqt.stream import block_window
from training.degradation import degrade
from training.degradation.filters import Lowpass
from training.examples import cqt_pairs, shards
from training.examples.cqt_pairs import Item
from training.music.manifest import read_manifest


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    made_shards.few_in_a_shard(monkeypatch)


def tracks() -> dict[str, object]:
    return {track.file: track for track in read_manifest(music())}


def test_the_original_is_the_transform_of_the_music_to_the_precision_of_float16():
    item = Item(tracks()["long.wav"], 1, 0)
    pair = cqt_pairs.make_pair(music(), item, 0)
    # The track is mono, so that the mix is the music itself, but for the gain that was drawn.
    block = cqt_pairs.decoded(music(), item.track)[BLOCK_LENGTH : 2 * BLOCK_LENGTH, 0]
    cqt = CQT()
    coefficients = cqt.forward(block * block_window(BLOCK_LENGTH, BLOCK_LENGTH // 4))
    expected = coefficients[:, cqt.constant_q.start : cqt.constant_q.start + shards.BINS]
    stored = pair["original"].astype(np.float32)
    measured = stored[0] + 1j * stored[1]
    gain = np.vdot(expected, measured).real / np.vdot(expected, expected).real
    assert 10 ** (-13 / 20) - 1e-3 < gain < 10 ** (2 / 20) + 1e-3
    np.testing.assert_allclose(measured, gain * expected, rtol=2e-3, atol=2e-6)


def test_received_and_original_agree_in_the_pass_band_and_where_it_was_restored():
    cqt = CQT()
    left = []
    hz = cqt.frequencies[cqt.constant_q][: shards.BINS]
    for feature in records(made()):
        received, original = (
            made_shards.spectrum(feature, name).astype(np.float32) for name in ("received", "original")
        )
        cutoff_hz, reach_hz, bandwidth_hz = (feature[name].float_list.value[0] for name in shards.NUMBERS)
        assert 3500 * 0.9 <= cutoff_hz <= reach_hz
        assert cutoff_hz < bandwidth_hz == 16000
        power = [np.sum(x**2, axis=(0, 1)) for x in (received, original)]
        low, high = hz < 0.5 * cutoff_hz, hz > 1.3 * cutoff_hz
        assert power[0][low].sum() == pytest.approx(power[1][low].sum(), rel=0.2)
        left.append(power[0][high].sum() / power[1][high].sum())
    assert min(left) < 1e-3  # a wall
    assert 0.1 < max(left) < 2  # restored


def test_the_received_block_is_that_of_the_music_as_restoring_leaves_it(monkeypatch):
    def pair(lowpass):
        monkeypatch.setattr(degrade, "draw", lambda *_: (lowpass, degrade.Rounding(16)))
        made = cqt_pairs.make_pair(music(), Item(tracks()["long.wav"], 1, 0), 0)
        return {name: array.astype(np.float64) for name, array in made.items()}

    hz = CQT().frequencies[CQT().constant_q][: shards.BINS]
    walled = pair(Lowpass("brickwall", 6000.0))
    gentle = pair(Lowpass("butterworth", 6000.0, 4, zero_phase=True))
    assert walled["reach_hz"] == walled["cutoff_hz"]
    assert gentle["reach_hz"] >= gentle["cutoff_hz"]
    weak = (hz > 6300) & (hz < 7000)
    near = [np.sum(one["received"][..., weak] ** 2) for one in (walled, gentle)]
    original = np.sum(gentle["original"][..., weak] ** 2)
    assert near[0] < 1e-3 * original
    assert 0.6 * original < near[1] < 1.5 * original  # the filter left 0.2 or less


def test_variants_and_seeds_differ_and_nothing_else_matters():
    track = tracks()["short.wav"]
    same = [cqt_pairs.make_pair(music(), Item(track, 0, 0), 5) for _ in range(2)]
    assert all(np.array_equal(same[0][name], same[1][name]) for name in same[0])
    others = [
        cqt_pairs.make_pair(music(), Item(track, 0, variant), seed) for variant, seed in [(1, 5), (0, 6)]
    ]
    cutoffs = {float(pair["cutoff_hz"][0]) for pair in [same[0], *others]}
    assert len(cutoffs) == 3


@pytest.mark.parametrize("block", [0, BLOCKS["long.wav"] - 1], ids=["first", "last"])
def test_blocks_at_the_ends_of_a_track_are_whole(block):
    pair = cqt_pairs.make_pair(music(), Item(tracks()["long.wav"], block, 0), 0)
    assert pair["received"].shape == pair["original"].shape == (2, 448, shards.BINS)
    assert np.abs(pair["original"]).max() > 0


def test_a_filter_sees_the_music_around_a_block(monkeypatch):
    def errors(lowpass):
        monkeypatch.setattr(degrade, "draw", lambda *_: (lowpass,))
        received = []
        for context in (BLOCK_LENGTH, cqt_pairs.CONTEXT, 0):
            with monkeypatch.context() as patch:
                patch.setattr(cqt_pairs, "CONTEXT", context)
                pair = cqt_pairs.make_pair(music(), Item(tracks()["long.wav"], 2, 0), 0)
            received.append(pair["received"].astype(np.float64))
        return [np.mean((part - received[0]) ** 2) for part in received[1:]]

    usual, alone = errors(Lowpass("brickwall", 6000.0))
    assert usual < 0.3 * alone
    assert errors(Lowpass("bessel", 6000.0, 6))[0] < 1e-5  # but for what restoring knows of the level


def test_values_beyond_float16_are_not_infinite():
    loud = np.full(BLOCK_LENGTH, 0, np.float32)
    loud[::40] = 1e7
    out = cqt_pairs.spectrum(loud)
    assert np.isfinite(out).all()
    assert out.max() == np.finfo(np.float16).max
