"""What an extending network reads, and the magnitude that its output stands for."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

HEAD = "log_residual"
"""Output of an extending network, nepers: how far the magnitude lies above what was received and restored."""
LARGEST_RATIO = 1e30
"""Bound of the ratio of magnitudes, so that no output overflows float32."""


@dataclasses.dataclass(frozen=True)
class Normalisation:
    """Scale of a network's input; the same code serves `numpy` and, as `xp`, `keras.ops`.

    Attributes
    ----------
    epsilon : float
        Added to a magnitude before its logarithm, above 0; for signals in [-1, 1] the default lies below
        16-bit rounding noise.
    offset, scale : float
        The network reads (log(|Y| + epsilon) + offset) / scale.
    """

    epsilon: float = 1e-4
    offset: float = 5.0
    scale: float = 3.0

    def log(self, magnitude: Any, xp: Any = np) -> Any:
        """Return log(|Y| + epsilon), nepers, of magnitudes of any shape."""
        return xp.log(magnitude + self.epsilon)

    def features(self, magnitude: Any, xp: Any = np) -> Any:
        """Return what the network reads, for magnitudes of any shape."""
        return (self.log(magnitude, xp) + self.offset) / self.scale

    def raised(self, magnitude: Any, log_residual: Any, xp: Any = np) -> Any:
        """Return (|Y| + epsilon) e^r - epsilon, the magnitude that the output ``log_residual`` stands for.

        It is computed without the rounding of that formula: a residual of 0 gives |Y| exactly.
        """
        ratio = xp.minimum(xp.exp(log_residual), LARGEST_RATIO)
        return magnitude * ratio + self.epsilon * (ratio - 1)


NORMALISATION = Normalisation()
"""That of the networks trained here; a model file states its own."""
