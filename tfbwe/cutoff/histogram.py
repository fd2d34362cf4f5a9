"""Levels of a spectrum counted over time, whose 95th percentile is the envelope that `edge` reads.

Memory does not grow with the length of a signal, and the counts do not depend on how it was cut into blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .edge import FLOOR_DB

PERCENTILE = 0.95
CEILING_DB = 20.0
SILENCE_DB = -85.0
"""Frames of a lower level, full scale 0 dB, are silent and are not counted."""

_CLASSES = int(CEILING_DB - FLOOR_DB)
_GROUP = 12
_NOTHING = 1e-9
_FLOOR_POWER = np.float32(10 ** (FLOOR_DB / 10))

Levels = NDArray[np.float64]


class Histogram:
    """Counts of levels in classes of 1 dB for each bin, of which percentiles are taken.

    Parameters
    ----------
    bins : int
        Number of bins.
    """

    def __init__(self, bins: int) -> None:
        self.counts = np.zeros((_CLASSES, bins))
        self._bins = np.arange(bins)

    def add(self, power: NDArray[np.floating]) -> None:
        """Count frames of power, (frames, bins) float, full-scale sine 1."""
        decibels = np.log(np.fmax(power, _FLOOR_POWER)) * (10 / np.log(10)) - FLOOR_DB
        cell = np.minimum(decibels, _CLASSES - 1).astype(np.intp) * self._bins.size + self._bins
        if len(cell) == 1:
            self.counts.reshape(-1)[cell[0]] += 1
        else:
            counts = np.bincount(cell.ravel(), minlength=self.counts.size)
            self.counts += counts.reshape(self.counts.shape)

    def fade(self, share: float) -> None:
        """Let every count weigh so much of what it did, 0 to 1; what weighs nothing any more is forgotten."""
        self.counts *= share
        # Else it would end among denormal numbers, which no share makes 0 and which slow processors down.
        self.counts[self.counts < _NOTHING] = 0

    def envelope_db(self) -> Levels:
        """Return the 95th percentile of each bin in dB, (bins,) float64."""
        # First by groups of classes, then inside the group: a tenth of the time of one long cumulated sum.
        grouped = self.counts.reshape(-1, _GROUP, self._bins.size)
        groups = np.cumsum(grouped.sum(axis=1), axis=0)
        wanted = PERCENTILE * groups[-1]
        group = np.minimum((groups < wanted).sum(axis=0), len(groups) - 1)
        inside = grouped[group, :, self._bins].T
        cumulated = np.cumsum(inside, axis=0) + groups[group, self._bins] - inside.sum(axis=0)
        row = np.minimum((cumulated < wanted).sum(axis=0), _GROUP - 1)
        count = inside[row, self._bins]
        part = (wanted - cumulated[row, self._bins] + count) / np.maximum(count, 1e-30)
        return np.asarray(FLOOR_DB + group * _GROUP + row + np.clip(part, 0.0, 1.0))
