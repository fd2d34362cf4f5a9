"""The tables of a comparison, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tfbwe.console import counted
from tfbwe.measures import MEASURES, MORE, SHORT, ZERO
from tfbwe.stft import SAMPLE_RATE

from ..degradation.conditions import Condition
from .lineup import RECEIVED, Model, System
from .results import Results
from .statistics import Estimate

DECIDING = (*SHORT, "visqol")
"""Measures that are shown where there is no room for all."""
NO_DIFFERENCE = "no difference"
NOT_SHOWN = "the 95 % interval holds 0, it rounds to 0.00, or there are fewer than five tracks"
PRICED = (
    "Cost: stereo, one thread of the machine that this was run on, with the full diffuse term and mirrored "
    "phase; `tfbwe benchmark --phase` measures that of another."
)
Costs = Mapping[str, Mapping[str, float | None]]


def markdown(results: Results, models: Sequence[Model], costs: Costs) -> str:
    """All tables of a report."""
    brief = results.of(without_float_twins(results.systems, models))
    parts = ["## In short\n", overview(brief, costs)]
    parts += ["## What it costs\n", _costs(costs)] if costs else []
    quantised = _quantised(results, models)
    parts += ["## Are the quantised networks as good as float32?\n", quantised] if quantised else []
    phases = _phases(brief)
    parts += ["## Which phase?\n", phases] if phases else []
    parts.append("## By condition\n")
    parts += [_condition(results, condition) for condition in results.conditions]
    return "\n".join(parts)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table, with an empty line after it."""
    lines = [list(heads), *(list(row) for row in rows)]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text.insert(1, "|---|" + "---|" * (len(lines[0]) - 1))
    return "\n".join(text) + "\n"


def overview(results: Results, costs: Costs) -> str:
    """By regime, what every system gains, and what it costs: one table."""
    heads = ["system", *results.regimes, *(("real-time factor", "MMAC/s", "kB", "ms late") if costs else ())]
    rows = []
    for system in results.systems:
        if system.name != RECEIVED:
            cells = _cost_cells(costs.get(system.model, {})) if costs else []
            rows.append([system.name, *_changes(results, system.name, RECEIVED), *cells])
    parts = [f"{_legend(results, 'what was received')}\n", table(heads, rows)]
    if costs:
        parts.append(f"{PRICED}\n")
    return "\n".join([*parts, *(_members(results, regime) for regime in results.regimes)]) + "\n"


def _members(results: Results, regime: str) -> str:
    names = [condition.name for condition in results.conditions if condition.regime == regime]
    return f"- {regime}: {', '.join(names)}"


def _legend(results: Results, other: str) -> str:
    """Say what `_changes` shows."""
    shown = " / ".join(
        f"{MEASURES[name].column} ({MEASURES[name].aim}"
        f"{f'; on {results.scored} of the tracks' if name == 'visqol' else ''})"
        for name in deciding(results)
    )
    return (
        f"By regime, the mean change from {other}, track by track: {shown}. "
        f"In brackets: {NO_DIFFERENCE} ({NOT_SHOWN})."
    )


def deciding(results: Results) -> list[str]:
    """Those of `DECIDING` that were measured."""
    return [measure for measure in DECIDING if measure in results.measures]


def _changes(results: Results, system: str, other: str) -> list[str]:
    """Mean differences between two systems in each regime, the measures that decide."""
    return [
        " / ".join(brief(results.regime_gain(regime, system, name, other)) for name in deciding(results))
        for regime in results.regimes
    ]


def brief(gain: Estimate | None) -> str:
    """Mean of a gain, in brackets where it shows no difference."""
    if gain is None:
        return "-"
    text = f"{gain.mean:+.2f}"
    return text if gain.shows_a_difference and float(text) else f"({text})"


def head(measure: str, tracks: int | None = None) -> str:
    """Head of a column; a score that was predicted on some tracks alone says on how many."""
    return (
        f"ViSQOL on {counted(tracks, 'track')}"
        if measure == "visqol" and tracks
        else MEASURES[measure].column
    )


def cell(value: Estimate | None, sign: str = "") -> str:
    """Mean with its interval."""
    return "-" if value is None else _with_interval(value.mean, value.mean_interval, sign)


def median_cell(value: Estimate | None) -> str:
    """Median with its interval."""
    return "-" if value is None else _with_interval(value.median, value.median_interval, "")


def _with_interval(value: float, interval: tuple[float, float], sign: str) -> str:
    low, high = interval
    return f"{value:{sign}.2f} ({low:{sign}.2f} to {high:{sign}.2f})"


def verdict(gain: Estimate, measure: str) -> str:
    """Say in a word or two what a difference in a measure shows, as far as two decimals show."""
    if not gain.shows_a_difference or not round(gain.mean, 2):
        return NO_DIFFERENCE
    aim = MEASURES[measure].aim
    if aim == ZERO:
        return "higher" if gain.mean > 0 else "lower"
    return "better" if (gain.mean > 0) == (aim == MORE) else "worse"


