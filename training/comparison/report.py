"""A report: `STEM.json`, a summary, and `STEM-rows.csv`, the values that all else is made of again."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfbwe.atomic import replacing
from tfbwe.console import counted
from tfbwe.errors import ConfigError
from tfbwe.measures import MEASURES

from ..arguments import command
from ..degradation.conditions import Condition
from ..music.manifest import Track
from ..provenance import git_revision, versions
from . import charts, tables
from .costs import Cost
from .lineup import Model, System
from .results import SYSTEM_FIELDS, Results
from .rows import Row

FORMAT_VERSION = 3
STEM = "report"
COLUMNS = ("track", "condition", "system", *MEASURES, "rate_kbps")
_TYPES = {"models": dict, "costs": dict, "tracks": int, "split": str, "command": str, "git_revision": str}
_DEPTHS = {"conditions": 1, "systems": 1, "estimates": 2, "regimes": 2}


@dataclasses.dataclass(frozen=True)
class Report:
    """A report as it was read.

    Attributes
    ----------
    summary : dict
        What the JSON file holds: see `report_schema.json`.
    results : Results
        Of the single values.
    models : list of Model
    costs : dict
        Of each model.
    """

    summary: dict[str, Any]
    results: Results
    models: list[Model]
    costs: dict[str, Cost]


def origin(command: str, split: str, tracks: list[Track], failed: list[str]) -> dict[str, Any]:
    """Where a report comes from, ready for JSON."""
    return {
        "format_version": FORMAT_VERSION,
        "command": command,
        "git_revision": git_revision(),
        "versions": versions("numpy", "scipy", "soxr", "soundfile", "ai-edge-litert", "visqol-python"),
        "split": split,
        "tracks": len(tracks) - len(failed),
        "failed": failed,
    }


def write_report(
    out: Path,
    head: Mapping[str, Any],
    models: Sequence[Model],
    costs: Mapping[str, Cost],
    conditions: Sequence[Condition],
    systems: Sequence[System],
    rows: Sequence[Row],
    stem: str = STEM,
) -> Report:
    """Write both files of a report, and return what was read back from them.

    Parameters
    ----------
    out : Path
        Folder, made if missing.
    head : dict
        As from `origin`.
    models, costs, conditions, systems, rows
        What was compared, and the values of each row.
    stem : str
        Start of the files' names.
    """
    out.mkdir(parents=True, exist_ok=True)
    text = _as_csv(rows)
    write(out, f"{stem}-rows.csv", text)
    results = Results(_rows(text), conditions, systems)
    summary = {
        **head,
        "rows_sha256": _digest(text),
        "models": {model.name: model.description for model in models},
        "costs": dict(costs),
        **results.as_json(),
    }
    write(out, f"{stem}.json", _as_text(summary))
    return read_report(out, stem)


def read_report(folder: Path, stem: str = STEM) -> Report:
    """Read both files of a report.

    Raises
    ------
    ConfigError
        If one is missing, or they are not a report of this version.
    """
    path, maker = folder / f"{stem}.json", command("evaluate")
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["format_version"] != FORMAT_VERSION:
            raise ValueError(f"format version {summary['format_version']}")
        for name, kind in _TYPES.items():
            if not isinstance(summary[name], kind):
                raise ValueError(f"{name}: {summary[name]!r}")
        conditions = [
            Condition(row["name"], row["regime"], (), row["cutoff_hz"], row["note"])
            for row in summary["conditions"]
        ]
        systems = [System(**{name: row[name] for name in SYSTEM_FIELDS}) for row in summary["systems"]]
        models = [Model(name, None, "", description) for name, description in summary["models"].items()]
        text = (folder / f"{stem}-rows.csv").read_text(encoding="utf-8")
        if _digest(text) != summary["rows_sha256"]:
            raise ValueError(f"{stem}-rows.csv holds other rows than those that it was made of")
        return Report(summary, Results(_rows(text), conditions, systems), models, summary["costs"])
    except FileNotFoundError as error:
        raise ConfigError(f"{error.filename}: expected a report of {maker}, found none") from None
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ConfigError(f"{path}: not a report of {maker} of this version: {error!r}") from None


def write_documents(out: Path, report: Report, stem: str = STEM) -> None:
    """Write the tables of a report, `STEM.md`, and its pictures."""
    brief = report.results.of(tables.without_float_twins(report.results.systems, report.models))
    pictures = charts.draw(out, brief, report.costs)
    shown = "## Pictures\n\n" + "\n".join(f"![{Path(name).stem}]({name})" for name in pictures) + "\n"
    text = tables.markdown(report.results, report.models, report.costs)
    write(out, f"{stem}.md", f"{_about(report)}{text}\n{shown}")


def _about(report: Report) -> str:
    its, scored = report.summary, report.results.scored
    score = f" ViSQOL: on {scored} of the tracks, the middle 8 s." if scored else ""
    band = "up to 16 kHz"
    if "level_hf_db" in report.results.measures:
        band += (
            ". Level above cutoff: power over that of the original, up to 20 kHz; 0 is best. Of a high band "
            "nothing is measured beyond the bandwidth of the music itself"
        )
    return (
        f"# Comparison on {counted(its['tracks'], 'track')}\n\n"
        f"20 s from the middle of each track of the split {its['split']}. Means over tracks with 95 % "
        "bootstrap intervals. SDR: median over frames of 1 s, museval's definition. LSD: decades of power; "
        f"above the cutoff, {band}.{score} "
        "Tracks are drawn as if each were by another artist.\n\n"
        f"`{its['command']}`, revision {its['git_revision'] or 'unknown'}\n\n"
    )


def write(out: Path, name: str, text: str) -> None:
    """Write a text file of a report in one step."""
    with replacing(out / name) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _as_csv(rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue()


def _cell(value: str | float | None) -> str | None:
    """Five digits of a number."""
    return f"{value:.5g}" if isinstance(value, float) else value


def _rows(text: str) -> list[Row]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    heads = tuple(reader.fieldnames or ())
    if heads[:3] != COLUMNS[:3] or heads != tuple(name for name in COLUMNS if name in heads):
        raise ValueError(f"expected rows of columns among {','.join(COLUMNS)}")
    return [
        {name: text if name in COLUMNS[:3] else float(text) for name, text in row.items() if text}
        for row in reader
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _as_text(summary: Mapping[str, Any]) -> str:
    """JSON with a line for each entry of what is long: for people, for diffs, and small."""
    lines = [
        f" {json.dumps(name)}: {_lines(value, _DEPTHS.get(name, 0), 1)}" for name, value in summary.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(value: Any, depth: int, indent: int) -> str:
    if not depth or not value:
        return json.dumps(value, allow_nan=False)
    margin = "\n" + " " * (indent + 1)
    inner = [
        _lines(item, depth - 1, indent + 1) for item in (value.values() if isinstance(value, dict) else value)
    ]
    if isinstance(value, dict):
        inner = [f"{json.dumps(name)}: {text}" for name, text in zip(value, inner, strict=True)]
    start, end = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return f"{start}{margin}{f',{margin}'.join(inner)}{margin[:-1]}{end}"
