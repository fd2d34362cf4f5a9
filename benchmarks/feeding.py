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
import multiprocessing
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

SOURCES = (
    ("stft", "shards"),
    ("stft", "music"),
    ("cqt", "shards"),
    ("cqt", "music"),
    ("restore", "statistics"),
)
"""What is trained, and what its examples are drawn from."""


FEWEST = 50
"""Examples of which the costs of degradations are means."""


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
    found: dict[str, Any] = {"cores": cores, "load": round(os.getloadavg()[0], 1), "drawing": [], "steps": {}}
    found["kinds"] = kinds(data, seconds)
    numbers = [n for n in (1, 2, 4, 8, 16, 32, 64) if n < cores] + [cores]
    for model, name in SOURCES:
        folder = shards if name == "shards" else data
        if folder is None:
            continue
        source, config = _opened(folder, model)
        for workers in numbers:
            row = {"model": model, "source": name, "workers": workers}
            found["drawing"].append({**row, **_drawn(source, config, workers, seconds)})
        if model not in found["steps"]:
            found["steps"][model] = _step(source, model, seconds)
    return found


def kinds(data: Path, seconds: float) -> dict[str, Any]:
    """Processor time of each kind of stage of a degradation, and of measuring where codecs' bands end."""
    import scipy.signal  # noqa: F401

    from training.degradation import degrade, drawing
    from training.examples.drawn import CUTOFF_MARGIN, Music
    from training.examples.restored import found_cutoff_hz, restored

    config = _preset("stft")
    music, used_s = Music(data, "train"), defaultdict[str, list[float]](list)
    begun, count = time.monotonic(), 0
    while time.monotonic() < begun + seconds or count < FEWEST:
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

    config = _preset(model)
    if model == "restore":  # all of its filters take long to draw, once; some draw as fast
        config = dataclasses.replace(config, filters=200)
    return examples(folder, "train", config), config


def _preset(model: str) -> Any:
    from training.learning.presets import preset

    return preset(model, "default")


def _drawn(source: Any, config: Any, workers: int, seconds: float) -> dict[str, float]:
    """Seconds of audio in a second, of the clock and of a core, and how long the first batch takes."""
    begun = time.monotonic()
    with source.batches(0, 0, workers) as batches:
        following = iter(batches)
        next(following)
        first_s = time.monotonic() - begun
        for _ in range(2 * workers):  # what was drawn ahead meanwhile
            next(following)
        begun, before_s, count = time.monotonic(), _used_now_s(), 0
        while time.monotonic() < begun + seconds or count < workers:
            next(following)
            count += 1
        clock_s, used_s = time.monotonic() - begun, _used_now_s() - before_s
    return {
        **_rates(count * config.step_seconds, clock_s, used_s),
        "first_s": round(first_s, 1),
    }


def _rates(audio_s: float, clock_s: float, used_s: float) -> dict[str, float]:
    return {
        "audio_s_per_s": round(audio_s / clock_s, 1),
        "audio_s_per_core_s": round(audio_s / used_s, 1),
    }


def _used_now_s() -> float:
    """As `_used_s`, with processes that still run; those on Linux alone."""
    ticks = 0
    for child in multiprocessing.active_children():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{child.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            ticks += sum(map(int, words[11:15]))  # its own time, and that of what it waited for
    return _used_s() + ticks / os.sysconf("SC_CLK_TCK")


def _step(source: Any, model: str, seconds: float) -> dict[str, Any]:
    """Seconds of audio that training takes in a second with its examples at hand."""
    import keras

    from training.learning.trainer import new_trainer

    config = _preset(model)
    batch = source.fixed_set(config.batch_size)
    trainer: Any = new_trainer(config, 1000)
    for _ in range(2):
        trainer.train_on_batch(batch)
    begun, before_s, count = time.monotonic(), _used_s(), 0
    while time.monotonic() < begun + seconds or not count:
        trainer.train_on_batch(batch)
        count += 1
    clock_s, used_s = time.monotonic() - begun, _used_s() - before_s
    return {
        **_rates(count * config.step_seconds, clock_s, used_s),
        "on": f"{keras.backend.backend()}, {', '.join(keras.distribution.list_devices())}",
    }


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
        "Seconds of audio in a second of the clock, and of a core; beside it what training takes",
        "model    drawn from  workers   clock    core  first batch          training",
    ]
    for row in found["drawing"]:
        step = steps[row["model"]]
        lines.append(
            f"{row['model']:8} {row['source']:11} {row['workers']:7} {row['audio_s_per_s']:7.0f} "
            f"{row['audio_s_per_core_s']:7.0f} {row['first_s']:10.1f} s "
            f"{step['audio_s_per_s']:7.0f}, core {step['audio_s_per_core_s']:4.0f}"
        )
    lines += [f"training on {next(iter(steps.values()))['on']}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
