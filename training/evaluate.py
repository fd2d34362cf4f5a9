"""Compare systems on held-out music.

    python -m training.evaluate --models stft cqt FILE... --data DIR --out REPORT

One excerpt of 20 s from the middle of each track of the split; every system gets the same received signal and
is given the cutoff. Above that nothing is measured beyond the track's own bandwidth. What was measured once
is kept in REPORT/.rows, so that the command goes on where it was stopped, and measures again only what has
changed.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from tfbwe.console import reported
from tfbwe.errors import ConfigError
from tfbwe.model.bundle import DEFAULT, Bundle
from tfbwe.phase import PHASES
from tfbwe.working import cluster

from .arguments import command, folder, folder_or_address, module
from .comparison import tables
from .comparison.costs import Cost, cost
from .comparison.lineup import KINDS, line_up, load_models, phases_of
from .comparison.report import origin, write_documents, write_report
from .comparison.rows import KEPT, measured_rows, split_tracks
from .degradation import ffmpeg
from .degradation.conditions import CONDITIONS
from .examples.copies import brought_here


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _parser().parse_args(argv)
    arguments = sys.argv[1:] if argv is None else argv
    stopped = "stopped; the same command goes on"
    return reported(module("evaluate"), lambda: evaluate(options, arguments), "train", options.out, stopped)


def _say(message: str) -> None:
    print(f"{module('evaluate')}: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command("evaluate"),
        description="Compare models with reference systems on the music that training left out.",
        epilog=f"example: {command('evaluate')} --models stft --data music --out report; "
        "music may be at an address: --data s3://bucket/music (needs tfbwe[cloud])",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=[DEFAULT],
        metavar="FILE",
        help="model files, shipped names, or run folders of the preset paper",
    )
    parser.add_argument(
        "--data",
        required=True,
        type=folder_or_address,
        help="music folder with manifest.csv, or the address of one",
    )
    parser.add_argument(
        "--out",
        required=True,
        type=folder,
        help="folder for report.json, report-rows.csv, report.md and plots",
    )
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
        choices=list(PHASES),
        default=list(PHASES),
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
    parser.add_argument("--cache", type=folder, metavar="DIR", help="folder of kept rows (default OUT/.rows)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 257),
        metavar="N",
        default=os.cpu_count() or 1,
        help="excerpts at a time",
    )
    cluster.add_option(where)
    return parser


def evaluate(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    """Evaluate as the command line says; a track that fails is named and left out."""
    models = load_models(options.models)
    options.data = brought_here(options.data, options.split)
    tracks = split_tracks(options.data, options.split, options.tracks)
    conditions = [condition for condition in CONDITIONS if condition.name in options.conditions]
    if not ffmpeg.found():
        if "exciter" in options.systems:
            _say("ffmpeg is not installed; no row for its exciter")
        for condition in [condition for condition in conditions if condition.needs_ffmpeg]:
            _say(f"ffmpeg is not installed; {condition.name} is left out")
            conditions.remove(condition)
    if options.visqol and not find_spec("visqol"):
        raise ConfigError(
            "--visqol: ViSQOL is not installed; pip install 'tfbwe[visqol]', or take --visqol 0"
        )
    systems = line_up(models, options.systems, options.phases)
    for model in models:
        for phase in options.phases:
            if isinstance(model.source, Bundle) and phase not in phases_of(model):
                _say(f"{model.name}: no row of the phase {phase}, which its transform does not have")
    cache = options.cache or options.out / KEPT
    cache.mkdir(parents=True, exist_ok=True)
    costs: dict[str, Cost] = {}
    for model, path in zip(models, options.models, strict=True):
        if isinstance(model.source, Bundle):
            costs[model.name] = cost(model, path, cache)
    rows, failed = measured_rows(
        options.data, tracks, conditions, systems, cache, options.jobs, options.visqol, _say, options.cluster
    )
    head = origin(shlex.join([*command("evaluate").split(), *arguments]), options.split, tracks, failed)
    if ffmpeg.found():
        head["versions"]["ffmpeg"] = ffmpeg.version()
    report = write_report(options.out, head, models, costs, conditions, systems, rows)
    write_documents(options.out, report)
    brief = report.results.of(tables.without_float_twins(report.results.systems, report.models))
    print(tables.overview(brief, costs))


if __name__ == "__main__":
    sys.exit(main())
