"""Long-term statistics of a spectrum in bands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.restoring import measured, spectrum
from tfbwe.restoration.statistics import (
    BANDS,
    CENTRES_HZ,
    LEAKAGE,
    ROUNDING_POWER,
    band_power,
    features,
    moments,
)


def white(seconds=8.0, level=0.1, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((channels, round(44100 * seconds)))).astype(np.float32)


def test_bands_reach_20_khz():
    assert len(CENTRES_HZ) == BANDS
    assert CENTRES_HZ[-1] == pytest.approx(20000, rel=0.01)


@pytest.mark.parametrize("channels", [1, 2])
def test_white_noise_has_one_power_in_all_bands_and_a_known_spread(channels):
    count, rows = moments(band_power(spectrum(white(channels=channels))))
    assert count > 600
    mean, log, root, square = rows[:, 1:]
    np.testing.assert_allclose(mean, 0.01 * 1024, rtol=0.15)
    spread = np.sqrt(square - log * log)
    np.testing.assert_allclose(spread.mean(), 0.5 / np.sqrt(channels), rtol=0.05)
    assert (log <= np.log(mean)).all()
    assert (root**2 <= mean).all()


def test_rounding_to_16_bits_leaves_the_power_that_is_stated():
    x = white(level=0.3)
    error = np.rint(x * 32768) / 32768 - x
    power = band_power(spectrum(error))
    assert power[:, 1:].mean() == pytest.approx(ROUNDING_POWER, rel=0.03)


def test_silence_tells_nothing():
    count, rows = moments(band_power(spectrum(np.zeros((1, 44100)))))
    assert (count, rows.any()) == (0, False)
    sound = white(2.0)
    half = np.concatenate([sound, np.zeros((1, 88200), np.float32)], axis=1)
    expected, received = (measured(x) for x in (sound, half))
    np.testing.assert_allclose(received[1], expected[1], atol=0.2)


def test_the_window_leaks_as_much_as_is_stated():
    x = white(level=1.0)
    whole = np.fft.rfft(x)
    whole[:, np.fft.rfftfreq(x.shape[1], 1 / 44100) > CENTRES_HZ[60]] = 0
    mean = measured(np.fft.irfft(whole, x.shape[1]))[0]
    leaked = LEAKAGE @ np.where(np.arange(BANDS) < 60, mean, 0)
    for distance in (3, 6, 12):
        level_db = 10 * np.log10(leaked[60 + distance] / mean[60 + distance])
        assert abs(level_db) < 2.5


@given(
    power=st.lists(st.floats(0, 2.0**99, width=32), min_size=BANDS, max_size=BANDS),
    cutoff_hz=st.sampled_from([0.0, 1.0, 8000.0, 22050.0]),
)
def test_features_are_finite_for_any_power(power, cutoff_hz):
    rows = moments(np.array([power, power], np.float32))[1]
    read = features(rows[None], np.array([[cutoff_hz]], np.float32))
    assert read.shape == (1, BANDS, 6)
    assert np.isfinite(read).all()


def test_louder_music_moves_the_levels_alone():
    rows = measured(white())
    louder = measured(2 * white())
    cutoff_hz = np.array([[8000.0]], np.float32)
    difference = features(louder[None], cutoff_hz) - features(rows[None], cutoff_hz)
    np.testing.assert_allclose(difference[0, :, :3], 2 * np.log(2) / 5, atol=1e-4)
    np.testing.assert_allclose(difference[0, :, 3:], 0, atol=1e-3)
