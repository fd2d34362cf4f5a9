"""What restoring leaves of an example: what an extending network reads.

The decoder's own code runs, but for the restoring network: in its place the filter is known, with errors such
as that network makes. So each of the two networks is trained by itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tfbwe.restoration.statistics import BANDS, EDGE_FRAMES, band_power, moments
from tfbwe.restoration.stream import RestoringStream
from tfbwe.stft import istft, stft

from ..degradation.filters import FAMILIES, Lowpass
from ..degradation.responses import log_gain_of

FloatArray = npt.NDArray[np.float32]

CUTOFF_ERROR = 0.02
"""Relative error of a cutoff that was found, root mean square; half of them were given, and have none."""
CURVE_ERROR = 0.1
"""Relative error of the log gain, root mean square."""


def found_cutoff_hz(rng: np.random.Generator, cutoff_hz: float) -> float:
    """Cutoff as a receiver has it: given, or found."""
    error = CUTOFF_ERROR * rng.standard_normal() if rng.random() < 0.5 else 0.0
    return float(cutoff_hz * np.exp(error))


def restored(
    rng: np.random.Generator, received: FloatArray, lowpass: Lowpass | None, cutoff_hz: float
) -> tuple[FloatArray, float]:
    """Undo a filter as a restoring network does.

    Parameters
    ----------
    rng : numpy.random.Generator
    received : (1, samples) float32
    lowpass : Lowpass or None
        The filter, if there was one.
    cutoff_hz : float
        As a receiver has it.

    Returns
    -------
    (1, samples) float32
        The received signal itself where nothing weak is left above the cutoff.
    reach_hz : float
        Up to where it is music.
    """
    if lowpass is None or not FAMILIES[lowpass.family].recursive:
        return received, cutoff_hz
    curve = -log_gain_of(lowpass) * _error(rng)
    frames = stft(received).swapaxes(0, 1)
    known = moments(band_power(frames[EDGE_FRAMES:-EDGE_FRAMES]))[1]
    found = RestoringStream(lambda read: curve[None], known).process(frames, cutoff_hz)
    frames *= found.gain[:, None]
    return istft(frames.swapaxes(0, 1), received.shape[1]), float(found.reach_hz[-1])


def _error(rng: np.random.Generator) -> FloatArray:
    """Factor of the log gain of each band: two slow cosines about 1."""
    place = np.arange(BANDS) / BANDS
    curve = np.ones(BANDS)
    for _ in range(2):
        wave = np.cos(2 * np.pi * (rng.uniform(0, 4) * place + rng.random()))
        curve += CURVE_ERROR * rng.standard_normal() * wave
    return np.asarray(np.maximum(curve, 0), np.float32)
