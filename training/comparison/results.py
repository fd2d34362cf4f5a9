"""The rows of a comparison, to be asked for estimates and for paired differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tfbwe.measures import MEASURES

from ..degradation.conditions import REGIMES, Condition
from .lineup import RECEIVED, System
from .rows import Row
from .statistics import Estimate, difference, estimate

Values = dict[str, float | None]
SYSTEM_FIELDS = ("name", "kind", "model", "diffuse", "phase", "transform", "setting")
"""What a report says of a system."""
MOSTLY_ABOVE_HZ = 15000.0
"""From this cutoff on most of what is missing lies above 16 kHz."""
_INTERVAL = ["low", "high"]
_DECIMALS = 3


class Results:
    """Rows by condition, system and measure.

    Parameters
    ----------
    rows : iterable of dict
        As `training.comparison.rows` makes them.
    conditions : sequence of Condition
    systems : sequence of System

    Attributes
    ----------
    measures, regimes : list of str
        Those that there are.
    scored : int
        Number of tracks whose listener's score was predicted.
    """

    def __init__(
        self, rows: Iterable[Row], conditions: Sequence[Condition], systems: Sequence[System]
    ) -> None:
        self.rows = list(rows)
        self.conditions = list(conditions)
        self.systems = list(systems)
        self._values: dict[tuple[str, str, str], Values] = defaultdict(dict)
        for row in self.rows:
            for measure in (*MEASURES, "rate_kbps"):
                if measure in row:
                    self._values[row["condition"], row["system"], measure][row["track"]] = row[measure]
        self.measures = [m for m in MEASURES if any(key[2] == m for key in self._values)]
        present = {condition.regime for condition in self.conditions}
        self.regimes = [regime for regime in REGIMES if regime in present]
        self.scored = len({row["track"] for row in self.rows if row.get("visqol") is not None})

    def of(self, systems: Sequence[System]) -> Results:
        """Return the results of some of the systems."""
        return Results(self.rows, self.conditions, systems)

    def values(self, condition: str, system: str, measure: str) -> Values:
        """Value of each track; empty where there is no such row."""
        return self._values.get((condition, system, measure), {})

    def estimate(self, condition: str, system: str, measure: str) -> Estimate | None:
        """Mean and median over tracks."""
        return estimate(self.values(condition, system, measure).values())

    def gain(self, condition: str, system: str, measure: str, other: str = RECEIVED) -> Estimate | None:
        """Difference from another system, track by track."""
        return difference(self.values(condition, system, measure), self.values(condition, other, measure))

    def regime_gain(self, regime: str, system: str, measure: str, other: str = RECEIVED) -> Estimate | None:
        """`gain` over the conditions of a regime: a track's differences are averaged first.

        A condition in which one of the two does not take part does not count.
        """
        by_track: dict[str, list[float]] = defaultdict(list)
        for condition in self.conditions:
            if condition.regime != regime:
                continue
            others = self.values(condition.name, other, measure)
            for track, value in self.values(condition.name, system, measure).items():
                before = others.get(track)
                if value is not None and before is not None:
                    by_track[track].append(value - before)
        return estimate(float(np.mean(values)) for values in by_track.values())

    def distance(self, condition: Condition) -> str:
        """Log-spectral distance that shows best what a condition took, of those that were measured."""
        names = ("lsd_top", "lsd_hf") if condition.cutoff_hz >= MOSTLY_ABOVE_HZ else ("lsd_hf", "lsd_top")
        values = {name: self.values(condition.name, RECEIVED, name).values() for name in names}
        return next((name for name in names if any(v is not None for v in values[name])), "lsd")

    def rate_kbps(self, condition: str) -> Estimate | None:
        """What a codec spent."""
        return self.estimate(condition, RECEIVED, "rate_kbps")

    def as_json(self) -> dict[str, Any]:
        """Conditions, systems, means and gains, ready for JSON: what `training.comparison.report` keeps."""
        return {
            "conditions": [self._condition(condition) for condition in self.conditions],
            "systems": [_system(system) for system in self.systems],
            "columns": {
                "estimates": ["mean", *_INTERVAL, "gain", *_INTERVAL],
                "regimes": ["gain", *_INTERVAL],
            },
            "estimates": {
                condition.name: {
                    system.name: values
                    for system in self.systems
                    if (values := self._estimates(condition.name, system.name))
                }
                for condition in self.conditions
            },
            "regimes": {
                regime: {
                    system.name: values
                    for system in self.systems
                    if system.name != RECEIVED and (values := self._regime(regime, system.name))
                }
                for regime in self.regimes
            },
        }

    def _condition(self, condition: Condition) -> dict[str, Any]:
        fields = ("name", "regime", "cutoff_hz", "note")
        rate = self.rate_kbps(condition.name)
        return {
            **{name: getattr(condition, name) for name in fields},
            "rate_kbps": None if rate is None else round(rate.mean, 1),
        }

    def _estimates(self, condition: str, system: str) -> dict[str, list[float]]:
        found = {}
        for measure in self.measures:
            value = self.estimate(condition, system, measure)
            gain = None if system == RECEIVED else self.gain(condition, system, measure)
            if value is not None:
                found[measure] = [*_numbers(value), *([] if gain is None else _numbers(gain))]
        return found

    def _regime(self, regime: str, system: str) -> dict[str, list[float]]:
        gains = {measure: self.regime_gain(regime, system, measure) for measure in self.measures}
        return {measure: _numbers(gain) for measure, gain in gains.items() if gain is not None}


def _system(system: System) -> dict[str, Any]:
    return {name: getattr(system, name) for name in SYSTEM_FIELDS}


def _numbers(value: Estimate) -> list[float]:
    return [round(number, _DECIMALS) for number in (value.mean, *value.mean_interval)]
