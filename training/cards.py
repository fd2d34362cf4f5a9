"""All that is made from a report: ``python -m training.cards --report docs --out docs``.

The figures come from `training.evaluate`'s report and from the model's own manifest; the words, in
`comparison/model_card.md`, hold for all models that were trained as the shipped ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from tfbwe.console import reported
from tfbwe.stft import SAMPLE_RATE
from tfbwe.transform import TRANSFORMS

from .arguments import command, module
from .comparison.blocks import filled
from .comparison.lineup import RECEIVED
from .comparison.report import Report, read_report, write, write_documents
from .comparison.tables import cell, head, quantised_pairs, table

SHOWN = ("sdr_db", "snr_db", "lsd", "lsd_hf", "lsd_top", "level_hf_db", "visqol")
TEMPLATE = Path(__file__).parent / "comparison" / "model_card.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=command("cards"),
        description="Write what is made from a report: tables, pictures, model cards, blocks in other files.",
        epilog=f"example: {command('cards')} --report docs --out docs --fill README.md docs/results.md",
        allow_abbrev=False,
    )
    parser.add_argument("--report", required=True, type=Path, help="folder with report.json and its rows")
    parser.add_argument("--out", required=True, type=Path, help="folder for report.md, plots and cards")
    parser.add_argument(
        "--fill",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="Markdown files whose blocks between the marks are tables of the report",
    )
    options = parser.parse_args(argv)
    return reported(module("cards"), lambda: _write_all(options), "train", options.out, "stopped")


def _write_all(options: argparse.Namespace) -> None:
    report = read_report(options.report)
    options.out.mkdir(parents=True, exist_ok=True)
    write_documents(options.out, report)
    for name in described(report):
        write(options.out, f"model-card-{name}.md", card(report, name))
        print(options.out / f"model-card-{name}.md")
    for path in options.fill:
        write(path.parent, path.name, filled(path.read_text(encoding="utf-8"), report))
        print(path)


def described(report: Report) -> list[str]:
    """Model files of a report, less the float32 twins of quantised ones."""
    twins = {exact.name for _, exact in quantised_pairs(report.models)}
    return [name for name in report.costs if name not in twins]


def card(report: Report, name: str) -> str:
    """Model card of one model of a report, in Markdown."""
    its = report.summary
    manifest = its["models"][name]
    columns = (head(measure, report.results.scored) for measure in _shown(report))
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=name,
        facts=table(["", ""], _facts(manifest, report.costs[name])),
        runs="\n".join(_runs(manifest["training"])),
        tracks=its["tracks"],
        split=its["split"],
        command=its["command"],
        revision=its["git_revision"] or "unknown",
        figures=table(["received through", "system", *columns], _rows(report, name)),
        regimes="\n".join(f"- {c.name}: {c.regime}" for c in report.results.conditions),
    )


def _facts(manifest: Mapping[str, Any], cost: Mapping[str, float | None]) -> list[tuple[str, str]]:
    low, high = (hz / 1000 for hz in manifest["cutoff_range_hz"])
    verified = manifest["verification"]["rms_nepers"]
    late = cost["latency_samples"] or 0
    return [
        (
            "What it does",
            "raises what a condition left above a cutoff to where it was, and predicts from the spectrum "
            "below the magnitudes that are missing",
        ),
        ("Input", f"music whose band ends between {low:g} and {high:g} kHz, 1 to 8 channels"),
        ("Output", f"a band up to {manifest['highest_hz'] / 1000:g} kHz, to be added to the input"),
        ("Transform", TRANSFORMS[manifest["transform"]["kind"]].caption),
        ("Arithmetic", _arithmetic(manifest)),
        (
            "File",
            f"{manifest['size_bytes'] / 1000:.0f} kB, {manifest['quantisation']}, float inputs and outputs",
        ),
        *_graph(manifest, cost),
        ("Off the trained network", f"{verified:.3f} nepers rms on held-out music"),
        ("Latency", f"{late:.0f} samples ({1000 * late / SAMPLE_RATE:.0f} ms)"),
        ("Real-time factor, stereo, one thread", f"{cost['rtf']:.3f}"),
        ("Licence", manifest["licence"]),
    ]


def _arithmetic(manifest: Mapping[str, Any]) -> str:
    own = f"{manifest['macs_per_s'] / 1e6:.1f} MMAC/s a channel"
    restoring = manifest.get("restoring") or {}
    if not restoring:
        return own
    return (
        f"{own} to extend, {manifest['graph']['parameters']} parameters; "
        f"{restoring['macs_per_s'] / 1e6:.1f} for all together to restore, {restoring['parameters']}"
    )


def _graph(manifest: Mapping[str, Any], cost: Mapping[str, float | None]) -> list[tuple[str, str]]:
    """A row where another graph of the same network runs for music in stereo, as the cost has it."""
    size = cost["size_bytes"] or 0
    if size == manifest["size_bytes"]:
        return []
    value = f"from wave to wave, {size / 1000:.0f} kB, weights in 8 bits, signal in float32"
    return [("Graph for one or two channels, mirrored phase", value)]


def _runs(training: Mapping[str, Any]) -> list[str]:
    """One line for the run, after those of the runs that it started from."""
    init = training.get("init")
    earlier = _runs(init) if init else []
    config = training["config"]
    precision = "bfloat16" if training["mixed_precision"] else "float32"
    line = (
        f"{len(earlier) + 1}. {config['hours']:g} h of audio, {config['objective'].replace('_', ' ')} loss "
        f"with {_weight(config)}, "
        f"learning rate {config['learning_rate']:g}, batches of {config['batch_size']}, "
        f"seed {training['seed']}, {precision}; {training['backend']}, "
        f"revision {training['git_revision']}."
    )
    return [*earlier, line]


def _weight(config: Mapping[str, Any]) -> str:
    """Weight of the second part of the loss; runs of older versions had another one."""
    name = "level" if "level_weight" in config else "coherent"
    return f"a {name} weight of {config[name + '_weight']:g}"


def _shown(report: Report) -> list[str]:
    """Those of `SHOWN` that were measured."""
    return [measure for measure in SHOWN if measure in report.results.measures]


def _rows(report: Report, name: str) -> list[list[str]]:
    """Received, every setting of the model, and what true magnitudes would reach, by condition."""
    kind = report.summary["models"][name]["transform"]["kind"]
    results, measures = report.results, _shown(report)
    own = [s for s in results.systems if s.name == RECEIVED or s.model == name or s.transform == kind]
    return [
        [condition.name, s.name, *(cell(results.estimate(condition.name, s.name, m)) for m in measures)]
        for condition in results.conditions
        for s in own
    ]


if __name__ == "__main__":
    sys.exit(main())
