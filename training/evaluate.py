"""Compare systems on held-out music.

    python -m training.evaluate --models stft cqt FILE... --data DIR --out REPORT

One excerpt of 20 s from the middle of each track of the split; every system gets the same received signal and
is told the cutoff. What was measured once is kept in REPORT/.rows, so that the command goes on where it was
stopped, and measures again only what has changed.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import tqdm

from tfbwe.atomic import replacing
from tfbwe.console import counted
from tfbwe.errors import ConfigError, TfbweError
from tfbwe.model.bundle import Bundle
from tfbwe.settings import PHASES

from .arguments import command, module
from .comparison import charts, tables
from .comparison.costs import Cost, cost
from .comparison.lineup import KINDS, System, line_up, load_models, phases_of
from .comparison.results import Results
from .comparison.rows import Row, rows_of
from .comparison.systems import exciter_found
from .degradation.conditions import CONDITIONS, Condition
from .music.manifest import Track, read_manifest
from .provenance import git_revision, versions

FORMAT_VERSION = 2
ROWS = ".rows"


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _parser().parse_args(argv)
    try:
        evaluate(options, sys.argv[1:] if argv is None else argv)
    except (TfbweError, OSError) as error:
        _say(str(error))
        return 1
    except ModuleNotFoundError as error:
        _say(f"needs {error.name}: pip install 'tfbwe[train]'")
        return 1
    except KeyboardInterrupt:
        _say("stopped; the same command goes on")
        return 130
    return 0


def _say(message: str) -> None:
    print(f"{module('evaluate')}: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command("evaluate"),
        description="Compare models with reference systems on the music that training left out.",
        epilog=f"example: {command('evaluate')} --models stft --data music --out report",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["stft"],
        metavar="FILE",
        help="model files, shipped names, or run folders of the preset paper",
    )
    parser.add_argument("--data", required=True, type=Path, help="music folder with manifest.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder for report.json, report.md and plots")
    parser.add_argument("--split", choices=["test", "valid"], default="test")
    names = [condition.name for condition in CONDITIONS]
    parser.add_argument(
        "--conditions", nargs="+", choices=names, default=names, metavar="C", help=", ".join(names)
    )
    parser.add_argument(
        "--systems", nargs="+", choices=KINDS, default=KINDS, metavar="S", help=", ".join(KINDS)
    )
    parser.add_argument(
        "--phases",
        nargs="+",
        choices=PHASES,
        default=PHASES,
        metavar="P",
        help=f"of the diffuse term: {', '.join(PHASES)} (default all)",
    )
    parser.add_argument(
        "--visqol",
        type=int,
        default=8,
        metavar="N",
        help="predict the listener's score on N tracks (default 8); takes as long as all the rest",
    )
    parser.add_argument("--tracks", type=int, metavar="N", help="N tracks of the split alone, for a trial")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder of kept rows (default OUT/.rows)")
    parser.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 257),
        metavar="N",
        default=os.cpu_count() or 1,
        help="excerpts at a time",
    )
    return parser


def evaluate(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Evaluate as the command line says; a track that fails is named and left out."""
    models = load_models(options.models)
    tracks = split_tracks(options.data, options.split, options.tracks)
    conditions = [condition for condition in CONDITIONS if condition.name in options.conditions]
    if "exciter" in options.systems and not exciter_found():
        _say("ffmpeg is not installed; no row for its exciter")
    if options.visqol and not find_spec("visqol"):
        raise ConfigError(
            "--visqol: ViSQOL is not installed; pip install 'tfbwe[report]', or take --visqol 0"
        )
    systems = line_up(models, options.systems, options.phases)
    for model in models:
        for phase in options.phases:
            if isinstance(model.source, Bundle) and phase not in phases_of(model):
                _say(f"{model.name}: no row of the phase {phase}, which is for models of the STFT")
    cache = options.cache or options.out / ROWS
    cache.mkdir(parents=True, exist_ok=True)
    costs: dict[str, Cost] = {}
    for model, path in zip(models, options.models, strict=True):
        if isinstance(model.source, Bundle):
            costs[model.name] = cost(model, path, cache)
    rows, failed = measured_rows(
        options.data, tracks, conditions, systems, cache, options.jobs, options.visqol
    )
    if not rows:
        raise ConfigError(f"{options.data}: expected one track at least that can be read; there is none")
    results = Results(rows, conditions, systems)
    command_line = shlex.join([*command("evaluate").split(), *arguments])
    origin = provenance(command_line, options.split, tracks, failed)
    if any(system.kind == "exciter" for system in systems):
        origin["versions"]["ffmpeg"] = _ffmpeg_version()
    report = {
        **origin,
        "models": {model.name: model.description for model in models},
        "costs": costs,
        **results.as_json(),
    }
    brief = results.of(tables.without_float_twins(systems, models))
    pictures = charts.draw(options.out, brief, costs)
    about = (
        f"# Comparison on {counted(len(tracks) - len(failed), 'track')}\n\n"
        "20 s from the middle of each track of the split "
        f"{options.split}. Means over tracks with 95 % bootstrap intervals. SDR: median over frames of 1 s, "
        "museval's definition. LSD: decades of power; above the cutoff, up to 16 kHz."
        f"{f' ViSQOL: on {results.heard} of the tracks, the middle 8 s.' if results.heard else ''} "
        "Tracks are drawn as if each were by another artist.\n\n"
        f"`{command_line}`, revision {report['git_revision'] or 'unknown'}\n\n"
    )
    shown = "## Pictures\n\n" + "\n".join(f"![{Path(name).stem}]({name})" for name in pictures) + "\n"
    write(options.out, "report.json", json.dumps(report, indent=1, allow_nan=False) + "\n")
    write(options.out, "report.md", about + tables.markdown(results, models, costs) + "\n" + shown)
    print(tables.look(brief, costs))


