from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfbwe.cqt import CQT
from tfbwe.cqt.tables import SINE_MAGNITUDE
from tfbwe.errors import AudioError, ConfigError

DEFAULT = CQT()
SMALL = CQT(sample_rate=8000, block_length=1024, bins_per_octave=12, f_min=50, f_max=3600)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def random_coefficients(cqt, *batch, seed=0):
    parts = np.random.default_rng(seed).standard_normal((2, *batch, *cqt.shape)).astype(np.float32)
    return parts[0] + 1j * parts[1]


def energy(x):
    return np.sum(np.abs(x).astype(np.float64) ** 2)


@st.composite
def parameters(draw):
    sample_rate = draw(st.sampled_from([8000, 16000, 22050, 32000, 44100, 48000, 96000]))
    block_length = 2 * draw(st.integers(32, 8192))
    lowest = 2 * sample_rate / block_length
    f_min = lowest * (sample_rate / 4 / lowest) ** draw(st.floats(0, 1))
    f_max = draw(st.floats(f_min, sample_rate / 2))
    bins_per_octave = draw(st.one_of(st.integers(1, 12), st.integers(12, 96)))
    return sample_rate, block_length, bins_per_octave, f_min, f_max


@settings(deadline=None, max_examples=200)
@given(parameters(), st.integers(0, 2**32 - 1))
def test_every_transform_that_is_not_refused_inverts_exactly_and_is_stable(values, seed):
    sample_rate, block_length, bins_per_octave, f_min, f_max = values
    try:
        cqt = CQT(*values)
    except ConfigError:
        step = 2 ** (1 / bins_per_octave)
        count = math.floor(bins_per_octave * math.log2(f_max / f_min) + 1e-9)
        top = f_min * step**count * block_length / sample_rate
        width = top * (step - 1 / step)
        assert width < 3.51 or top + width / 2 > block_length / 2 - 1
        return
    x = noise(2, block_length, seed=seed)
    c = cqt.forward(x)
    assert np.abs(cqt.inverse(c) - x).max() < 1e-6
    assert np.all(np.diff(cqt.frequencies) >= 0)
    low, high = cqt.frame_bounds
    unit = SINE_MAGNITUDE**2 * 2 * cqt.shape[0] / block_length
    assert low / unit > 0.1, "a dual window blows up"
    assert low * energy(x) * 0.999 < energy(c) < high * energy(x) * 1.001


@settings(deadline=None, max_examples=30)
@given(parameters(), st.integers(0, 2**32 - 1))
def test_no_alteration_brings_out_more_energy_than_the_frame_bounds_allow(values, seed):
    try:
        cqt = CQT(*values)
    except ConfigError:
        assume(False)
    rng = np.random.default_rng(seed)
    x = noise(cqt.block_length, seed=seed)
    low, high = cqt.frame_bounds
    turned = cqt.forward(x) * np.exp(2j * np.pi * rng.random(cqt.shape)).astype(np.complex64)
    assert energy(cqt.inverse(turned)) <= min(energy(turned) / low, energy(x) * high / low) * 1.001
    anything = random_coefficients(cqt, seed=seed)
    assert energy(cqt.inverse(anything)) <= energy(anything) / low * 1.001


@pytest.mark.parametrize("cqt", [SMALL, CQT(16000, 2048, 48, 400, 2000)])
def test_frame_bounds_are_reached_by_the_worst_and_the_best_sinusoid(cqt):
    bins = cqt.block_length // 2 + 1
    x = np.fft.irfft(np.eye(bins) * cqt.block_length / 2).astype(np.float32)
    gains = [energy(cqt.forward(row)) / energy(row) for row in x]
    np.testing.assert_allclose((min(gains), max(gains)), cqt.frame_bounds, rtol=1e-4)


def test_zero_and_nyquist_count_as_much_as_other_frequencies():
    cqt = CQT(16000, 2048, 6, 500, 6000)
    unit = SINE_MAGNITUDE**2 * 2 * cqt.shape[0] / 2048
    for x in (np.ones(2048), np.cos(np.pi * np.arange(2048)), np.cos(np.pi * np.arange(2048) / 64)):
        assert energy(cqt.forward(x.astype(np.float32))) == pytest.approx(unit * energy(x), rel=1e-4)
    assert cqt.frame_bounds[1] / cqt.frame_bounds[0] < 2.2


