"""Rounding, with dither and without."""

import numpy as np
import pytest

from tfbwe.errors import ConfigError
from training.degradation.rounding import DITHERS, SHAPE, Rounding

RATE = 44100
STEP = 2.0**-15


def music(samples=4 * RATE):
    """A quiet tone of a few steps: what rounding without dither turns into harmonics."""
    return (3.3 * STEP * np.sin(2 * np.pi * 440 / RATE * np.arange(samples)))[None].astype(np.float32)


def error_of(dither, x):
    return Rounding(16, dither).apply(x, RATE).astype(np.float64) - x


@pytest.mark.parametrize("dither", [dither for dither in DITHERS if dither != "shaped"])
def test_rounded_values_lie_on_steps(dither):
    steps = Rounding(16, dither).apply(music(), RATE) / STEP
    np.testing.assert_array_equal(steps, np.rint(steps))


@pytest.mark.parametrize(("dither", "twelfths"), [("rectangular", 2.0), ("triangular", 3.0)])
def test_the_error_of_dither_has_the_power_that_theory_gives(dither, twelfths):
    error = error_of(dither, music())
    power = np.mean(error**2) / (STEP**2 / 12)
    assert power == pytest.approx(twelfths, rel=0.05)


def test_triangular_dither_leaves_no_harmonics():
    windowed = np.hanning(4 * RATE)
    spectra = {d: np.abs(np.fft.rfft(windowed * error_of(d, music())[0])) for d in ("none", "triangular")}
    third = 3 * 440 * 4
    over = {d: s[third - 2 : third + 3].max() / np.median(s[1000:20000]) for d, s in spectra.items()}
    assert over["none"] > 30
    assert over["triangular"] < 5


def test_shaped_dither_has_the_spectrum_of_its_taps():
    error = error_of("shaped", music())[0]
    blocks = error[: len(error) // 1024 * 1024].reshape(-1, 1024)
    power = (np.abs(np.fft.rfft(blocks * np.hanning(1024))) ** 2).mean(axis=0) / (np.hanning(1024) ** 2).sum()
    wanted = np.abs(np.fft.rfft(SHAPE, 1024)) ** 2 * 3 * STEP**2 / 12
    near_hz = np.array([1000, 8000, 12000, 16000, 20000])
    at = np.round(near_hz * 1024 / RATE).astype(int)
    smooth = [power[i - 3 : i + 4].mean() for i in at]
    np.testing.assert_allclose(10 * np.log10(smooth), 10 * np.log10(wanted[at]), atol=1.0)


@pytest.mark.parametrize("dither", DITHERS)
@pytest.mark.parametrize("shape", [(2, 0), (1, 1), (2, 777)])
def test_any_length_keeps_its_shape_and_type_and_the_same_seed_gives_the_same(dither, shape):
    x = np.full(shape, 0.3, np.float32)
    y = Rounding(16, dither).apply(x, RATE)
    assert y.shape == shape
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, Rounding(16, dither).apply(x, RATE))
    if dither != "none" and y.size > 100:
        assert not np.array_equal(y, Rounding(16, dither, seed=1).apply(x, RATE))


def test_fewer_bits_are_coarser():
    x = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 50000)).astype(np.float32)
    errors = [np.std(Rounding(bits).apply(x, RATE) - x) * 2**bits for bits in (8, 12, 16)]
    np.testing.assert_allclose(errors, errors[0], rtol=0.05)


@pytest.mark.parametrize(("settings", "words"), [({"bits": 1}, "2 to 24"), ({"dither": "loud"}, "dither")])
def test_a_wrong_setting_is_one_line(settings, words):
    with pytest.raises(ConfigError, match=words):
        Rounding(**settings)
