"""A decoder that has run for years does what a new one does: no counter overflows or loses precision."""

import numpy as np
import pytest

from tfbwe import Decoder
from tfbwe.cutoff.histogram import Histogram
from tfbwe.cutoff.tracker import CutoffTracker
from tfbwe.measures.cost import weakened_noise
from tfbwe.stft import BIN_HZ, N_FFT, inner_frames

HERTZ = np.arange(N_FFT // 2 + 1) * BIN_HZ
YEARS = 2**42
"""Even, and of samples three thousand years."""


def sound(channels=2):
    return weakened_noise((channels, 6 * 32768))


def extended(decoder, x, block=5000):
    return np.concatenate([decoder.process(x[:, i : i + block]) for i in range(0, x.shape[1], block)], axis=1)


@pytest.mark.parametrize(
    ("model", "phase", "counter"),
    [("stft", "received", "_frame"), ("stft", "pghi", "_frame"), ("cqt", "mirror", "_block")],
)
def test_the_number_of_frames_may_grow_for_ever(model, phase, counter):
    old, new = (Decoder(model, 2, 8000.0, phase=phase) for _ in range(2))
    setattr(old._extension, counter, YEARS)
    old._extension._restoring._frame = 24 * YEARS
    expected = extended(new, sound())
    assert np.array_equal(extended(old, sound()), expected)
    assert not np.array_equal(expected[:, old.latency :], sound()[:, : -old.latency])


def test_the_mirrored_phase_goes_by_odd_and_even_frames_for_ever():
    x = sound(3)
    old, new = (Decoder("stft", 3, 8000.0) for _ in range(2))
    old._extension._frame = YEARS
    assert np.array_equal(extended(old, x), extended(new, x))


def test_the_tracked_cutoff_does_not_depend_on_how_many_frames_there_were():
    noise = np.random.default_rng(0).standard_normal((1, 8 * 44100)).astype(np.float32)
    old, new = CutoffTracker(), CutoffTracker()
    old._frames, old._counted = 4 * YEARS, 2 * old._period * YEARS
    for frame in inner_frames(noise):
        power = np.where(HERTZ < 8000, np.abs(0.1 * frame) ** 2, 1e-6)
        old.update(power)
        new.update(power)
        assert old.cutoff_hz == new.cutoff_hz
    assert new.cutoff_hz == pytest.approx(8000, abs=50)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_graph_that_was_silent_for_days_wakes_up_as_after_a_pause(channels):
    # The count is float32: from 2^24 on it stands still, 54 hours after silence began.
    decoders = [Decoder("stft", channels, 8000.0) for _ in range(2)]
    for decoder, frames in zip(decoders, (2.0**24, 1000.0), strict=True):
        graph = decoder._extension._graph
        graph._states[list(graph.manifest.states).index("restoring")][4] = frames
    x = sound(channels)
    outputs = [extended(decoder, np.pad(x, ((0, 0), (100_000, 0)))) for decoder in decoders]
    assert np.array_equal(*outputs)
    assert np.abs(outputs[0][:, 102_048:] - x[:, :-2048]).max() > 0.01


@pytest.mark.parametrize(("model", "phase"), [("stft", "mirror"), ("stft", "received"), ("cqt", "mirror")])
def test_a_loss_may_last_for_days(model, phase):
    old, new = (Decoder(model, 2, 8000.0, phase=phase) for _ in range(2))
    new.process(None, 100_000)
    old.process(None, 50_000)
    old._lost += 10**11
    old.process(None, 50_000)
    assert np.array_equal(extended(old, sound()), extended(new, sound()))


def test_what_was_counted_long_ago_is_forgotten_and_leaves_no_denormal_numbers():
    histogram = Histogram(5)
    histogram.add(np.ones((100, 5), np.float32))
    for _ in range(1000):
        histogram.fade(0.9)
        histogram.add(np.full((1, 5), 1e-6, np.float32))
    counts = histogram.counts[histogram.counts != 0]
    assert counts.min() > 1e-10
    assert len(counts) == 5
    np.testing.assert_allclose(histogram.envelope_db(), -60, atol=1.0)
