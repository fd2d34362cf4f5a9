"""What a restoring network makes of a received signal: it raises what is left, and adds nothing."""

from pathlib import Path

import numpy as np

from tfbwe.band import crossover
from tfbwe.restoration.gain import at_bins, gated, noise_floor, rounding_floor, smoothed, wiener
from tfbwe.restoration.statistics import BAND_BINS, BANDS, band_power, features, moments
from tfbwe.stft import BIN_HZ, ComplexArray, FloatArray
from tfbwe.transform import TRANSFORMS, Phasors

from .predicted import network_of

USED = BANDS * BAND_BINS
EDGE_FRAMES = 4
"""Frames at both ends that tell nothing: an excerpt that is cut in mid-music has broadband edges."""


def restored(run: Path, received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Received signal, measured whole, with each frequency brought back to its level.

    Parameters
    ----------
    run : Path
        Run folder of a restoring network.
    received : (channels, samples) float32
        At 44.1 kHz.
    cutoff_hz : float

    Returns
    -------
    (channels, samples) float32
        The received signal itself where nothing weak is left above the cutoff.
    """
    network = network_of(run)
    known = rounding_floor(16) if _rounded(received) else 0.0

    def alter(spectrum: ComplexArray, phasors: Phasors) -> ComplexArray:
        frames = spectrum.swapaxes(0, 1)
        measured = frames[EDGE_FRAMES:-EDGE_FRAMES] if len(frames) > 4 * EDGE_FRAMES else frames
        count, own = moments(band_power(measured))
        out = np.zeros_like(spectrum)
        if not count:
            return out
        read = features(own[None], np.array([[cutoff_hz]], np.float32))
        floor = max(noise_floor(own), known)
        curve = gated(np.asarray(network(read, training=False))[0], own, cutoff_hz, floor)
        if curve.any():
            power = (spectrum.real**2 + spectrum.imag**2).mean(axis=0)[:, :USED]
            gain = np.maximum(np.exp(at_bins(curve, USED)) * wiener(smoothed(power), floor), 1)
            weight = crossover(np.arange(USED) * BIN_HZ, cutoff_hz)
            out[..., :USED] = spectrum[..., :USED] * ((gain - 1) * weight)
        return out

    added = TRANSFORMS["stft"].altered(received, alter)
    return np.asarray(received + added, np.float32) if added.any() else received


def _rounded(x: FloatArray) -> bool:
    """Whether all samples lie on the grid of 16 bits."""
    scaled = x * np.float32(2**15)
    return bool((scaled == np.rint(scaled)).all())
