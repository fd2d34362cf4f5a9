"""Whether drawing keeps an accelerator busy: ``python -m benchmarks.feeding --data music --shards shards``.

Seconds of audio that are drawn in a second, by source and number of workers, beside what a training step of
each model takes here; and what each kind of degradation costs on one core. Wall clock for the one, so that
other work on the machine counts, processor time for the other.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tfbwe.quiet import quiet
from tfbwe.stft import SAMPLE_RATE

MODELS = ("stft", "cqt", "restore")


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feeding", description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="music folder with manifest.csv")
    parser.add_argument("--shards", type=Path, help="folder of shards (training.precompute)")
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement (default 20)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to a file too")
    options = parser.parse_args()
    found = measured(options.data, options.shards, options.seconds)
    print(shown(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def measured(data: Path, shards: Path | None, seconds: float) -> dict[str, Any]:
    """Measure all there is, some `seconds` each.

    Returns
    -------
    dict
        ``kinds``: what kinds of degradation cost; ``drawing``: by source and workers; ``steps``: of training.
    """
    with quiet():
        import keras  # noqa: F401
    cores = os.cpu_count() or 1
    found: dict[str, Any] = {"cores": cores, "load": round(os.getloadavg()[0], 1)}
    found["kinds"] = kinds(data, seconds)
    numbers = [n for n in (1, 2, 4, 8, 16, 32, 64) if n < cores] + [cores]
    found["drawing"] = []
    for model in MODELS:
        for name, folder in (("music", data), ("shards", shards)):
            if folder is None or (model, name) == ("restore", "shards"):
                continue
            source, config = _opened(folder, model)
            for workers in numbers:
                row = {"model": model, "source": "statistics" if model == "restore" else name}
                found["drawing"].append(
                    {**row, "workers": workers, **_drawn(source, config, workers, seconds)}
                )
    found["steps"] = {model: _step(model, shards or data, data, seconds) for model in MODELS}
    return found


def kinds(data: Path, seconds: float) -> dict[str, Any]:
    """Processor time of each kind of stage of a degradation, and of measuring where codecs' bands end."""
    from training.degradation import degrade, drawing
    from training.examples.drawn import CUTOFF_MARGIN, Music
    from training.examples.restored import found_cutoff_hz, restored
    from training.learning.presets import preset

    config: Any = preset("stft", "default")
    music, used_s = Music(data, "train"), defaultdict[str, list[float]](list)
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + seconds or count < 50:
        rng = np.random.default_rng((4, count))
        count += 1
        with _timed(used_s["crop"]):
            x, bandwidth_hz = music.crop(rng, config.crop_samples)
        channels = len(x)
        with _timed(used_s["edges of codecs, first time"]):
            degradation = drawing.draw(rng, CUTOFF_MARGIN * bandwidth_hz, channels)
        for stage in degradation:
            with _timed(used_s[_kind(stage)]):
                x = stage.apply(x, SAMPLE_RATE)
        lowpass = degrade.lowpass_of(degradation)
        cutoff_hz = found_cutoff_hz(rng, degrade.cutoff_hz_of(degradation, channels))
        with _timed(used_s["restoring, after recursive"] if _kind(lowpass) == "filter, recursive" else []):
            restored(rng, x, lowpass, cutoff_hz)
    first_s = sum(used_s.pop("edges of codecs, first time"))
    return {
        "examples": count,
        "example_s": config.crop_samples / SAMPLE_RATE,
        "edges_s": first_s,
        "stages": {kind: {"n": len(each), "ms": 1e3 * float(np.mean(each))} for kind, each in used_s.items()},
    }


def _kind(stage: Any) -> str:
    from training.degradation.codecs import Codec
    from training.degradation.degrade import Gain, Mix
    from training.degradation.filters import FAMILIES, LowCut, Lowpass

    if isinstance(stage, Codec):
        return f"codec, {stage.name}"
    if isinstance(stage, Lowpass):
        return "filter, recursive" if FAMILIES[stage.family].recursive else "filter, sharp"
    if isinstance(stage, LowCut):
        return "filter, recursive"
    return "gain and mix" if isinstance(stage, Gain | Mix) else "rounding"


@contextlib.contextmanager
def _timed(each: list[float]) -> Iterator[None]:
    before = _used_s()
    yield
    each.append(_used_s() - before)


def _used_s() -> float:
    """Processor time of this process and of those it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _opened(folder: Path, model: str) -> tuple[Any, Any]:
    from training.examples.sources import examples
    from training.learning.presets import preset

    config: Any = preset(model, "default")
    if model == "restore":  # all of its filters take long to draw, once; some draw as fast
        config = dataclasses.replace(config, filters=200)
    return examples(folder, "train", config), config


def _drawn(source: Any, config: Any, workers: int, seconds: float) -> dict[str, float]:
    """Seconds of audio in a second, as training gets them, and how long the first batch takes."""
    begun = time.monotonic()
    with source.batches(0, 0, workers) as batches:
        following = iter(batches)
        next(following)
        first_s = time.monotonic() - begun
        for _ in range(2 * workers):  # what was drawn ahead meanwhile
            next(following)
        begun, count = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            next(following)
            count += 1
        speed = count * config.step_seconds / (time.monotonic() - begun)
    return {"audio_s_per_s": round(speed, 1), "first_s": round(first_s, 1)}


def _step(model: str, folder: Path, data: Path, seconds: float) -> dict[str, Any]:
    """Seconds of audio that training takes in a second with its examples at hand."""
    import keras

    from training.learning.trainer import new_trainer

    source, config = _opened(data if model == "restore" else folder, model)
    batch = source.fixed_set(config.batch_size)
    trainer: Any = new_trainer(config, 1000)
    for _ in range(2):
        trainer.train_on_batch(batch)
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + seconds:
        trainer.train_on_batch(batch)
        count += 1
    speed = count * config.step_seconds / (time.monotonic() - begun)
    devices = ", ".join(keras.distribution.list_devices())
    return {"audio_s_per_s": round(speed, 1), "on": f"{keras.backend.backend()}, {devices}"}


def shown(found: dict[str, Any]) -> str:
    """Tables of what was measured."""
    its, steps = found["kinds"], found["steps"]
    total = sum(row["n"] * row["ms"] for row in its["stages"].values())
    lines = [
        f"{found['cores']} cores, load {found['load']} before",
        "",
        f"What an example of {its['example_s']:.1f} s costs: processor time, mean of {its['examples']}",
        f"{'kind':28} {'of examples':>11} {'ms each':>9} {'of the time':>12}",
    ]
    for kind, row in sorted(its["stages"].items(), key=lambda one: -one[1]["n"] * one[1]["ms"]):
        share = row["n"] * row["ms"] / total
        lines.append(f"{kind:28} {row['n'] / its['examples']:11.0%} {row['ms']:9.1f} {share:12.0%}")
    lines += [
        f"{'all':28} {1:11.0%} {total / its['examples']:9.1f} {1:12.0%}",
        f"edges of codecs: {its['edges_s']:.1f} s more, once for a music folder",
        "",
        "Audio seconds per second, wall clock; a training step with its examples at hand beside it",
        f"{'model':8} {'drawn from':11} {'workers':>7} {'drawing':>9} {'first batch':>12} {'training':>9}",
    ]
    for row in found["drawing"]:
        step = steps[row["model"]]["audio_s_per_s"]
        lines.append(
            f"{row['model']:8} {row['source']:11} {row['workers']:7} {row['audio_s_per_s']:9.0f} "
            f"{row['first_s']:10.1f} s {step:9.0f}"
        )
    lines += [f"training on {steps[MODELS[0]]['on']}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
