"""What counts as samples: floating-point numbers, not integers of a file's format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError

__all__ = ["float_samples"]


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
    array, float32
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
