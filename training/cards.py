"""Model cards, written from a report: ``python -m training.cards --report docs --out docs``.

The figures come from `training.evaluate`'s report and from the model's own manifest; the words, in
`comparison/model_card.md`, hold for all models that were trained as the shipped ones.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from tfbwe.errors import ConfigError, TfbweError
from tfbwe.stft import SAMPLE_RATE

from .arguments import command, module
from .comparison.lineup import RECEIVED
from .comparison.tables import head, table
from .evaluate import write

MEASURES = ("sdr_db", "snr_db", "lsd", "lsd_hf", "visqol")
TRANSFORMS = {
    "stft": "short-time Fourier transform; a step graph, causal, of 512 samples",
    "cqt": "invertible constant-Q transform of 48 bands an octave; a block graph, without a memory",
}
TEMPLATE = Path(__file__).parent / "comparison" / "model_card.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=command("cards"),
        description="Write a model card for every model file of a report.",
        epilog=f"example: {command('cards')} --report docs --out docs",
        allow_abbrev=False,
    )
    parser.add_argument("--report", required=True, type=Path, help="folder with report.json")
    parser.add_argument("--out", required=True, type=Path, help="folder for model-card-NAME.md")
    options = parser.parse_args(argv)
    try:
        report = read_report(options.report / "report.json")
        options.out.mkdir(parents=True, exist_ok=True)
        for name in described(report):
            write(options.out, f"model-card-{name}.md", card(report, name))
            print(options.out / f"model-card-{name}.md")
    except (TfbweError, OSError) as error:
        print(f"{module('cards')}: {error}", file=sys.stderr)
        return 1
    return 0


def read_report(path: Path) -> dict[str, Any]:
    """Report of `training.evaluate`; `ConfigError` if there is none."""
    maker = module("evaluate")
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        report["costs"], report["models"], report["estimates"], report["conditions"]
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected a report of {maker}, found none") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: not a report of {maker} of this version: {error!r}") from None
    return report


def described(report: Mapping[str, Any]) -> list[str]:
    """Model files of a report, less the float32 twins of quantised ones."""
    models = report["models"]
    quantised = [m["training"] for m in models.values() if m.get("quantisation") not in (None, "none")]

    def is_twin(model: Mapping[str, Any]) -> bool:
        return model["quantisation"] == "none" and model["training"] in quantised

    return [name for name in report["costs"] if not is_twin(models[name])]


def card(report: Mapping[str, Any], name: str) -> str:
    """Model card of one model of a report, in Markdown."""
    manifest = report["models"][name]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=name,
        facts=table(["", ""], _facts(manifest, report["costs"][name])),
        runs="\n".join(_runs(manifest["training"])),
        tracks=report["tracks"],
        split=report["split"],
        command=report["command"],
        revision=report["git_revision"] or "unknown",
        figures=table(["received through", "system", *_heads(report)], _rows(report, name)),
        regimes="\n".join(f"- {c['name']}: {c['regime']}" for c in report["conditions"]),
    )


def _facts(manifest: Mapping[str, Any], cost: Mapping[str, float | None]) -> list[tuple[str, str]]:
    low, high = (hz / 1000 for hz in manifest["cutoff_range_hz"])
    verified = manifest["verification"]["rms_nepers"]
    late = cost["latency_samples"] or 0
    return [
        (
            "What it does",
            "predicts the magnitudes above a cutoff from the spectrum below it, and how much of them is "
            "coherent with what was received",
        ),
        ("Input", f"music whose band ends between {low:g} and {high:g} kHz, any number of channels"),
        ("Output", f"a band up to {manifest['highest_hz'] / 1000:g} kHz, to be added to the input"),
        ("Transform", TRANSFORMS[manifest["transform"]["kind"]]),
        ("Arithmetic", f"{manifest['macs_per_s'] / 1e6:.1f} MMAC/s a channel"),
        (
            "File",
            f"{manifest['size_bytes'] / 1000:.0f} kB, {manifest['quantisation']}, float inputs and outputs",
        ),
        ("Off the trained network", f"{verified:.3f} nepers rms on held-out music"),
        ("Latency", f"{late:.0f} samples ({1000 * late / SAMPLE_RATE:.0f} ms)"),
        ("Real-time factor, stereo, one thread", f"{cost['rtf']:.3f}"),
        ("Licence", manifest["licence"]),
    ]


def _runs(training: Mapping[str, Any]) -> list[str]:
    """One line for the run, after those of the runs that it started from."""
    init = training.get("init")
    earlier = _runs(init) if init else []
    config = training["config"]
    precision = "bfloat16" if training["mixed_precision"] else "float32"
    line = (
        f"{len(earlier) + 1}. {config['hours']:g} h of audio, {config['objective'].replace('_', ' ')} loss "
        f"with a coherent weight of {config['coherent_weight']:g}, "
        f"learning rate {config['learning_rate']:g}, batches of {config['batch_size']}, "
        f"seed {training['seed']}, {precision}; {training['backend']}, "
        f"revision {training['git_revision']}."
    )
    return [*earlier, line]


def _heads(report: Mapping[str, Any]) -> list[str]:
    heard = max((e["tracks"] for e in report["estimates"] if e["measure"] == "visqol"), default=None)
    return [head(measure, heard) for measure in MEASURES]


def _rows(report: Mapping[str, Any], name: str) -> list[list[str]]:
    """Received, every setting of the model, and what true magnitudes would reach, by condition."""
    kind = report["models"][name]["transform"]["kind"]
    own = [
        system["name"]
        for system in report["systems"]
        if system["name"] == RECEIVED
        or system["model"] == name
        or (system["kind"] == "true" and ("CQT" in system["name"]) == (kind == "cqt"))
    ]
    found = {(e["condition"], e["system"], e["measure"]): e for e in report["estimates"]}
    rows = []
    for condition in report["conditions"]:
        for system in own:
            cells = [_cell(found.get((condition["name"], system, measure))) for measure in MEASURES]
            rows.append([condition["name"], system, *cells])
    return rows


def _cell(estimate: Mapping[str, Any] | None) -> str:
    if estimate is None:
        return "-"
    low, high = estimate["mean_interval"]
    return f"{estimate['mean']:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    sys.exit(main())