@pytest.mark.parametrize("f_max", [5000.0, 12000.0, 20500.0, 21700.0])
def test_noise_with_random_phases_keeps_its_level_wherever_the_bands_end(f_max):
    cqt = CQT(f_max=f_max)
    phases = np.random.default_rng(1).random(cqt.shape)
    x = noise(cqt.block_length)
    y = cqt.inverse(cqt.forward(x) * np.exp(2j * np.pi * phases).astype(np.complex64))
    power = np.abs(np.fft.rfft(y)).reshape(-1)[:-1].reshape(64, -1) ** 2
    before = np.abs(np.fft.rfft(x)).reshape(-1)[:-1].reshape(64, -1) ** 2
    assert np.max(power.sum(axis=1) / before.sum(axis=1)) < 1.5


def test_defaults_have_the_published_shape_and_bounds():
    assert DEFAULT.shape == (448, 406)
    assert DEFAULT.constant_q == slice(1, 401)
    assert DEFAULT.frame_bounds[1] / DEFAULT.frame_bounds[0] < 20.1


def test_defaults_invert_full_scale_noise_impulses_and_a_constant():
    x = np.stack([np.sign(noise(32768)), np.eye(1, 32768)[0], np.eye(1, 32768, 32767)[0], np.ones(32768)])
    x = x.astype(np.float32)
    assert np.abs(DEFAULT.inverse(DEFAULT.forward(x)) - x).max() < 1e-6


def test_frequencies_run_from_zero_to_nyquist_with_a_constant_ratio_between():
    frequencies = DEFAULT.frequencies
    assert frequencies[0] == 0
    assert frequencies[-1] == 22050
    assert np.all(np.diff(frequencies) > 0)
    inner = frequencies[DEFAULT.constant_q]
    np.testing.assert_allclose(inner, 64 * 2 ** (np.arange(400) / 48))
    assert inner[-1] <= 20500 < inner[-1] * 2 ** (1 / 48)


def test_a_highest_frequency_on_the_grid_is_a_band_in_spite_of_rounding():
    for steps in range(40, 100):
        cqt = CQT(bins_per_octave=12, f_min=55.0, f_max=55.0 * 2 ** (steps / 12))
        assert cqt.constant_q.stop - cqt.constant_q.start == steps + 1


def test_coefficients_are_those_of_the_definition():
    frames, _ = SMALL.shape
    x = noise(1024)
    spectrum = np.fft.rfft(x.astype(np.float64))
    c = SMALL.forward(x)
    hertz = SMALL.frequencies[SMALL.constant_q]
    for k, f in enumerate(hertz):
        centre = round(f / 8000 * 1024)
        length = max(4, round(f * (2 ** (1 / 12) - 2 ** (-1 / 12)) / 8000 * 1024))
        offsets = np.array([o for o in range(-length, length + 1) if abs(o) < length / 2])
        window = 0.5 + 0.5 * np.cos(2 * np.pi * offsets / length)
        waves = np.exp(2j * np.pi * np.outer(np.arange(frames), offsets) / frames)
        expected = waves @ (window * spectrum[centre + offsets]) * SINE_MAGNITUDE * 2 / 1024
        np.testing.assert_allclose(c[:, SMALL.constant_q][:, k], expected, atol=2e-4)


@pytest.mark.parametrize("band", [150, 250, 400])
def test_a_full_scale_sine_peaks_in_its_band_at_the_magnitude_of_the_stft(band):
    bin_ = round(DEFAULT.frequencies[band] / 44100 * 32768)
    x = np.sin(2 * np.pi * bin_ / 32768 * np.arange(32768)).astype(np.float32)
    magnitudes = np.abs(DEFAULT.forward(x))
    np.testing.assert_allclose(magnitudes[:, band], SINE_MAGNITUDE, rtol=1e-4)
    assert np.argmax(magnitudes.mean(axis=0)) == band


@pytest.mark.parametrize("frame", [0, 7, 224, 441])
def test_an_impulse_peaks_in_the_frame_at_its_sample(frame):
    x = np.zeros(32768, np.float32)
    x[round(frame * 32768 / 448)] = 1
    magnitudes = np.abs(DEFAULT.forward(x))[:, 300:]
    assert np.all(np.argmax(magnitudes, axis=0) == frame)


