"""Compare systems on held-out music.

    python -m training.evaluate --models FILE... --data DIR --out REPORT

One excerpt of 20 s from the middle of each track of the split; every system gets the same received signal and
is told the cutoff. Means over tracks, with 95 % bootstrap intervals.
"""

import argparse
import dataclasses
import json
import math
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import tqdm

from tfbwe.atomic import replacing
from tfbwe.bundle import Bundle, load_bundle
from tfbwe.errors import AudioError, ConfigError, TfbweError
from tfbwe.measures import compare
from tfbwe.stft import SAMPLE_RATE

from . import degrade, systems
from .conditions import CONDITIONS, Condition
from .manifest import Track, read_manifest
from .provenance import git_revision, versions

EXCERPT_S = 20.0
MEASURES = ("sdr_db", "snr_db", "lsd", "lsd_hf")
FloatArray = npt.NDArray[np.float32]
Row = dict[str, str | float | None]
Models = dict[str, Bundle | Path]


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate",
        description="Compare models with reference systems on the music that training left out.",
        epilog="example: python -m training.evaluate --models stft --data music --out report",
    )
    parser.add_argument(
        "--models", nargs="+", default=["stft"], metavar="FILE", help="model files or shipped names"
    )
    parser.add_argument("--data", required=True, type=Path, help="music folder with manifest.csv")
    parser.add_argument("--out", required=True, type=Path, help="folder for report.json and report.md")
    parser.add_argument("--split", choices=["test", "valid"], default="test")
    names = [condition.name for condition in CONDITIONS]
    parser.add_argument(
        "--conditions", nargs="+", choices=names, default=names, metavar="C", help=", ".join(names)
    )
    parser.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 257),
        metavar="N",
        default=os.cpu_count() or 1,
        help="tracks at a time",
    )
    options = parser.parse_args(argv)
    try:
        evaluate(options)
    except (TfbweError, OSError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def evaluate(options: argparse.Namespace) -> None:
    """Evaluate as the command line says; a track that fails is named and left out."""
    runs = {Path(model).name: Path(model) for model in options.models if Path(model).is_dir()}
    files = [model for model in options.models if not Path(model).is_dir()]
    models: Models = {**runs, **{_label(model): load_bundle(model) for model in files}}
    if len(models) < len(options.models):
        raise ConfigError("--models: expected files of different names, for the table goes by them")
    tracks = [track for track in read_manifest(options.data) if track.split == options.split]
    if not tracks:
        raise ConfigError(f"{options.data}: expected tracks of the split {options.split}; there are none")
    conditions = [condition for condition in CONDITIONS if condition.name in options.conditions]
    work = joblib.Parallel(n_jobs=options.jobs, return_as="generator")(
        joblib.delayed(rows_of_track)(options.data, track, conditions, models) for track in tracks
    )
    rows: list[Row] = []
    failed = []
    for track, result in zip(
        tracks, tqdm.tqdm(work, total=len(tracks), unit="track", disable=None), strict=True
    ):
        if isinstance(result, str):
            failed.append(track.file)
            print(f"training.evaluate: left out: {result}", file=sys.stderr)
        else:
            rows += result
    options.out.mkdir(parents=True, exist_ok=True)
    report = {
        "command": shlex.join(["python", "-m", "training.evaluate", *sys.argv[1:]]),
        "git_revision": git_revision(),
        "versions": versions("numpy", "scipy", "soxr", "soundfile", "ai-edge-litert"),
        "split": options.split,
        "tracks": len(tracks) - len(failed),
        "failed": failed,
        "models": {name: _described(model) for name, model in models.items()},
        "rows": rows,
    }
    table = markdown(rows, conditions)
    parts = {"report.json": json.dumps(report, indent=1, allow_nan=False) + "\n", "report.md": table}
    for name, text in parts.items():
        with replacing(options.out / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(table)


def _described(model: Bundle | Path) -> dict[str, Any]:
    if isinstance(model, Bundle):
        return dataclasses.asdict(model.manifest)
    from .run import read_config

    return dataclasses.asdict(read_config(model))


def _label(model: str) -> str:
    return Path(model).name.removesuffix(".tflite")


def excerpt(path: Path) -> FloatArray:
    """Return the middle 20 s of a file, or all of a shorter one, at 44.1 kHz; (channels, samples) float32."""
    try:
        with soundfile.SoundFile(path) as file:
            length = min(file.frames, round(EXCERPT_S * file.samplerate))
            file.seek((file.frames - length) // 2)
            x = file.read(length, dtype="float32", always_2d=True)
            return np.ascontiguousarray(soxr.resample(x, file.samplerate, SAMPLE_RATE, quality="VHQ").T)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: expected the sound file of the manifest; {error}") from None


def rows_of_track(data: Path, track: Track, conditions: list[Condition], models: Models) -> list[Row] | str:
    """All measures of all systems on one track, or what went wrong."""
    try:
        x = excerpt(data / track.file)
    except AudioError as error:
        return str(error)
    rows: list[Row] = []
    for condition in conditions:
        received, original = degrade.apply(x, SAMPLE_RATE, condition.degradation)
        for system, estimate in estimates(received, original, condition, models):
            values = dataclasses.asdict(compare(original, estimate, SAMPLE_RATE, condition.cutoff_hz))
            finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
            rows.append({"track": track.file, "condition": condition.name, "system": system, **finite})
    return rows


def estimates(
    received: FloatArray, original: FloatArray, condition: Condition, models: Models
) -> Iterator[tuple[str, FloatArray]]:
    """Name and output of every system on one received excerpt."""
    cutoff_hz = condition.cutoff_hz
    yield "received", received
    yield "mirror at -12 dB", systems.mirror(received, cutoff_hz)
    for name, model in models.items():
        if isinstance(model, Path):
            yield name, systems.predicted_magnitudes(model, received, cutoff_hz)
            continue
        for diffuse in (0.0, 1.0):
            label = f"{name}, diffuse {diffuse:g}"
            yield label, systems.decoded(model, received, cutoff_hz, diffuse, "mirror")
    for phase in ("received", "mirror"):
        yield f"true magnitudes, {phase} phase", systems.true_magnitudes(received, original, cutoff_hz, phase)


def interval(values: FloatArray) -> tuple[float, float]:
    """95 % bootstrap interval of a mean over tracks."""
    rng = np.random.default_rng(0)
    means = rng.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def markdown(rows: list[Row], conditions: list[Condition]) -> str:
    """Tables of means with intervals, one for each condition."""
    heads = {"sdr_db": "SDR dB", "snr_db": "SNR dB", "lsd": "LSD", "lsd_hf": "LSD above cutoff"}
    parts = []
    for condition in conditions:
        own = [row for row in rows if row["condition"] == condition.name]
        parts.append(f"### {condition.name}: {condition.regime}\n")
        parts.append("| system | " + " | ".join(heads[measure] for measure in MEASURES) + " |")
        parts.append("|---|" + "---|" * len(MEASURES))
        for system in dict.fromkeys(row["system"] for row in own):
            cells = []
            for measure in MEASURES:
                found = [row[measure] for row in own if row["system"] == system]
                values = np.array([value for value in found if value is not None], np.float32)
                if not len(values):
                    cells.append("none")
                    continue
                low, high = interval(values)
                cells.append(f"{values.mean():.2f} ({low:.2f} to {high:.2f})")
            parts.append(f"| {system} | " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.exit(main())
