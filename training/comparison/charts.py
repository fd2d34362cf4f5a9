"""The pictures of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfbwe.atomic import replacing
from tfbwe.measures import MEASURES, SHORT
from tfbwe.measures.distances import LIMIT_HZ

from ..degradation.conditions import NOTHING, Condition
from .lineup import RECEIVED, System
from .results import Results

FOLDER = "plots"
DPI = 110
WIDTH_IN = 11.0
COLOURS = 10


def draw(out: Path, results: Results, costs: Mapping[str, Mapping[str, float | None]]) -> list[str]:
    """Draw all pictures below a folder; return their names, relative to it.

    Box plots for each condition, gain against cutoff where nothing is left above it, and gain against cost;
    the last two only where there is something to show.
    """
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    figures = {condition.name: _boxes(results, condition) for condition in results.conditions}
    figures["gain against cutoff"] = _against_cutoff(results)
    figures["gain against cost"] = _against_cost(results, costs)
    names = []
    for title, figure in figures.items():
        if figure is not None:
            name = f"{FOLDER}/{title.replace(' ', '-')}.png"
            with replacing(out / name) as temporary:
                # No creation date and version: the same rows give the same bytes.
                figure.savefig(temporary, dpi=DPI, metadata={"Software": None})
            names.append(name)
    return names


def _figure(height_in: float) -> Any:
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def _boxes(results: Results, condition: Condition) -> Any | None:
    """Distribution over tracks: SDR gain, and the distance that shows best what is missing."""
    systems = [s.name for s in results.systems if results.values(condition.name, s.name, "sdr_db")]
    distance = results.distance(condition)
    received = results.values(condition.name, RECEIVED, "sdr_db")
    gains, distances = [], []
    for system in systems:
        own = results.values(condition.name, system, "sdr_db")
        pairs = ((value, received.get(track)) for track, value in own.items())
        gains.append([a - b for a, b in pairs if a is not None and b is not None])
        values = results.values(condition.name, system, distance).values()
        distances.append([value for value in values if value is not None])
    if not any(gains):
        return None
    figure = _figure(1.6 + 0.34 * len(systems))
    left, right = figure.subplots(1, 2, sharey=True)
    for axis, boxes in ((left, gains), (right, distances)):
        axis.boxplot(boxes[::-1], orientation="horizontal", tick_labels=systems[::-1], widths=0.6)
        axis.grid(axis="x", alpha=0.3)
    left.axvline(0, color="grey", linewidth=1)
    left.set_xlabel("SDR in dB, less that of the received signal (right is better)")
    right.set_xlabel(f"{MEASURES[distance].column} (left is better)")
    figure.suptitle(f"{condition.name}: {condition.regime}")
    return figure


def _against_cutoff(results: Results) -> Any | None:
    """Gain with its interval over the cutoff, where nothing is left above it."""
    conditions = [condition for condition in results.conditions if condition.regime == NOTHING]
    conditions.sort(key=lambda condition: condition.cutoff_hz)
    if len({condition.cutoff_hz for condition in conditions}) < 2:
        return None
    figure = _figure(5.5)
    measures = _short(results)
    axes = figure.subplots(1, len(measures))
    for axis, measure in zip(axes, measures, strict=True):
        for place, system in enumerate(results.systems):
            style = "o-" if place <= COLOURS else "s--"  # the colours begin again
            points = []
            for condition in conditions:
                gain = results.gain(condition.name, system.name, measure)
                if gain is not None and system.name != RECEIVED:
                    points.append((condition.cutoff_hz / 1000, gain.mean, *gain.mean_interval))
            if points:
                cutoffs, means, lows, highs = zip(*points, strict=True)
                (line,) = axis.plot(cutoffs, means, style, markersize=4, label=system.name)
                axis.fill_between(cutoffs, lows, highs, color=line.get_color(), alpha=0.12, linewidth=0)
        axis.axhline(0, color="grey", linewidth=1)
        axis.set_xlabel("cutoff in kHz")
        axis.set_ylabel(f"change of {MEASURES[measure].column}")
        axis.grid(alpha=0.3)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle(f"Gain over the received signal, {NOTHING} above the cutoff")
    return figure


def _against_cost(results: Results, costs: Mapping[str, Mapping[str, float | None]]) -> Any | None:
    """Gain of every model in each regime over its real-time factor."""
    priced = [(system, costs.get(system.model, {}).get("rtf")) for system in results.systems]
    points = [(system, rtf) for system, rtf in priced if rtf is not None]
    measures = _short(results)
    regimes = [regime for regime in results.regimes if _distinct(results, regime)]
    if not points or not regimes:
        return None
    figure = _figure(3.2 * len(regimes) + 0.6)
    axes = figure.subplots(len(regimes), len(measures), squeeze=False)
    for row, regime in zip(axes, regimes, strict=True):
        for axis, measure in zip(row, measures, strict=True):
            for system, rtf in points:
                _point(axis, system, rtf, results.regime_gain(regime, system.name, measure))
            axis.axhline(0, color="grey", linewidth=1)
            axis.set_ylabel(f"change of {MEASURES[measure].column}")
            axis.set_title(regime, fontsize=9, loc="left")
            axis.margins(x=0.1, y=0.15)
            axis.set_xlim(left=0)
            axis.grid(alpha=0.3)
    for axis in axes[-1]:
        axis.set_xlabel("real-time factor, stereo, one thread (left is cheaper)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=8)
    figure.suptitle("Gain over the received signal against cost")
    return figure


def _short(results: Results) -> list[str]:
    """Measures that are drawn: those of `SHORT` that there are."""
    return [measure for measure in SHORT if measure in results.measures]


def _distinct(results: Results, regime: str) -> bool:
    """Whether there is a band above the cutoff to be measured."""
    return any(
        results.distance(condition) != "lsd"
        for condition in results.conditions
        if condition.regime == regime and condition.cutoff_hz < LIMIT_HZ
    )


def _point(axis: Any, system: System, rtf: float, gain: Any) -> None:
    if gain is None:
        return
    low, high = gain.mean_interval
    reach = [[gain.mean - low], [high - gain.mean]]
    axis.errorbar([rtf], [gain.mean], reach, fmt="o", capsize=3, label=system.name)
