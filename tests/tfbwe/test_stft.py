import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, analyse, istft, stft, synthesise, window

BINS = N_FFT // 2 + 1


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(0, 3 * N_FFT) | st.sampled_from([1, 511, 512, 513, 2047, 2048, 2049]),
    seed=st.integers(0, 99),
)
def test_any_length_is_reconstructed_up_to_both_edges(samples, seed):
    x = noise(2, samples, seed=seed)
    y = istft(stft(x), samples)
    assert y.dtype == np.float32
    assert y.shape == x.shape
    assert np.abs(y - x).max(initial=0) < 1e-6


@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3)])
def test_leading_axes_are_kept(shape):
    x = noise(*shape, 3000)
    spectra = stft(x)
    assert spectra.dtype == np.complex64
    assert spectra.shape == (*shape, 6 + 3, BINS)
    assert np.abs(istft(spectra, 3000) - x).max() < 1e-6


@pytest.mark.parametrize(("samples", "frames"), [(0, 3), (1, 4), (512, 4), (513, 5), (44100, 90)])
def test_the_number_of_frames_is_that_of_the_hops_plus_three(samples, frames):
    assert stft(np.zeros(samples, np.float32)).shape == (frames, BINS)


@pytest.mark.parametrize("m", [0, 3, 7])
def test_frame_m_starts_at_hop_m_minus_three(m):
    x = noise(8 * HOP_LENGTH)
    start = (m - 3) * HOP_LENGTH
    frame = np.pad(x, (3 * HOP_LENGTH, 3 * HOP_LENGTH))[start + 3 * HOP_LENGTH :][:N_FFT]
    expected = np.fft.rfft(frame.astype(np.float64) * np.sqrt(np.hanning(N_FFT + 1)[:-1]))
    np.testing.assert_allclose(stft(x)[m], expected, atol=1e-3)


@pytest.mark.parametrize("bin_number", [10, 100, 512, 1000])
def test_a_full_scale_sine_has_a_magnitude_of_about_650(bin_number):
    t = np.arange(3 * N_FFT) / SAMPLE_RATE
    magnitude = np.abs(stft(np.sin(2 * np.pi * bin_number * BIN_HZ * t).astype(np.float32)))
    whole = magnitude[3:-6]
    assert (whole.argmax(axis=-1) == bin_number).all()
    np.testing.assert_allclose(whole[:, bin_number], N_FFT / np.pi, rtol=0.02)
    assert 640 < N_FFT / np.pi < 660


@settings(max_examples=20, deadline=None)
@given(a=st.floats(-10, 10, width=32), b=st.floats(-10, 10, width=32))
def test_it_is_linear(a, b):
    x, y = noise(2, 2500)
    both = stft(np.float32(a) * x + np.float32(b) * y)
    np.testing.assert_allclose(both, np.float32(a) * stft(x) + np.float32(b) * stft(y), atol=2e-3)


def test_squared_windows_of_overlapping_frames_sum_to_two():
    power = window().astype(np.float64) ** 2
    np.testing.assert_allclose(power.reshape(-1, HOP_LENGTH).sum(axis=0), 2, atol=1e-6)


def test_synthesis_of_one_frame_is_half_its_power_window():
    frame = noise(N_FFT)
    np.testing.assert_allclose(synthesise(analyse(frame)), frame * window() ** 2 / 2, atol=1e-6)


def test_zeros_stay_zeros():
    spectra = stft(np.zeros((2, 5000), np.float32))
    assert not spectra.any()
    assert not istft(spectra, 5000).any()
