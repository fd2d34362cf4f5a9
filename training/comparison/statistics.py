"""Means and medians over tracks with bootstrap intervals, and differences between systems, track by track."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]
DRAWS = 2000
FEWEST = 5
LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Mean and median over tracks, each with its interval.

    Attributes
    ----------
    tracks : int
        How many there were.
    mean, median : float
    mean_interval, median_interval : tuple of two floats
        95 % of bootstrap samples of the tracks lie within.
    """

    tracks: int
    mean: float
    mean_interval: tuple[float, float]
    median: float
    median_interval: tuple[float, float]

    @property
    def shows_a_difference(self) -> bool:
        """Whether the interval of the mean leaves 0 out; of fewer than five tracks it says nothing."""
        low, high = self.mean_interval
        return self.tracks >= FEWEST and (low > 0 or high < 0)


@functools.lru_cache(maxsize=8)
def _drawn(count: int) -> npt.NDArray[np.int64]:
    """Bootstrap samples of so many tracks, (DRAWS, count): the same for every measure and system."""
    return np.random.default_rng(0).integers(0, count, (DRAWS, count))


def interval(values: FloatArray, statistic: Callable[..., Any] = np.mean) -> tuple[float, float]:
    """95 % bootstrap interval of a mean, or another statistic, over tracks.

    Parameters
    ----------
    values : (tracks,) float
        At least one.
    statistic : callable
        Such as `numpy.median`, with an argument `axis`.

    References
    ----------
    Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979 (percentiles).
    """
    found = statistic(values[_drawn(len(values))], axis=1)
    low, high = np.percentile(found, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """Mean and median of those values that are there; None if there is none."""
    there = np.array([value for value in values if value is not None], np.float64)
    if not len(there):
        return None
    return Estimate(
        len(there),
        float(there.mean()),
        interval(there),
        float(np.median(there)),
        interval(there, np.median),
    )


def difference(values: Mapping[str, float | None], others: Mapping[str, float | None]) -> Estimate | None:
    """Of two systems, track by track: `values` minus `others`, by tracks that both have a value for."""
    pairs = [(value, others.get(track)) for track, value in values.items()]
    return estimate(a - b for a, b in pairs if a is not None and b is not None)
