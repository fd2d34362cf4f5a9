"""Spectra, residuals and what is added to them."""

import numpy as np

from tfbwe.extension.high_band import CEILING, HighBand
from tfbwe.model.bundle import load_bundle
from tfbwe.phase.mirror import phasors
from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE

MANIFEST = load_bundle("stft").manifest


PREDICTED = MANIFEST.transform["bins"]


BINS = N_FFT // 2 + 1


EPSILON = MANIFEST.normalisation["epsilon"]


HZ = np.arange(BINS) * BIN_HZ


CUTOFF_HZ = 8000.0


CUTOFF_BIN = int(CUTOFF_HZ / BIN_HZ)


FLAT = (HZ >= CUTOFF_HZ) & (MANIFEST.highest_hz >= HZ)
"""Bins above the cutoff where nothing fades."""


def received(frames=6, channels=1, seed=0, level=50.0, above=0.05):
    """Return the spectrum of a signal that a gentle low-pass at 8 kHz left a little above the cutoff."""
    parts = np.random.default_rng(seed).standard_normal((2, frames, channels, BINS))
    levels = np.where(HZ < CUTOFF_HZ, level, above)
    return (levels * (parts[0] + 1j * parts[1])).astype(np.complex64)


def residuals(spectrum, log_residual=0.0):
    shape = (*spectrum.shape[:2], PREDICTED)
    return np.broadcast_to(np.float32(log_residual), shape).copy()


def random_residuals(spectrum, seed=1, spread=1.5):
    rng = np.random.default_rng(seed)
    return (spread * rng.standard_normal((*spectrum.shape[:2], PREDICTED))).astype(np.float32)


def high_band(channels, diffuse=1.0, image_frames=1, frame_s=HOP_LENGTH / SAMPLE_RATE):
    return HighBand(MANIFEST, HZ[:PREDICTED], frame_s, channels, diffuse, image_frames)


def add(
    spectrum,
    some,
    diffuse=1.0,
    phase="mirror",
    cutoff_hz=CUTOFF_HZ,
    band=None,
    first_frame=0,
    advance=None,
    missing=1.0,
    reach_hz=SAMPLE_RATE / 2,
):
    """Return the whole spectrum that is added, zero where nothing changes; the network read all of it."""
    band = band or high_band(spectrum.shape[1], diffuse)
    part = spectrum[..., :PREDICTED]
    magnitude = np.sqrt(part.real**2 + part.imag**2)
    read = band.read(magnitude, np.full(len(part), reach_hz, np.float32))
    share = np.broadcast_to(np.float32(missing), (len(part), 1, PREDICTED))
    cutoff_bin = max(1, int(cutoff_hz / BIN_HZ))

    def turns(lowest, total):
        assert total.shape == (*part.shape[:2], PREDICTED - lowest)
        return phasors(part, first_frame, cutoff_bin, phase, lowest)

    first, added = band.added(magnitude, read, some, share, cutoff_hz, turns, advance)
    assert added.shape == (*spectrum.shape[:2], PREDICTED - first)
    assert added.dtype == np.complex64
    out = np.zeros_like(spectrum)
    out[..., first:PREDICTED] = added
    return out


def ceilings(spectrum):
    octave = spectrum[..., CUTOFF_BIN // 2 : CUTOFF_BIN]
    return CEILING * np.sqrt(np.mean(np.abs(octave) ** 2, axis=-1, keepdims=True))