def _condition(results: Results, condition: Condition) -> str:
    """Means, differences from what was received, and medians."""
    rate = results.rate_kbps(condition.name)
    notes = [f"cutoff given: {condition.cutoff_hz:g} Hz", *([condition.note] if condition.note else [])]
    if rate is not None:
        notes.append(f"{rate.mean:.1f} kb/s measured")
    own = [s for s in results.systems if results.values(condition.name, s.name, "sdr_db")]
    others = [system for system in own if system.name != RECEIVED]
    heads = ["system", *(head(measure, results.scored) for measure in results.measures)]

    def rows(systems: list[System], value: Callable[[str, str], str]) -> list[list[str]]:
        return [[s.name, *(value(s.name, measure) for measure in results.measures)] for s in systems]

    def mean(system: str, measure: str) -> str:
        return cell(results.estimate(condition.name, system, measure))

    def gain(system: str, measure: str) -> str:
        return cell(results.gain(condition.name, system, measure), "+")

    def median(system: str, measure: str) -> str:
        return median_cell(results.estimate(condition.name, system, measure))

    return "\n".join(
        [
            f"### {condition.name}: {condition.regime}\n\n{'; '.join(notes)}\n",
            table(heads, rows(own, mean)),
            "Difference from received, track by track:\n",
            table(heads, rows(others, gain)),
            "Medians over tracks:\n",
            table(heads, rows(own, median)),
        ]
    )


def _costs(costs: Costs) -> str:
    return f"{PRICED}\n\n{cost_table(costs)}"


def cost_table(costs: Costs) -> str:
    """Return what each model costs, a row each."""
    heads = ["model", "real-time factor", "MMAC/s, mono", "kB", "ms late", "MB of memory"]
    rows = []
    for model, cost in costs.items():
        memory = cost.get("peak_rss_mb")
        rows.append([model, *_cost_cells(cost), "-" if memory is None else f"{memory:.0f}"])
    return table(heads, rows)


def _cost_cells(cost: Mapping[str, float | None]) -> list[str]:
    forms = (
        ("rtf", 1.0, ".3f"),
        ("macs_per_s", 1e-6, ".1f"),
        ("size_bytes", 1e-3, ".0f"),
        ("latency_samples", 1e3 / SAMPLE_RATE, ".0f"),
    )
    values = [(cost.get(name), factor, form) for name, factor, form in forms]
    return ["-" if value is None else f"{value * factor:{form}}" for value, factor, form in values]


def quantised_pairs(models: Sequence[Model]) -> list[tuple[Model, Model]]:
    """Pairs of a quantised model and the same network in float32."""

    def network(model: Model) -> Any:
        return [model.description.get(key) for key in ("model", "transform", "training")]

    exact = [model for model in models if model.description.get("quantisation") == "none"]
    return [
        (model, other)
        for model in models
        for other in exact
        if model is not other and model.description.get("quantisation") and network(model) == network(other)
    ]


def without_float_twins(systems: Sequence[System], models: Sequence[Model]) -> list[System]:
    """Systems less the models that are only there to be held against their quantised twins."""
    twins = {exact.name for _, exact in quantised_pairs(models)}
    return [system for system in systems if system.model not in twins]


def _quantised(results: Results, models: Sequence[Model]) -> str:
    """Every setting of a quantised model against the same of its twin."""
    pairs = [
        (mine.name, twin.name)
        for model, exact in quantised_pairs(models)
        for mine in results.systems
        for twin in results.systems
        if (mine.model, twin.model) == (model.name, exact.name)
        and (mine.diffuse, mine.phase, mine.setting) == (twin.diffuse, twin.phase, twin.setting)
    ]
    return _differences(results, pairs)


def _phases(results: Results) -> str:
    """Every phase against the mirrored one, all else equal."""

    def but_for_the_phase(system: System) -> tuple[Any, ...]:
        return system.kind, system.model, system.diffuse, system.transform, system.setting

    pairs = [
        (system.name, other.name)
        for system in results.systems
        for other in results.systems
        if system.phase not in (None, "mirror")
        and other.phase == "mirror"
        and but_for_the_phase(system) == but_for_the_phase(other)
    ]
    return _differences(results, pairs)


def _differences(results: Results, pairs: Sequence[tuple[str, str]]) -> str:
    """First systems less second ones: in short, and then by every measure."""
    if not pairs:
        return ""
    rows, largest = [], dict.fromkeys(results.measures, 0.0)
    for system, other in pairs:
        for regime in results.regimes:
            cells = []
            for measure in results.measures:
                gain = results.regime_gain(regime, system, measure, other)
                cells.append("-" if gain is None else f"{cell(gain, '+')} {verdict(gain, measure)}")
                if gain is not None:
                    largest[measure] = max(largest[measure], abs(gain.mean))
            rows.append([system, other, regime, *cells])
    most = "; ".join(f"{MEASURES[measure].column} {value:.2f}" for measure, value in largest.items())
    brief = [[system, other, *_changes(results, system, other)] for system, other in pairs]
    return "\n".join(
        [
            f"{_legend(results, 'the system in the second column')} The largest of all: {most}.\n",
            table(["system", "against", *results.regimes], brief),
            "By every measure, with 95 % intervals:\n",
            table(
                ["system", "against", "regime", *(head(m, results.scored) for m in results.measures)], rows
            ),
        ]
    )
