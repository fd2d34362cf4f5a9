"""What counts as samples, floating-point numbers, and as a signal: their channels, rate and values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError
from .settings import MAX_CHANNELS

MIN_RATE, MAX_RATE = 8000, 192000
"""Sample rates in Hz that are taken."""


def float_samples(x: Any, name: str) -> NDArray[np.float32]:
    """Return a caller's samples as float32.

    Parameters
    ----------
    x : array_like
        Expected to be floating-point, nominally in [-1, 1]. Of any shape.
    name : str
        What the message calls it.

    Returns
    -------
    (...) float32
        Shaped as ``x``; samples too large for float32 are infinite.

    Raises
    ------
    AudioError
        If it is of integers, complex numbers or anything else, or its rows are of different lengths.
    """
    try:
        samples = np.asarray(x)
    except ValueError:
        raise AudioError(f"{name}: expected an array, received rows of different lengths") from None
    if not np.issubdtype(samples.dtype, np.floating):
        raise AudioError(
            f"{name}: expected floating-point samples in [-1, 1], received {samples.dtype};"
            " divide integers by their full scale"
        )
    with np.errstate(over="ignore"):
        return samples.astype(np.float32, copy=False)


def check_signal(name: str, sample_rate: int, channels: int) -> None:
    """Refuse a signal outside 1-8 channels or 8-192 kHz.

    Parameters
    ----------
    name : str
        What the message calls it.
    sample_rate : int
        In Hz.
    channels : int
        Number of channels.

    Raises
    ------
    AudioError
        If either is outside.
    """
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise AudioError(
            f"{name}: expected a sample rate of {MIN_RATE}-{MAX_RATE} Hz, received {sample_rate} Hz"
        )
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"{name}: expected 1-{MAX_CHANNELS} channels, received {channels}")


def checked_signal(x: NDArray[np.floating[Any]], sample_rate: int) -> NDArray[np.float32]:
    """Return a caller's signal as float32 (channels, samples).

    Parameters
    ----------
    x : (channels, samples) or (samples,) float
        The signal.
    sample_rate : int
        In Hz.

    Returns
    -------
    (channels, samples) float32
        The signal.

    Raises
    ------
    AudioError
        If it is of another shape or type, outside 1-8 channels or 8-192 kHz, or holds NaN or infinite values.
    """
    signal = float_samples(x, "signal")
    if signal.ndim not in (1, 2):
        raise AudioError(f"signal: expected shape (channels, samples) or (samples,), received {signal.shape}")
    signal = np.atleast_2d(signal)
    check_signal("signal", sample_rate, signal.shape[0])
    finite = np.isfinite(signal).all(axis=0)
    if not finite.all():
        at_s = int(np.argmin(finite)) / sample_rate
        raise AudioError(f"signal: NaN or infinite sample at {at_s:.3f} s; expected finite numbers")
    return signal
