"""The paper's comparison: both autoencoders under an equal budget, and a table of which does better.

    python -m training.paper --data DIR --out DIR

Trains the presets `paper` of the STFT and of the constant-Q transform on the same hours of audio, measures
them on held-out music beside what true magnitudes would reach, and does the same with the two models of the
presets `default`. The same command goes on where it was stopped.

Miron, Davies, "High frequency magnitude spectrogram reconstruction for music mixtures using convolutional
autoencoders", DAFx-18.
"""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

from tfbwe.console import counted, reported
from tfbwe.errors import ConfigError
from tfbwe.measures import MEASURES

from .arguments import command, folder, module
from .comparison.lineup import RECEIVED, TRUE_NAMES, Model, System, line_up, load_models
from .comparison.report import origin, write, write_report
from .comparison.results import Results
from .comparison.rows import KEPT, measured_rows, split_tracks
from .comparison.statistics import Estimate
from .comparison.tables import NO_DIFFERENCE, cell, median_cell, table, verdict
from .degradation.conditions import CONDITIONS

CONDITION_NAMES = ("butterworth-8k-float", "butterworth-8k", "brickwall-8k")
SHOWN = ("sdr_db", "snr_db", "lsd")
STEM = "paper"
RUN = "paper-{}"
KINDS = ("stft", "cqt")


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=command("paper"),
        description="Train both autoencoders of the paper under an equal budget, and compare them.",
        epilog=f"example: {command('paper')} --data music --out paper --hours 20",
        allow_abbrev=False,
    )
    parser.add_argument("--data", required=True, type=folder, help="music folder with manifest.csv")
    parser.add_argument("--out", required=True, type=folder, help="folder for runs, paper*.json, .csv, .md")
    parser.add_argument(
        "--hours", type=float, default=20.0, metavar="H", help="of audio for each; default 20"
    )
    parser.add_argument(
        "--models",
        nargs=2,
        default=list(KINDS),
        metavar="FILE",
        help="the STFT and the CQT model of the second table (default: the shipped ones)",
    )
    parser.add_argument("--split", choices=["test", "valid"], default="test")
    parser.add_argument("--jobs", type=int, choices=range(1, 257), metavar="N", default=os.cpu_count() or 1)
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=f"as for {command('fit')}"
    )
    options = parser.parse_args(argv)
    arguments = sys.argv[1:] if argv is None else argv
    stopped = "stopped; the same command goes on"
    return reported(module("paper"), lambda: compare(options, arguments), "train", options.out, stopped)


def compare(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Train, measure and write the tables; returns the exit status."""
    tracks = split_tracks(options.data, options.split)
    defaults = load_models(options.models)
    if [model.kind for model in defaults] != list(KINDS):
        raise ConfigError("--models: expected a model of the STFT, then one of the CQT")
    from . import fit

    for kind in KINDS:
        run = str(options.out / RUN.format(kind))
        wanted = ["--model", kind, "--preset", "paper", "--data", str(options.data), "--run", run]
        status = fit.main([*wanted, "--resume", "--set", *options.set, f"hours={options.hours}"])
        if status:
            return status
    papers = load_models([str(options.out / RUN.format(kind)) for kind in KINDS])
    conditions = [next(c for c in CONDITIONS if c.name == name) for name in CONDITION_NAMES]
    systems = line_up([*papers, *defaults], ("true", "model"))
    cache = options.out / KEPT
    rows, failed = measured_rows(options.data, tracks, conditions, systems, cache, options.jobs)
    command_line = shlex.join([*command("paper").split(), *arguments])
    head = origin(command_line, options.split, tracks, failed)
    report = write_report(options.out, head, [*papers, *defaults], {}, conditions, systems, rows, STEM)
    text = markdown(report.results, papers, defaults, options.hours)
    revision = report.summary["git_revision"] or "unknown"
    about = f"`{command_line}`, revision {revision}, {counted(report.summary['tracks'], 'track')}\n\n"
    write(options.out, f"{STEM}.md", "# The paper's comparison\n\n" + about + text)
    print(text)
    return 0


def markdown(results: Results, papers: Sequence[Model], defaults: Sequence[Model], hours: float) -> str:
    """Both tables, each with what it says in words."""
    parts = []
    groups = (
        (f"Squared error, nothing restored, received phase; {hours:g} h of audio each", papers),
        ("The models of the presets `default`", defaults),
    )
    for title, models in groups:
        names = {model.name for model in models}
        systems = [
            s
            for s in results.systems
            if s.name == RECEIVED or s.model in names or (s.kind == "true" and s.phase == "received")
        ]
        parts += [f"## {title}\n", _table(results, systems), "\n".join(_sentences(results, models)) + "\n"]
    parts += ["## With true magnitudes\n", "\n".join(_limits(results)) + "\n"]
    return "\n".join(parts)


def _table(results: Results, systems: Sequence[System]) -> str:
    heads = ["received through", "system"]
    for measure in SHOWN:
        heads += [MEASURES[measure].column, "median", "gain over received"]
    rows = []
    for condition in results.conditions:
        for system in systems:
            row = [condition.name, system.name]
            for measure in SHOWN:
                value = results.estimate(condition.name, system.name, measure)
                gain = None
                if system.name != RECEIVED:
                    gain = results.gain(condition.name, system.name, measure)
                row += [cell(value), median_cell(value), cell(gain, "+")]
            rows.append(row)
    return table(heads, rows)


def _sentences(results: Results, models: Sequence[Model]) -> list[str]:
    """Where the CQT wins over the STFT and where it does not, setting by setting."""
    stft, cqt = ([s for s in results.systems if s.model == model.name] for model in models)
    found = []
    for ours, theirs in zip(cqt, stft, strict=True):
        setting = "" if ours.diffuse is None else f", diffuse {ours.diffuse:g}"
        found += _compared(results, ours.name, theirs.name, setting)
    return found


def _limits(results: Results) -> list[str]:
    """The same for true magnitudes: what the transform itself allows."""
    cqt, stft = (TRUE_NAMES[kind].format("received") for kind in ("cqt", "stft"))
    return _compared(results, cqt, stft, ", true magnitudes, received phase")


def _compared(results: Results, cqt: str, stft: str, setting: str) -> list[str]:
    return [
        f"- {condition.name}{setting}, {MEASURES[measure].heading}: {sentence(gain, measure)}."
        for condition in results.conditions
        for measure in SHOWN
        if (gain := results.gain(condition.name, cqt, measure, stft)) is not None
    ]


def sentence(gain: Estimate, measure: str) -> str:
    """Say what the difference of the CQT from the STFT shows.

    Parameters
    ----------
    gain : Estimate
        CQT less STFT, track by track.
    measure : str
        One of `tfbwe.measures.MEASURES`.
    """
    unit = f" {MEASURES[measure].unit}".rstrip()
    low, high = gain.mean_interval
    figures = f"{gain.mean:+.2f}{unit}, {low:+.2f} to {high:+.2f}"
    word = verdict(gain, measure)
    if word == NO_DIFFERENCE:
        return f"{NO_DIFFERENCE} that these tracks show ({figures})"
    return f"the CQT is {word} than the STFT ({figures})"


if __name__ == "__main__":
    sys.exit(main())
