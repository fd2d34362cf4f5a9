"""Tables of a report inside of Markdown files that people write, between marks: each answers one question."""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tfbwe.errors import ConfigError
from tfbwe.measures import MEASURES, ZERO
from tfbwe.model.bundle import DEFAULT

from ..degradation.conditions import CODED, NOTHING, RIGHT_PHASE, TURNED_PHASE
from ..degradation.words import WORDS
from ..music import debian_music
from .decoded import AS_A_STREAM, CUTOFF_FOUND
from .lineup import KNOWN, RECEIVED, System
from .report import Report
from .results import Results
from .statistics import estimate
from .tables import brief, cost_table, deciding, quantised_pairs, table, without_float_twins

LISTENER = ("resampled-8k", "brickwall-8k", "butterworth-8k", "mp3-32k", "mp3-64k", "mp3-128k")
"""Conditions that a listener knows."""
ARTISTS = {"butterworth-8k": 0, "chebyshev-11k": 0, "brickwall-8k": 1, "mp3-128k": 1}
"""Conditions, and how much of the diffuse term."""
OF_ARTISTS = ("sdr_db", "lsd_hf", "lsd_top", "level_hf_db")
_NOT_MEASURED = "Not measured in this report.\n"
HEADS_OF_SETTINGS = (AS_A_STREAM, CUTOFF_FOUND, "and extended", KNOWN)
_BLOCK = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def filled(text: str, report: Report) -> str:
    """Text with its blocks made anew from a report; as `between_marks` with `BLOCKS`."""
    return between_marks(text, {name: functools.partial(block, report) for name, block in BLOCKS.items()})


