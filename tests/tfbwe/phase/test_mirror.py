import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.errors import ConfigError
from tfbwe.phase.mirror import MEMORYLESS, phasors
from tfbwe.stft import BIN_HZ, N_FFT, SAMPLE_RATE, stft

BINS = N_FFT // 2 + 1


def spectrum(frames=5, channels=2, seed=0, scale=1.0):
    parts = np.random.default_rng(seed).standard_normal((2, frames, channels, BINS))
    return (scale * (parts[0] + 1j * parts[1])).astype(np.complex64)


def band_limited(cutoff_bin, samples=12 * 512):
    """Return noise with nothing from a little below the cutoff on, float64."""
    wanted = np.fft.rfft(np.random.default_rng(cutoff_bin).standard_normal(samples))
    wanted[np.fft.rfftfreq(samples, 1 / SAMPLE_RATE) > (cutoff_bin - 3) * BIN_HZ] = 0
    x = np.fft.irfft(wanted, samples)
    return x / np.abs(x).max()


@pytest.mark.parametrize("folds", [1, 2])
@pytest.mark.parametrize("cutoff_bin", [50, 99, 150, 201])
def test_mirror_is_the_phase_of_the_signal_times_a_carrier_of_twice_the_cutoff(cutoff_bin, folds):
    x = band_limited(cutoff_bin)
    t = np.arange(len(x)) / SAMPLE_RATE
    modulated = stft(x * 2 * np.cos(2 * np.pi * folds * 2 * cutoff_bin * BIN_HZ * t))
    # Frame 0 of the transform of a whole signal starts three hops before its first sample.
    unit = phasors(stft(x)[:, None], -3, cutoff_bin, "mirror")[:, 0]
    fold = slice((2 * folds - 1) * cutoff_bin + 4, (2 * folds + 1) * cutoff_bin - 4)
    turned = modulated[:, fold] * unit[:, fold].conj()
    strongest = np.abs(modulated).max()
    assert np.abs(modulated[:, fold]).max() > 0.9 * strongest
    assert np.abs(turned - np.abs(modulated[:, fold])).max() < 0.01 * strongest  # what leaks from beyond


@settings(max_examples=40, deadline=None)
@given(
    cutoff_bin=st.integers(1, 1024),
    first_frame=st.integers(0, 2**31),
    exponent=st.integers(-40, 7),
    seed=st.integers(0, 99),
    phase=st.sampled_from(MEMORYLESS),
)
def test_phasors_have_magnitude_one_for_any_spectrum(cutoff_bin, first_frame, exponent, seed, phase):
    received = spectrum(3, 2, seed, 10.0**exponent)
    received[:, :, np.random.default_rng(seed).integers(0, BINS, 200)] = 0
    unit = phasors(received, first_frame, cutoff_bin, phase)
    assert unit.dtype == np.complex64
    assert unit.shape == received.shape
    np.testing.assert_allclose(np.abs(unit), 1, atol=1e-3 if exponent < -15 else 1e-5)


@pytest.mark.parametrize("phase", MEMORYLESS)
def test_phasors_of_zeros_have_magnitude_one(phase):
    unit = phasors(np.zeros((2, 1, BINS), np.complex64), 0, 371, phase)
    np.testing.assert_array_equal(np.abs(unit), 1)


@pytest.mark.parametrize("phase", MEMORYLESS)
def test_the_received_band_keeps_its_phase(phase):
    received = spectrum()
    unit = phasors(received, 4, 371, phase)[..., :371]
    np.testing.assert_allclose(unit, (received / np.abs(received))[..., :371], atol=1e-6)


def test_received_is_the_phase_of_every_bin():
    received = spectrum()
    unit = phasors(received, 7, 371, "received")
    np.testing.assert_allclose(unit, received / np.abs(received), atol=1e-6)


@pytest.mark.parametrize("phase", MEMORYLESS)
@pytest.mark.parametrize("cutoff_bin", [1, 100, 371])
def test_leaving_out_bins_changes_none_of_the_others(phase, cutoff_bin):
    received = spectrum()
    everything = phasors(received, 3, cutoff_bin, phase)
    np.testing.assert_array_equal(phasors(received, 3, cutoff_bin, phase, 250), everything[..., 250:])


@pytest.mark.parametrize("cutoff_bin", [100, 371])
def test_frames_one_by_one_give_the_bits_of_all_at_once(cutoff_bin):
    received = spectrum()
    singly = [phasors(received[i : i + 1], 9 + i, cutoff_bin, "mirror") for i in range(len(received))]
    np.testing.assert_array_equal(np.concatenate(singly), phasors(received, 9, cutoff_bin, "mirror"))


def test_the_spectrum_is_left_as_it_was():
    received = spectrum()
    before = received.copy()
    for phase in MEMORYLESS:
        phasors(received, 0, 100, phase)
    np.testing.assert_array_equal(received, before)


def test_an_unknown_phase_is_refused_with_the_known_ones_named():
    with pytest.raises(ConfigError, match=r"received, mirror.*'mirrored'"):
        phasors(spectrum(), 0, 100, "mirrored")
