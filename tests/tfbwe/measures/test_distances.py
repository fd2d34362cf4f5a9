"""Measures against what is known by construction, and against museval where it is installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.plain_distances import RATE, amplified, noise
from tfbwe.errors import AudioError, ConfigError
from tfbwe.measures import MEASURES
from tfbwe.measures import distances as measures
from tfbwe.measures.distances import compare, lsd, lsd_hf, sdr_db, snr_db


def museval_metrics():
    """Load museval's metrics file alone: the package as a whole refuses to load without ffmpeg."""
    package = importlib.util.find_spec("museval")
    if package is None or package.origin is None:
        pytest.skip("museval (extra `reference`) is not installed")
    spec = importlib.util.spec_from_file_location("metrics", Path(package.origin).with_name("metrics.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.3])
@pytest.mark.parametrize("channels", [1, 2])
def test_sdr_equals_museval(seconds, channels):
    metrics = museval_metrics()
    rate = 4000
    samples = int(seconds * rate)
    x = noise(channels=channels)[:, :samples]
    y = x + noise(channels=channels, seed=1, scale=0.02)[:, :samples] * np.linspace(0.1, 1, samples)
    x[:, rate : 2 * rate] = 0
    if channels == 2:
        x[1, 2 * rate : 3 * rate] = -x[0, 2 * rate : 3 * rate]
    expected = metrics.bss_eval(x.T[None], y.T[None], window=rate, hop=rate, filters_len=16)[0]
    assert sdr_db(x, y, rate) == pytest.approx(np.nanmedian(expected), abs=1e-6)


def test_equal_signals_have_infinite_ratios_and_no_distance():
    x = noise(1.5)
    found = compare(x, x, RATE, 8000)
    assert list(found.values()) == [np.inf, np.inf, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert list(found) == [name for name in MEASURES if name != "visqol"]


@given(st.floats(-20, 60), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_added_noise_gives_its_own_ratio(wanted_db, seed):
    x, e = noise(0.2, seed=seed), noise(0.2, seed=seed + 1)
    e *= np.sqrt(np.sum(x**2) / np.sum(e**2)) * 10 ** (-wanted_db / 20)
    assert snr_db(x, x + e) == pytest.approx(wanted_db, abs=1e-6)
    assert sdr_db(x, x + e, RATE) == pytest.approx(wanted_db, abs=1e-6)


def test_sdr_is_the_median_of_whole_seconds():
    x = np.ones((1, 4 * RATE + 100))
    gains = np.repeat([1e-1, 1e-2, 1e-3, 10**-2.5], RATE)
    y = x + np.concatenate([gains, np.full(100, 100.0)])
    assert sdr_db(x, y, RATE) == pytest.approx(45.0, abs=1e-6)


def test_a_frame_silent_on_either_side_does_not_count_for_sdr():
    x = np.ones((2, 3 * RATE))
    y = 1.1 * x
    x[:, :RATE] = 0
    y[:, RATE : 2 * RATE] = 0
    assert sdr_db(x, y, RATE) == pytest.approx(20.0, abs=1e-6)


@given(st.floats(1e-2, 1e2))
@settings(max_examples=20, deadline=None)
def test_ratios_do_not_depend_on_a_common_gain(gain):
    x, y = noise(0.2), noise(0.2, seed=1)
    assert snr_db(gain * x, gain * y) == pytest.approx(snr_db(x, y), abs=1e-9)
    assert sdr_db(gain * x, gain * y, RATE) == pytest.approx(sdr_db(x, y, RATE), abs=1e-9)


@given(st.floats(0.1, 10))
@settings(max_examples=20, deadline=None)
def test_a_gain_is_a_distance_of_its_decades_of_power_and_vanishes_when_matched(gain):
    x = noise(0.3)
    result = compare(x, gain * x, RATE, 6000)
    assert result["lsd"] == pytest.approx(abs(2 * np.log10(gain)), abs=1e-9)
    assert result["lsd_hf"] == pytest.approx(abs(2 * np.log10(gain)), abs=1e-9)
    assert result["lsd_hf_matched"] == pytest.approx(0, abs=1e-9)


def test_the_distance_is_symmetric_where_all_frames_are_active():
    x, y = noise(0.5), noise(0.5, seed=1)
    assert lsd(x, y, RATE) == pytest.approx(lsd(y, x, RATE), abs=1e-12)
    assert lsd(x, y, RATE) > 0.5


def test_the_power_is_clamped_at_its_floor():
    x = noise(0.5)
    decades = np.log10(np.sum(np.hanning(2049)[:-1] ** 2) * 0.01) + 8
    assert lsd(x, 0 * x, RATE) == pytest.approx(decades, abs=0.5)
    assert lsd(x, 0 * x, RATE) == lsd(x, 1e-9 * x, RATE)


def test_the_high_band_begins_at_the_cutoff_and_ends_at_16_khz():
    x = noise(1.0)
    changed = amplified(x, 8500, 15500, 10)
    beside = amplified(amplified(x, -1, 7500, 10), 16500, RATE, 10)
    assert lsd_hf(x, changed, RATE, 8000) > 1.7
    assert lsd_hf(x, beside, RATE, 8000) < 0.1


def test_matching_the_low_band_leaves_the_high_band_difference():
    x = noise(1.0)
    spectrum = np.fft.rfft(x)
    high = np.fft.rfftfreq(x.shape[1], 1 / RATE) > 8000
    y = 0.1 * np.fft.irfft(np.where(high, 0.1 * spectrum, spectrum), x.shape[1])
    result = compare(x, y, RATE, 8000)
    assert result["lsd_hf"] == pytest.approx(4.0, abs=0.1)
    assert result["lsd_hf_matched"] == pytest.approx(2.0, abs=0.1)


def test_quiet_frames_do_not_count_for_the_distance():
    loud, quiet = noise(1.0), noise(1.0, scale=1e-5)
    x = np.concatenate([loud, quiet], axis=1)
    y = np.concatenate([loud, 5 * quiet], axis=1)
    assert lsd(x, y, RATE) < 0.05
    assert lsd(quiet, 5 * quiet, RATE) > 0.3


def test_a_silent_channel_does_not_count_for_the_distance():
    x, y = noise(0.5), noise(0.5, seed=1)
    x[1] = 0
    assert lsd(x, y, RATE) == pytest.approx(lsd(x[:1], y[:1], RATE))


def test_the_order_of_channels_does_not_matter():
    x, y = noise(1.2, channels=3), noise(1.2, channels=3, seed=1)
    forward, backward = compare(x, y, RATE, 8000), compare(x[::-1], y[::-1], RATE, 8000)
    assert list(forward.values()) == pytest.approx(list(backward.values()), abs=1e-9)


@pytest.mark.parametrize("frames", [1, 7, 1000])
def test_the_slicing_does_not_change_the_result(monkeypatch, frames):
    x, y = noise(1.0), noise(1.0, seed=1)
    expected = compare(x, y, RATE, 8000)
    monkeypatch.setattr(measures, "_FRAMES_AT_ONCE", frames)
    monkeypatch.setattr(measures, "_SAMPLES_AT_ONCE", 1000 * frames)
    assert list(compare(x, y, RATE, 8000).values()) == pytest.approx(list(expected.values()), abs=1e-9)


def test_float32_signals_give_what_float64_gives():
    x, y = noise(1.0).astype(np.float32), noise(1.0, seed=1).astype(np.float32)
    single, double = compare(x, y, RATE, 8000), compare(x.astype(float), y.astype(float), RATE, 8000)
    assert list(single.values()) == pytest.approx(list(double.values()), abs=1e-6)


def test_silence_has_no_figures():
    zero, x = np.zeros((1, RATE)), noise(1.0, channels=1)
    assert all(np.isnan(value) for value in list(compare(zero, zero, RATE, 8000).values()))
    assert snr_db(zero, x) == -np.inf
    assert np.isnan(sdr_db(zero, x, RATE))


@pytest.mark.parametrize("samples", [0, 100, 2047, 2048, 2049])
def test_short_signals_are_measured_too(samples):
    x = noise(1.0)[:, :samples]
    distance = lsd(x, 2 * x, RATE)
    assert np.isnan(distance) if samples == 0 else 0 < distance <= 2 * np.log10(2) + 1e-9


@pytest.mark.parametrize("shapes", [((1, 9), (2, 9)), ((2, 9), (2, 8)), ((9,), (9,)), ((0, 9), (0, 9))])
def test_unequal_shapes_are_refused(shapes):
    with pytest.raises(ConfigError, match="one shape"):
        compare(np.zeros(shapes[0]), np.zeros(shapes[1]), RATE, 8000)


@pytest.mark.parametrize(("rate", "cutoff_hz"), [(44100, 0), (44100, -1), (44100, 20000), (16000, 8000)])
def test_a_cutoff_outside_the_measured_band_is_refused(rate, cutoff_hz):
    limit_hz = min(20000, rate / 2)
    for bandwidth_hz in (None, 9000.0):
        with pytest.raises(ConfigError, match=f"cutoff_hz: .* between 0 and {limit_hz:g} Hz .* received"):
            compare(noise(0.1), noise(0.1), rate, cutoff_hz, bandwidth_hz)
    with pytest.raises(ConfigError, match="between 0 and 16000 Hz"):
        lsd_hf(noise(0.1), noise(0.1), RATE, 16000)


@pytest.mark.parametrize("bandwidth_hz", [0.0, -1.0, np.nan])
def test_a_bandwidth_that_is_none_is_refused(bandwidth_hz):
    with pytest.raises(ConfigError, match="bandwidth_hz: expected a frequency above 0 Hz"):
        compare(noise(0.1), noise(0.1), RATE, 8000, bandwidth_hz)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(value):
    x, y = noise(0.1), noise(0.1)
    y[0, 5] = value
    with pytest.raises(AudioError, match="estimate"):
        sdr_db(x, y, RATE)


def test_without_a_cutoff_what_needs_a_band_is_none_and_the_rest_the_same():
    x, y = noise(0.1, seed=1), noise(0.1, seed=2)
    with_band, without = compare(x, y, RATE, 8000), compare(x, y, RATE, None)
    for name in with_band:
        assert without[name] == (None if MEASURES[name].needs_band else with_band[name])
