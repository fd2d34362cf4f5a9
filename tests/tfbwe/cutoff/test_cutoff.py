"""The edge finder on signals whose edge is known by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.cutoff.bandwidth import Bandwidth
from tfbwe.cutoff.edge import find_edge_hz
from tfbwe.cutoff.histogram import Histogram
from tfbwe.cutoff.tracker import CutoffTracker
from tfbwe.errors import AudioError, ConfigError

RATE = 44100
WINDOW = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048))


def pink(seconds, rate=RATE, seed=0, channels=1):
    """Noise that falls by 3 dB an octave, peak 0.5."""
    noise = np.random.default_rng(seed).standard_normal((channels, int(seconds * rate)))
    spectrum = np.fft.rfft(noise)
    spectrum /= np.sqrt(np.arange(spectrum.shape[1]) + 1)
    x = np.fft.irfft(spectrum, noise.shape[1])
    return (0.5 * x / np.abs(x).max()).astype(np.float32)


def shaped(x, response, rate=RATE):
    spectrum = np.fft.rfft(x.astype(np.float64))
    frequency = np.fft.rfftfreq(x.shape[1], 1 / rate)
    return np.fft.irfft(spectrum * response(frequency), x.shape[1]).astype(np.float32)


def walled(x, cutoff_hz, rate=RATE):
    return shaped(x, lambda f: f < cutoff_hz, rate)


def rounded(x):
    return (np.round(x * 32768) / 32768).astype(np.float32)


def cutoff_of(x, rate=RATE):
    bandwidth = Bandwidth(rate)
    bandwidth.update(x)
    return bandwidth.cutoff_hz


def tracked(tracker, x):
    """Feed a signal and return the cutoff after each frame."""
    frames = np.lib.stride_tricks.sliding_window_view(x, 2048, axis=1)[:, ::512]
    power = np.square(np.abs(np.fft.rfft(frames * WINDOW, axis=-1)))
    history = []
    for index in range(power.shape[1]):
        tracker.update(power[:, index])
        history.append(tracker.cutoff_hz)
    return history


@pytest.mark.parametrize("finish", [rounded, np.asarray], ids=["16 bit", "float"])
@pytest.mark.parametrize("cutoff_hz", [3500, 5000, 8000, 11000, 16000])
def test_a_brick_wall_is_found_within_two_bins(cutoff_hz, finish):
    assert cutoff_of(finish(walled(pink(2), cutoff_hz))) == pytest.approx(cutoff_hz, abs=2 * RATE / 2048)


@pytest.mark.parametrize("finish", [rounded, np.asarray], ids=["16 bit", "float"])
@pytest.mark.parametrize("order", [12, 24], ids=["causal", "forward and backward"])
@pytest.mark.parametrize("cutoff_hz", [4000, 6000, 8000])
def test_a_gentle_analogue_low_pass_is_found_within_5_percent(cutoff_hz, order, finish):
    x = shaped(pink(3), lambda f: 1 / np.sqrt(1 + (f / cutoff_hz) ** order))
    assert cutoff_of(finish(x)) == pytest.approx(cutoff_hz, rel=0.05)


def squeezed(f, cutoff_hz):
    """Multiples of the cutoff that a digital filter has at frequencies `f`."""
    return np.tan(np.pi * np.minimum(f / RATE, 0.4999)) / np.tan(np.pi * cutoff_hz / RATE)


@pytest.mark.parametrize("tilt_db", [-9, -3])
@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("cutoff_hz", [5000, 6000, 8000, 12000])
def test_a_digital_butterworth_is_found_within_5_percent(cutoff_hz, passes, tilt_db):
    x = shaped(pink(3), lambda f: np.maximum(f / 500, 1) ** ((tilt_db + 3) / 6.02))
    for finish in (rounded, np.asarray):
        y = shaped(x, lambda f: (1 + squeezed(f, cutoff_hz) ** 12) ** (-passes / 2))
        assert cutoff_of(finish(y)) == pytest.approx(cutoff_hz, rel=0.05)


@pytest.mark.parametrize("cutoff_hz", [5000, 11025])
def test_the_cutoff_of_a_steep_chebyshev_is_the_end_of_its_pass_band(cutoff_hz):
    polynomial = np.polynomial.Chebyshev.basis(6)
    x = shaped(pink(3), lambda f: 1 / (1 + 0.0116 * polynomial(squeezed(f, cutoff_hz)) ** 2))
    assert cutoff_of(rounded(x)) == pytest.approx(cutoff_hz, rel=0.05)


def test_bands_that_a_codec_spares_below_its_wall_are_no_low_pass():
    x = shaped(pink(3), lambda f: np.sqrt(f) / np.sqrt(1 + (f / 4000) ** 24) * (f < 7500))
    assert cutoff_of(rounded(x / np.abs(x).max())) == pytest.approx(7500, rel=0.02)


def test_a_wall_that_takes_300_hz_to_fall_ends_where_it_begins():
    x = shaped(pink(3), lambda f: 10 ** (-60 / 20 * np.clip((f - 5500) / 300, 0, 1)) * (f < 5800))
    assert cutoff_of(rounded(x)) == pytest.approx(5500, rel=0.02)


def test_a_gentle_low_pass_is_found_below_the_wall_that_the_music_had_before():
    x = shaped(walled(pink(3), 16500), lambda f: 1 / (1 + squeezed(f, 11000) ** 12))
    assert cutoff_of(x) == pytest.approx(11000, rel=0.05)


def test_a_step_of_the_music_on_a_gentle_slope_is_no_wall():
    x = shaped(pink(3), lambda f: 10 ** (-0.5 * (f > 6500)) / (1 + squeezed(f, 5000) ** 12))
    assert cutoff_of(rounded(x)) == pytest.approx(5000, rel=0.1)


@pytest.mark.parametrize("tilt_db", [-20, -12, -6, 0])
def test_a_spectrum_without_an_edge_gives_none_whatever_its_tilt(tilt_db):
    x = shaped(pink(2), lambda f: np.maximum(f / 500, 1) ** (tilt_db / 6.02))
    assert cutoff_of(x) is None
    assert cutoff_of(rounded(x)) is None


def test_music_that_turns_dull_is_not_taken_for_low_passed():
    assert cutoff_of(shaped(pink(2), lambda f: np.minimum(1, (4000 / np.maximum(f, 1)) ** 3))) is None


def test_a_step_down_with_content_after_it_is_no_edge():
    x = shaped(pink(2), lambda f: np.interp(f, [4000, 5600], [1.0, 0.15]))
    assert cutoff_of(x) is None


@pytest.mark.parametrize("frequency_hz", [440, 3000, 5000, 9000])
def test_a_single_tone_is_no_band(frequency_hz):
    t = np.arange(2 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)[None]
    assert cutoff_of(tone) is None
    assert cutoff_of(rounded(tone)) is None


def test_content_above_a_notch_is_not_cut_off():
    x = shaped(pink(2), lambda f: (f < 5000) | (f > 9000))
    assert cutoff_of(x) is None


def test_the_upper_of_two_walls_is_the_edge():
    x = shaped(pink(2), lambda f: ((f < 4000) | (f > 6000)) & (f < 12000))
    assert cutoff_of(x) == pytest.approx(12000, rel=0.01)


def test_a_channel_that_reaches_further_counts():
    x = np.concatenate([walled(pink(2), 4000), walled(pink(2, seed=1), 10000)])
    assert cutoff_of(x) == pytest.approx(10000, rel=0.01)
    assert cutoff_of(x[::-1]) == cutoff_of(x)


@pytest.mark.parametrize("change", [lambda x: x + 0.2, lambda x: -x, lambda x: 0.02 * x, lambda x: 3 * x])
def test_offset_polarity_and_gain_do_not_move_the_edge(change):
    x = walled(pink(2), 6000)
    assert cutoff_of(change(x).astype(np.float32)) == pytest.approx(6000, rel=0.01)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 48000, 96000, 192000])
def test_every_sample_rate_finds_its_edge_and_reaches_nyquist_without_one(rate):
    x = pink(2, rate)
    assert cutoff_of(walled(x, 0.3 * rate, rate), rate) == pytest.approx(0.3 * rate, rel=0.02)
    whole = Bandwidth(rate)
    whole.update(x)
    assert whole.cutoff_hz is None
    assert whole.bandwidth_hz == rate / 2


@pytest.mark.parametrize("samples", [0, 1, 2047, 50000])
def test_silence_and_short_signals_have_no_edge(samples):
    assert cutoff_of(np.zeros((2, samples), np.float32)) is None


def test_near_silence_between_does_not_hide_the_edge():
    x = walled(pink(0.5), 7000)
    hiss = 1e-5 * np.random.default_rng(1).standard_normal((1, 25 * RATE)).astype(np.float32)
    assert cutoff_of(np.concatenate([x, hiss, x], axis=1)) == pytest.approx(7000, rel=0.01)


@given(st.lists(st.integers(0, 9000), max_size=12))
@settings(max_examples=20, deadline=None)
def test_the_result_does_not_depend_on_the_blocks(sizes):
    x = walled(pink(0.8, channels=2), 8000)
    whole, parts = Bandwidth(RATE), Bandwidth(RATE)
    whole.update(x)
    for block in np.split(x, np.minimum(np.cumsum(sizes, dtype=int), x.shape[1]), axis=1):
        parts.update(block)
    assert np.array_equal(parts.envelope_db, whole.envelope_db)


def test_memory_does_not_grow_with_length():
    bandwidth = Bandwidth(RATE)
    for _ in range(5):
        bandwidth.update(pink(0.5))
        assert bandwidth._rest.shape[1] < bandwidth.n_fft


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
@settings(max_examples=20, deadline=None)
def test_the_envelope_is_the_95th_percentile_to_a_class(seed, frames):
    power = 10 ** np.random.default_rng(seed).uniform(-17, 3, (frames, 5))
    histogram = Histogram(5)
    histogram.add(power)
    level = np.clip(10 * np.log10(power), -160, 20)
    expected = np.sort(level, axis=0)[int(np.ceil(0.95 * frames)) - 1]
    assert np.abs(histogram.envelope_db() - expected).max() <= 1.0


def test_a_loud_tone_reads_its_level():
    t = np.arange(RATE) / RATE
    bandwidth = Bandwidth(RATE)
    bandwidth.update((0.5 * np.sin(2 * np.pi * 100 * RATE / 2048 * t)).astype(np.float32)[None])
    assert bandwidth.envelope_db[100] == pytest.approx(20 * np.log10(0.5), abs=1.0)


@given(st.integers(0, 2**32 - 1), st.integers(0, 1200), st.floats(1, 200))
@settings(max_examples=50, deadline=None)
def test_any_envelope_gives_an_edge_below_nyquist_or_none(seed, bins, bin_hz):
    envelope = np.random.default_rng(seed).uniform(-200, 20, bins)
    envelope[::7] = -np.inf
    edge_hz = find_edge_hz(envelope, bin_hz)
    assert edge_hz is None or 0 < edge_hz < (bins - 1) * bin_hz


def test_nan_samples_are_left_out():
    x = walled(pink(2), 8000)
    x[0, 1000] = np.nan
    assert cutoff_of(x) == pytest.approx(8000, rel=0.01)


@pytest.mark.parametrize("x", [np.zeros(5), np.zeros((0, 5)), np.zeros((1, 2, 3))])
def test_another_shape_is_refused(x):
    with pytest.raises(AudioError, match=r"channels, samples"):
        Bandwidth(RATE).update(x)


def test_a_change_of_channels_is_refused():
    bandwidth = Bandwidth(RATE)
    bandwidth.update(np.zeros((2, 10), np.float32))
    with pytest.raises(AudioError, match=r"\(2, samples\)"):
        bandwidth.update(np.zeros((1, 10), np.float32))


def test_a_rate_that_is_not_positive_is_refused():
    with pytest.raises(ConfigError, match="sample_rate"):
        Bandwidth(0)
    with pytest.raises(ConfigError, match="positive"):
        CutoffTracker(memory_s=0)


def test_a_stream_learns_its_edge_within_three_seconds_and_keeps_it():
    history = tracked(CutoffTracker(), walled(pink(6), 8000))
    known = [edge_hz for edge_hz in history if edge_hz is not None]
    assert len(history) - len(known) < 3 * RATE / 512
    assert len(set(known)) == 1
    assert known[0] == pytest.approx(8000, rel=0.01)


@pytest.mark.parametrize("cutoff_hz", [5000, 12000])
def test_a_stream_learns_the_cutoff_of_a_gentle_low_pass_too(cutoff_hz):
    x = shaped(pink(6), lambda f: 1 / (1 + squeezed(f, cutoff_hz) ** 12))
    assert tracked(CutoffTracker(), rounded(x))[-1] == pytest.approx(cutoff_hz, rel=0.06)


def test_a_stream_of_full_band_music_has_no_edge():
    assert set(tracked(CutoffTracker(), pink(5))) == {None}


def test_an_edge_outlasts_silence_and_a_dull_passage():
    tracker = CutoffTracker(memory_s=1)
    x = walled(pink(6), 8000)
    dull = shaped(x, lambda f: np.maximum(f / 300, 1) ** -3.0)
    tracked(tracker, rounded(x))
    history = tracked(tracker, rounded(np.concatenate([0 * x, dull], axis=1)))
    assert None not in history
    assert all(edge_hz == pytest.approx(8000, rel=0.01) for edge_hz in history)


def test_a_short_outburst_does_not_move_the_edge():
    tracker = CutoffTracker(memory_s=2)
    tracked(tracker, walled(pink(6), 5000))
    history = tracked(tracker, np.concatenate([walled(pink(0.4), 12000), walled(pink(6), 5000)], axis=1))
    assert all(edge_hz == pytest.approx(5000, rel=0.01) for edge_hz in history)


def test_a_lasting_change_replaces_the_edge():
    tracker = CutoffTracker(memory_s=2)
    tracked(tracker, walled(pink(6), 5000))
    assert tracked(tracker, walled(pink(14), 11000))[-1] == pytest.approx(11000, rel=0.01)
    assert tracked(tracker, walled(pink(16), 4000))[-1] == pytest.approx(4000, rel=0.01)


def test_content_up_to_nyquist_ends_an_edge():
    tracker = CutoffTracker(memory_s=2)
    tracked(tracker, walled(pink(6), 5000))
    assert tracked(tracker, pink(8))[-1] is None


def test_a_reset_tracker_is_like_new():
    tracker = CutoffTracker()
    first = tracked(tracker, walled(pink(3), 8000))
    tracker.reset()
    assert tracker.cutoff_hz is None
    assert tracked(tracker, walled(pink(3), 8000)) == first


def test_power_that_is_not_finite_does_no_harm():
    tracker = CutoffTracker()
    for value in (np.nan, np.inf, 0.0):
        for _ in range(200):
            tracker.update(np.full((2, 1025), value, np.float32))
    assert tracker.cutoff_hz is None


def test_power_of_another_shape_is_refused():
    tracker = CutoffTracker()
    with pytest.raises(AudioError, match="1025"):
        tracker.update(np.zeros((1, 513)))