def between_marks(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """Text with its blocks made anew.

    A block begins with a line ``<!-- table NAME -->``, NAME among `blocks`, and ends with one
    ``<!-- end of table -->``.

    Raises
    ------
    ConfigError
        If there is no such table, or a block has no end.
    """

    def made(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        if match[0].count("<!-- table") > 1:
            raise ConfigError(f"block {name}: expected a line <!-- end of table --> before the next block")
        if name not in blocks:
            raise ConfigError(f"block: expected one of {', '.join(blocks)}, received {name}")
        return f"{start}\n{blocks[name]()}\n{end}"

    return _BLOCK.sub(made, text)


def _listener(report: Report) -> str:
    """A row each: what happened to the music, and its score as it was received and as it comes out."""
    rows = []
    for condition in LISTENER:
        found = [
            report.results.estimate(condition, system, "visqol")
            for system in (RECEIVED, f"{DEFAULT}, diffuse 1")
        ]
        rows.append([WORDS[condition], *("-" if value is None else f"{value.mean:.1f}" for value in found)])
    return table(["what happened to the music", "as received", "extended"], rows)


def _gains(report: Report, regime: str) -> str:
    """What every system gains in a regime: measures across, systems down."""
    results = _own(report)
    own = [
        s for s in results.systems if s.name != RECEIVED and (s.kind == "true" or s.phase in (None, "mirror"))
    ]
    return _changes(results, [(s.name, RECEIVED) for s in own], regime, second=False)


def _phases(report: Report) -> str:
    """Each phase less the mirrored one, with the full diffuse term, where nothing is left."""
    results = _own(report)
    models = [s for s in results.systems if s.kind == "model" and s.diffuse]
    pairs = [
        (system.name, other.name)
        for system in models
        for other in models
        if system.model == other.model and other.phase == "mirror" != system.phase
    ]
    return _changes(results, pairs, NOTHING)


def _quantised(report: Report) -> str:
    """Each quantised model less its float32 twin: the largest difference of all regimes."""
    results = report.results
    rows = []
    for model, exact in quantised_pairs(report.models):
        for mine in (s for s in results.systems if s.model == model.name and s.phase == "mirror"):
            twin = mine.name.replace(model.name, exact.name, 1)
            largest = [_largest(results, mine, twin, measure) for measure in deciding(results)]
            rows.append([mine.name, *largest])
    if not rows:
        return _NOT_MEASURED
    return table(["system", *(MEASURES[name].column for name in deciding(results))], rows)


def _largest(results: Results, system: System, twin: str, measure: str) -> str:
    gains = [results.regime_gain(regime, system.name, measure, twin) for regime in results.regimes]
    means = [gain.mean for gain in gains if gain is not None]
    return f"{max(means, key=abs):+.2f}" if means else "-"


def _artists(report: Report) -> str:
    """What the default model does on tracks by artists known from training, and on the others.

    Gains over received, but of a measure that aims at 0 the values themselves.
    """
    known, results = _known_artists(), report.results
    rows = []
    for condition, diffuse in ARTISTS.items():
        system = f"{DEFAULT}, diffuse {diffuse}"
        for measure in OF_ARTISTS:
            if MEASURES[measure].aim == ZERO:
                values = results.values(condition, system, measure)
            else:
                values = {**_gains_of_tracks(results, condition, system, measure)}
            parts = [[v for track, v in values.items() if (track in known) == side] for side in (True, False)]
            means = [found.mean if (found := estimate(part)) else None for part in parts]
            cells = ["-" if mean is None else f"{mean:+.2f}" for mean in means]
            if any(mean is not None for mean in means):
                rows.append([condition, system, MEASURES[measure].column, *cells])
    return table(["condition", "system", "measure", "known artists", "others"], rows)


def _known_artists() -> set[str]:
    """Tracks by artists of whom others were trained on."""
    listed = debian_music.listed_tracks(debian_music.listed_files())
    trained = {row.artist for row in listed if row.pool == "train" and row.artist}
    return {row.file for row in listed if row.artist in trained}


def _gains_of_tracks(results: Results, condition: str, system: str, measure: str) -> dict[str, float]:
    """What a system gains over received, track by track."""
    received = results.values(condition, RECEIVED, measure)
    return {
        track: value - before
        for track, value in results.values(condition, system, measure).items()
        if value is not None and (before := received.get(track)) is not None
    }


def _restored(report: Report) -> str:
    """SDR that restoring alone gains in each condition: as a file, as a stream, without a given cutoff."""
    known, name = _known_artists(), f"{DEFAULT}, diffuse 0"
    systems = [name, f"{name}, {AS_A_STREAM}", f"{name}, {CUTOFF_FOUND}", f"{DEFAULT}, diffuse 1", KNOWN]
    rows = []
    for condition in report.results.conditions:
        own = _gains_of_tracks(report.results, condition.name, name, "sdr_db")
        others = [gain for track, gain in own.items() if track not in known]
        if condition.regime != RIGHT_PHASE or not own:
            continue
        received = report.results.estimate(condition.name, RECEIVED, "sdr_db")
        gains = [report.results.gain(condition.name, system, "sdr_db") for system in systems]
        cells = ["-" if gain is None else f"{gain.mean:+.2f}" for gain in gains]
        unknown = "-" if (found := estimate(others)) is None else f"{found.mean:+.2f}"
        before = "-" if received is None else f"{received.mean:.1f}"
        rows.append([condition.name, before, cells[0], f"{min(own.values()):+.2f}", unknown, *cells[1:]])
    heads = ["received through", "SDR dB", "restored", "worst track", "unknown artists", *HEADS_OF_SETTINGS]
    return table(heads, rows)


def _added(report: Report) -> str:
    """The band that each model adds in each condition: distances, level, and the listener's score."""
    results, known, rows = _own(report), _known_artists(), []
    models = [s.name for s in results.systems if s.kind == "model" and s.diffuse and s.phase == "mirror"]
    for condition in results.conditions:
        measure = results.distance(condition)
        if measure == "lsd":
            continue
        for name in [RECEIVED, *models]:
            values = results.values(condition.name, name, measure)
            others = estimate([value for track, value in values.items() if track not in known])
            gain = None if name == RECEIVED else results.gain(condition.name, name, "visqol")
            found = [results.estimate(condition.name, name, m) for m in (measure, "level_hf_db", "visqol")]
            distance, level, score = (
                "-" if e is None else f"{e.mean:.{n}f}" for e, n in zip(found, (2, 1, 2), strict=True)
            )
            cells = [distance, "-" if others is None else f"{others.mean:.2f}", level, score, brief(gain)]
            rows.append([condition.name, name, *cells])
    heads = ["LSD", "unknown artists", "level dB", "ViSQOL", "change"]
    return table(["received through", "system", *heads], rows)


def _costs(report: Report) -> str:
    twins = {exact.name for _, exact in quantised_pairs(report.models)}
    return cost_table({name: cost for name, cost in report.costs.items() if name not in twins})


def _changes(results: Results, pairs: Iterable[tuple[str, str]], regime: str, second: bool = True) -> str:
    measures = deciding(results)
    rows = [
        [
            *((system, other) if second else (system,)),
            *(brief(results.regime_gain(regime, system, measure, other)) for measure in measures),
        ]
        for system, other in pairs
    ]
    heads = ["system", "less"] if second else ["system"]
    shown = [row for row in rows if any(cell != "-" for cell in row[len(heads) :])]
    if not shown:
        return _NOT_MEASURED
    return table([*heads, *(MEASURES[name].column for name in measures)], shown)


def _own(report: Report) -> Results:
    """Results without the float32 twins of quantised models."""
    systems: Sequence[System] = without_float_twins(report.results.systems, report.models)
    return report.results.of(systems)


BLOCKS: dict[str, Callable[[Report], str]] = {
    "listener": _listener,
    "nothing-left": functools.partial(_gains, regime=NOTHING),
    "weak-band": functools.partial(_gains, regime=RIGHT_PHASE),
    "restored": _restored,
    "added": _added,
    "turned-phase": functools.partial(_gains, regime=TURNED_PHASE),
    "coded": functools.partial(_gains, regime=CODED),
    "phases": _phases,
    "quantised": _quantised,
    "artists": _artists,
    "costs": _costs,
}
"""By the names of the marks."""