def test_every_band_of_a_batch_is_bit_for_bit_that_of_its_block_alone():
    x = noise(2, 3, 1024)
    c = SMALL.forward(x)
    y = SMALL.inverse(c)
    assert c.dtype == np.complex64
    assert c.shape == (2, 3, *SMALL.shape)
    assert y.dtype == np.float32
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(SMALL.forward(x[i]), c[i])
        np.testing.assert_array_equal(SMALL.inverse(np.ascontiguousarray(c[i])), y[i])


@settings(deadline=None, max_examples=30)
@given(st.integers(0, SMALL.shape[1]), st.integers(0, SMALL.shape[1]))
def test_some_bands_are_bit_for_bit_those_of_all_of_them(one, other):
    which = slice(min(one, other), max(one, other))
    x = noise(2, 1024)
    c = SMALL.forward(x)
    part = SMALL.bands(SMALL.spectrum(x), which)
    np.testing.assert_array_equal(part, c[..., which])
    alone = np.zeros_like(c)
    alone[..., which] = part
    np.testing.assert_array_equal(SMALL.inverse(part, which), SMALL.inverse(alone))


def test_bands_of_another_number_are_refused():
    with pytest.raises(AudioError, match=r"\(\.\.\., \d+, 5\) were expected"):
        SMALL.inverse(random_coefficients(SMALL), slice(10, 15))
    with pytest.raises(AudioError, match="blocks of 1024 samples"):
        SMALL.spectrum(noise(1000))


def test_input_is_left_as_it_was():
    x = noise(1024)
    c = SMALL.forward(x)
    kept = x.copy(), c.copy()
    SMALL.inverse(c)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(c, kept[1])


def test_silence_stays_silent():
    c = SMALL.forward(np.zeros(1024, np.float32))
    assert not c.any()
    assert not SMALL.inverse(c).any()


def test_another_fft_implementation_gives_the_same(monkeypatch):
    c = SMALL.forward(noise(1024))
    monkeypatch.setattr("tfbwe.cqt.transform._FFT_HAS_OUT", False)
    np.testing.assert_array_equal(SMALL.forward(noise(1024)), c)


def test_following_the_advice_of_a_refusal_makes_a_transform():
    for values, name in [
        ({"f_min": 2.0}, "f_min"),
        ({"f_max": 22040.0}, "f_max"),
        ({"f_max": 20000.0, "bins_per_octave": 2}, "f_max"),
        ({"f_min": 1.0, "f_max": 2000.0, "block_length": 4096}, "f_min"),
    ]:
        with pytest.raises(ConfigError) as refusal:
            CQT(**values)
        advised = re.search(rf"(?:raise|lower) {name} to ([\d.]+) Hz", str(refusal.value))
        assert advised, refusal.value
        CQT(**{**values, name: float(advised[1])})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"block_length": 32767}, "even"),
        ({"block_length": 0}, "even"),
        ({"bins_per_octave": 0}, "bins_per_octave"),
        ({"bins_per_octave": 1.5}, "whole number"),
        ({"bins_per_octave": 7000}, "needs 4"),
        ({"bins_per_octave": 10**12}, "needs 4"),
        ({"f_min": 0.0}, "0 < f_min"),
        ({"f_min": -5.0}, "0 < f_min"),
        ({"f_min": math.nan}, "0 < f_min"),
        ({"f_min": 9000.0, "f_max": 8000.0}, "f_min=9000"),
        ({"f_max": math.inf}, "f_max=inf"),
        ({"f_max": 30000.0}, "Nyquist"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"sample_rate": 16000}, "Nyquist"),
        ({"block_length": 256}, "two bins"),
    ],
)
def test_parameters_that_cannot_be_inverted_are_refused_with_the_reason(values, reason):
    with pytest.raises(ConfigError, match=reason):
        CQT(**values)


def test_arrays_of_another_shape_are_refused():
    with pytest.raises(AudioError, match="blocks of 1024 samples"):
        SMALL.forward(noise(1000))
    with pytest.raises(AudioError, match="other parameters"):
        SMALL.inverse(random_coefficients(SMALL)[:-1])
