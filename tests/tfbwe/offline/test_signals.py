"""Whole signals: what comes out beside what went in."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.helpers.sound_files import high_energy, low_band
from tfbwe.errors import AudioError, ConfigError
from tfbwe.offline.signals import extend

pytestmark = pytest.mark.usefixtures("stand_in")


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 32000, 44100, 48000, 96000, 192000])
def test_the_output_is_aligned_exactly_as_long_and_keeps_the_received_band(low_passed, rate):
    x = low_passed(2, 0.6, rate, 3000)
    y, out_rate = extend(x, rate, cutoff_hz=3500)
    assert out_rate == max(rate, 44100)
    assert y.dtype == np.float32
    assert y.shape == (2, round(x.shape[1] * out_rate / rate))
    assert high_energy(y, out_rate) > 100
    spectrum, n = np.fft.rfft(x), y.shape[1]
    padded = np.zeros((2, n // 2 + 1), complex)
    padded[:, : min(spectrum.shape[1], n // 2 + 1)] = spectrum[:, : n // 2 + 1]
    expected = np.fft.irfft(padded, n) * n / x.shape[1]
    middle = slice(4000, -4000)
    assert np.abs(low_band(y, out_rate) - low_band(expected, out_rate))[:, middle].max() < 1e-3


@pytest.mark.parametrize("channels", range(1, 9))
def test_one_to_eight_channels_are_extended(low_passed, channels):
    x = low_passed(channels, 0.2)
    y, _ = extend(x, 44100, cutoff_hz=6000)
    assert y.shape == x.shape
    assert np.isfinite(y).all()


def test_a_flat_array_comes_back_flat_and_equal_to_its_single_channel(low_passed):
    x = low_passed(1, 0.3)
    y, _ = extend(x[0].astype(np.float64), 44100, cutoff_hz=6000)
    np.testing.assert_array_equal(y, extend(x, 44100, cutoff_hz=6000)[0][0])


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_silence_stays_silence(rate):
    y, out_rate = extend(np.zeros((2, rate), np.float32), rate, cutoff_hz=3800)
    assert y.shape == (2, out_rate)
    assert not y.any()


@pytest.mark.parametrize("samples", [0, 1, 7, 2047, 2048, 2049])
@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_any_length_is_kept(rate, samples):
    y, out_rate = extend(np.full((1, samples), 0.1, np.float32), rate, cutoff_hz=3800)
    assert y.shape == (1, round(samples * out_rate / rate))


def test_the_received_samples_of_a_high_rate_stay_bit_for_bit(low_passed):
    x = low_passed(2, 0.3, 96000)
    y, _ = extend(x, 96000, cutoff_hz=6000, diffuse=0)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(
    ("x", "rate", "error"),
    [
        (np.zeros((2, 10), np.int16), 44100, "floating-point"),
        (np.zeros((2, 2, 2), np.float32), 44100, "shape"),
        ([[0.0], [0.0, 0.0]], 44100, "rows of different lengths"),
        (["a", "b"], 44100, "floating-point"),
        (None, 44100, "floating-point"),
        (np.zeros((9, 10), np.float32), 44100, "1-8 channels"),
        (np.zeros((0, 10), np.float32), 44100, "1-8 channels"),
        (np.zeros(10, np.float32), 7000, "8000-192000"),
        (np.array([0.0, np.nan]), 44100, "NaN"),
        (np.array([0.0, np.inf]), 44100, "infinite"),
    ],
)
def test_signals_that_cannot_be_extended_are_refused(x, rate, error):
    with pytest.raises(AudioError, match=error):
        extend(x, rate, cutoff_hz=3500)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cutoff_hz": 22050.5},
        {"cutoff_hz": 0},
        {"cutoff_hz": -1},
        {"cutoff_hz": float("nan")},
        {"diffuse": 1.1},
        {"diffuse": float("nan")},
        {"phase": "griffin-lim"},
        {"cutoff_hz": "auto"},
        {"cutoff_hz": True},
        {"diffuse": None},
        {"phase": None},
        {"sample_rate": 22050.5},
        {"sample_rate": float("nan")},
        {"sample_rate": None},
    ],
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)).split("_")[0]):
        extend(np.zeros(100, np.float32), **{"sample_rate": 44100, **wrong})


@pytest.mark.parametrize("rate", [np.float64(48000), 48000.0, np.int32(48000)])
def test_a_whole_rate_of_any_type_is_taken_as_an_int(low_passed, rate):
    _, out_rate = extend(low_passed(1, 0.2), rate, cutoff_hz=6000)
    assert (out_rate, type(out_rate)) == (48000, int)


def test_a_cutoff_at_half_the_rate_leaves_no_hole_where_resampling_ends(low_passed):
    x = low_passed(1, 1.0, 16000, 8000)
    with pytest.warns(UserWarning, match=r"up to 7600 Hz: extended from there, not 8000 Hz"):
        y, _ = extend(x, 16000, cutoff_hz=8000)
    np.testing.assert_array_equal(y, extend(x, 16000, cutoff_hz=7600)[0])


def test_a_cutoff_at_half_of_a_high_rate_leaves_nothing_to_add(low_passed):
    x = low_passed(1, 0.5)
    with pytest.warns(UserWarning, match="the received band reaches 22050 Hz, .*; nothing added"):
        y, _ = extend(x, 44100, cutoff_hz=22050)
    np.testing.assert_array_equal(y, x)


def test_a_cutoff_below_those_of_the_training_is_warned_of(low_passed):
    with pytest.warns(UserWarning, match="trained for cutoffs from 3500 Hz"):
        extend(low_passed(1, 0.2), 44100, cutoff_hz=2000)


def test_a_band_wider_than_the_model_adds_to_is_passed_through_and_said_so(low_passed):
    x = low_passed(2, 1.0, cutoff_hz=18000)
    with pytest.warns(
        UserWarning, match="reaches 180.. Hz, the model adds above 16000 Hz at most; nothing added"
    ):
        y, _ = extend(x, 44100)
    np.testing.assert_array_equal(y, x)
    with pytest.warns(UserWarning, match="no edge"):
        y, _ = extend(low_passed(2, 1.0, cutoff_hz=22050), 44100)


def test_a_sum_beyond_full_scale_is_returned_as_it_is_and_warned_of(low_passed):
    x = low_passed(2, 1.0, peak=1.0)
    with pytest.warns(UserWarning, match=r"reaches (1\.\d\d), beyond \[-1, 1\]") as caught:
        y, _ = extend(x, 44100, cutoff_hz=6000)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert f"{np.abs(y).max():.2f}" in str(caught[0].message)


def test_what_came_beyond_full_scale_is_no_matter_of_extending(low_passed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extend(low_passed(1, 1.0, peak=1.2), 44100, cutoff_hz=6000)


def test_no_warning_is_given_where_there_is_something_to_add(low_passed):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        extend(low_passed(1, 1.0, cutoff_hz=7000), 44100)