def split_tracks(data: Path, split: str, count: int | None = None) -> list[Track]:
    """Tracks of a split, or some of them, spread over the list.

    Raises
    ------
    ConfigError
        If there is none, or fewer than one is asked for.
    """
    tracks = [track for track in read_manifest(data) if track.split == split]
    if not tracks:
        raise ConfigError(f"{data}: expected tracks of the split {split}; there are none")
    return tracks if count is None else _spread(tracks, count)


def _spread(tracks: list[Track], count: int) -> list[Track]:
    if count < 1:
        raise ConfigError(f"a number of tracks: expected 1 or more, received {count}")
    places = np.linspace(0, len(tracks) - 1, min(count, len(tracks))).round().astype(int)
    return [tracks[place] for place in places]


def measured_rows(
    data: Path,
    tracks: list[Track],
    conditions: Sequence[Condition],
    systems: Sequence[System],
    cache: Path,
    jobs: int,
    listened: int = 0,
) -> tuple[list[Row], list[str]]:
    """Rows of all systems on all tracks, and the files that failed, of which there are no rows.

    Parameters
    ----------
    data : Path
        Music folder.
    tracks, conditions, systems : sequences
    cache : Path
        Folder of what was measured before; it must exist.
    jobs : int
        Processes.
    listened : int
        On how many tracks the listener's score is predicted.
    """
    heard = _spread(tracks, listened) if listened else []
    tasks = [(track, condition) for track in tracks for condition in conditions]
    work = joblib.Parallel(n_jobs=jobs, return_as="generator")(
        joblib.delayed(rows_of)(data, track, condition, systems, cache, track in heard)
        for track, condition in tasks
    )
    rows: list[Row] = []
    failed: dict[str, str] = {}
    bar = tqdm.tqdm(work, total=len(tasks), unit="excerpt", disable=None)
    for (track, _), result in zip(tasks, bar, strict=True):
        if not isinstance(result, str):
            rows += result
        elif track.file not in failed:
            failed[track.file] = result
            _say(f"left out: {result}")
    return [row for row in rows if row["track"] not in failed], list(failed)


def provenance(command: str, split: str, tracks: list[Track], failed: list[str]) -> dict[str, Any]:
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


def _ffmpeg_version() -> str:
    said = subprocess.run([exciter_found() or "ffmpeg", "-version"], capture_output=True, text=True).stdout
    return (said.split() or ["", "", "unknown"])[2]


def write(out: Path, name: str, text: str) -> None:
    """Write a text file of a report."""
    with replacing(out / name) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
