"""The frequencies between which all of this works, and what fades in and out there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

LOWEST_CUTOFF_HZ = 3500.0
HIGHEST_CUTOFF_HZ = 17500.0
"""Cutoffs that training draws, and that a model is good for."""
HIGHEST_HZ = 20000.0
"""Up to where a high band is predicted."""
CROSSOVER = 0.8
"""Restoring acts from this share of the cutoff on: a gentle low-pass takes something there too."""
FADE_HZ = 500.0
"""Width of the fade of restoring under the crossover, and of the diffuse term at the upper end."""

DEFAULT_CUTOFF_HZ = 11025.0
"""For a receiver that neither tracks the cutoff nor is given one: the band of a sound at 22.05 kHz."""

Hertz = npt.NDArray[np.float64]


def crossover(frequencies: Any, cutoff_hz: Any, xp: Any = np) -> Any:
    """Weight of what is restored, rising from 0 to 1 below 0.8 times the cutoff.

    Parameters
    ----------
    frequencies, cutoff_hz : arrays or tensors that broadcast
        Hz.
    xp : module
        `numpy` or `keras.ops`.
    """
    return xp.clip((frequencies - CROSSOVER * cutoff_hz) / FADE_HZ + 1, 0, 1)


def diffuse_weight(frequencies: Any, cutoff_hz: Any, highest_hz: float, xp: Any = np) -> Any:
    """Weight of the diffuse term: 0 below the cutoff, 1 above, fading out beyond the highest frequency.

    Parameters
    ----------
    frequencies, cutoff_hz : arrays or tensors that broadcast
        Hz.
    highest_hz : float
        Up to where the high band is predicted.
    xp : module
        `numpy` or `keras.ops`.
    """
    top = xp.clip(1 - (frequencies - highest_hz) / FADE_HZ, 0, 1)
    return xp.where(frequencies >= cutoff_hz, top, 0.0 * top)
