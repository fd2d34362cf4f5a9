from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.decoding import (
    ABOVE_RANGE_HZ,
    BUNDLE,
    CUTOFF_HZ,
    LATENCY,
    KnownNetwork,
    decode,
    delayed,
    music,
)
from tfbwe.decoder import Decoder
from tfbwe.errors import AudioError
from tfbwe.stft import SAMPLE_RATE


@settings(max_examples=15, deadline=None)
@given(
    runs=st.lists(st.tuples(st.booleans(), st.integers(0, 9000)), max_size=6),
    places=st.lists(st.integers(0, 40000), max_size=12),
)
def test_how_losses_are_reported_in_pieces_does_not_matter(runs, places):
    x = music(1)
    decoder = Decoder(BUNDLE, 1, CUTOFF_HZ)
    lost = np.concatenate([np.zeros(3000, bool), *(np.full(length, was) for was, length in runs)])
    lost = np.concatenate([lost, np.zeros(x.shape[1], bool)])[: x.shape[1]]
    changes = [0, *(np.flatnonzero(np.diff(lost)) + 1), len(lost)]

    def run(edges):
        parts = []
        for start, stop in pairwise(edges):
            gone = stop > start and lost[start]
            block = None if gone else x[:, start:stop]
            parts.append(decoder.process(block, stop - start if gone else 0))
            assert parts[-1].shape == (1, stop - start)
        return np.concatenate([*parts, decoder.flush()], axis=1)

    expected = run(changes)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(run(sorted([*changes, *(p for p in places if p <= len(lost))])), expected)


def test_lost_samples_count_as_silence_in_the_received_band():
    x = music(2)
    decoder = Decoder(BUNDLE, 2, ABOVE_RANGE_HZ)
    parts = [decoder.process(x[:, :9000]), decoder.process(None, 5000), decoder.process(x[:, 14000:])]
    gap = x.copy()
    gap[:, 9000:14000] = 0
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), delayed(gap)[:, : x.shape[1]])


class Ones:
    """Takes the high band's place and adds ones to every bin that it may."""

    limited_frames = 0

    def __init__(self, *settings):
        pass

    def reset(self):
        pass

    def read(self, restored, reach_hz):
        return restored

    def added(self, restored, *more):
        return 0, np.ones(restored.shape, np.complex64)


def test_the_high_band_fades_in_steps_of_10_ms_while_input_is_lost_and_comes_back(monkeypatch):
    weights = []

    def synthesise(spectra):
        weights.extend(spectra[:, 0, 500].real)
        return np.zeros((len(spectra), 1, LATENCY), np.float32)

    monkeypatch.setattr("tfbwe.extension.extension.HighBand", Ones)
    monkeypatch.setattr("tfbwe.extension.stft.synthesise", synthesise)
    x = music(1)
    decoder = Decoder(BUNDLE, 1, CUTOFF_HZ)
    decoder.process(x[:, : 20 * 512])
    decoder.process(None, 10 * 512)
    decoder.process(x[:, : 5 * 512])
    lost_ms = np.arange(1, 11) * 512 / SAMPLE_RATE * 1000
    fading = np.maximum(0, 1 - np.floor(lost_ms / 10) / 5)
    assert not fading[4:].any()
    expected = [*np.ones(20), *fading, *np.ones(5)]
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    decoder.process(None, 10 * 512)
    decoder.reset()
    decoder.process(None, 10 * 512)
    np.testing.assert_allclose(weights, [*expected, *fading, *fading], atol=1e-6)


def test_the_network_s_memory_is_cleared_after_100_ms_of_loss(monkeypatch):
    events = []

    class Recorder(KnownNetwork):
        def reset(self):
            events.append("reset")

        def step(self, features):
            events.append("step")
            return super().step(features)

    monkeypatch.setattr("tfbwe.decoder.StepModel", Recorder)
    x = music(1)
    decoder = Decoder(BUNDLE, 1, CUTOFF_HZ)
    events.clear()
    decoder.process(x[:, : 20 * 512])
    decoder.process(None, 8 * 512)
    assert events == ["step"] * 28
    decoder.process(None, 2 * 512)
    decoder.process(x[:, : 5 * 512])
    assert events[28:] == ["reset", "step"] * 2 + ["step"] * 5


def test_a_loss_fades_out_and_the_music_comes_back_as_it_was():
    x = music(2, 1.2)
    decoder = Decoder(BUNDLE, 2, CUTOFF_HZ)
    whole = decode(decoder, x)
    parts = [decoder.process(x[:, :20000]), decoder.process(None, 6000), decoder.process(x[:, 26000:])]
    y = np.concatenate([*parts, decoder.flush()], axis=1)
    np.testing.assert_array_equal(y[:, :20000], whole[:, :20000])
    faded = 20000 + 50 * SAMPLE_RATE // 1000 + LATENCY
    assert not y[:, faded:26000].any()
    gap = x.copy()
    gap[:, 20000:26000] = 0
    added, expected = y - delayed(gap), whole - delayed(x)
    late = slice(45000, None)
    energy = (expected[:, late] ** 2).sum()
    assert 0.5 * energy < (added[:, late] ** 2).sum() < 2 * energy


def test_a_negative_number_of_lost_samples_is_refused():
    with pytest.raises(AudioError, match="received -1"):
        Decoder(BUNDLE, 1, CUTOFF_HZ).process(None, -1)
