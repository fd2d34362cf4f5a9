"""What each command of the command line does."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.formats import reason
from ..audio.reader import Reader
from ..audio.resampler import Resampler
from ..console import counted, progress_bar, say
from ..errors import AudioError, ConfigError, TfbweError
from ..settings import CutoffError


def extend(options: argparse.Namespace) -> int:
    """Extend files; one that fails is reported and the others go on."""
    from ..decoder import Decoder
    from ..model.bundle import load_bundle
    from ..offline.files import extend_file
    from .outputs import left_out, plan_outputs

    pairs = plan_outputs(options.inputs, options.output)
    for name in left_out(options.inputs, options.output, pairs):
        say(f"{name}: lies in the output folder, and is left out")
    model = load_bundle(options.model, options.trust)
    # What no file can mend, such as a phase that the model lacks, is said once, before any is opened.
    Decoder(model, model.manifest.graph.get("channels", 1), None, options.diffuse, options.phase)
    failed = 0
    for source, destination in pairs:
        name = "standard input" if source == "-" else source
        try:
            with _folder_for(destination, options.output), progress_bar(source) as progress:
                summary = extend_file(
                    source,
                    destination,
                    model=model,
                    cutoff_hz=options.cutoff,
                    diffuse=options.diffuse,
                    phase=options.phase,
                    clip=options.clip,
                    strict=options.strict,
                    force=options.force,
                    progress=progress,
                )
        except CutoffError as error:
            say(_too_high(name, options.cutoff, error.limit_hz))
            failed += 1
            continue
        except TfbweError as error:
            say(str(error))
            failed += 1
            continue
        for note in summary.notes:
            say(f"{name}: {note}")
        if destination != "-":
            print(f"{destination}: {_describe(summary.cutoff_hz, summary.measured)}, {summary.seconds:.1f} s")
    return 1 if failed else 0


def info(options: argparse.Namespace) -> int:
    """Print what a sound file or a model file holds."""
    from ..model.bundle import load_bundle

    if _is_model(options.file):
        if options.png is not None:
            raise ConfigError(f"{options.png}: expected a sound file to draw, received a model")
        _print(dataclasses.asdict(load_bundle(options.file, options.trust).manifest), True)
        return 0
    from ..measures.levels import save_levels
    from ..measures.picture import refuse_picture
    from ..offline.received import identified, measure_file, nothing_to_add

    if options.png is not None:
        refuse_picture(options.png, options.force)
    bundle = load_bundle(options.model, options.trust)
    with Reader(options.file) as reader:
        received = measure_file(reader)
        cutoff_hz = received.cutoff_hz
        why_not = nothing_to_add(cutoff_hz, received.why_none, bundle)
        condition = None if why_not else identified(received, bundle)
        found = {
            "file": reader.name,
            "container": reader.container,
            "subtype": reader.subtype,
            "sample_rate": reader.sample_rate,
            "channels": reader.channels,
            "seconds": reader.seconds,
            "damage": reader.damage.removeprefix("damaged: ") or None,
            "cutoff_hz": cutoff_hz,
            "condition": None if condition is None else str(condition),
            "extendable": not why_not,
            "reason": why_not or None,
            "tags": reader.tags,
        }
    _print(found, options.json)
    if options.png is not None:
        if condition is None or received.moments is None:
            raise ConfigError(
                f"{options.png}: nothing to draw; it needs sound that can be extended, and a model with a "
                "step graph and a network that restores"
            )
        name = Path(reader.name).name
        save_levels(options.png, name, received.moments, condition, cutoff_hz, options.force)
    return 0


def compare(options: argparse.Namespace) -> int:
    """Print the measures of an estimate against its reference, and draw both."""
    from ..cutoff.bandwidth import Bandwidth, measure_band
    from ..measures import distances
    from ..measures.picture import refuse_picture
    from ..measures.spectrogram import save_spectrograms

    if options.png is not None:
        refuse_picture(options.png, options.force)
    reference, estimate, sample_rate = _read_both(options.reference, options.estimate)
    cutoff_hz, limit_hz = options.cutoff, min(distances.LIMIT_HZ, sample_rate / 2)
    if cutoff_hz is not None and cutoff_hz >= limit_hz:
        raise ConfigError(_too_high(options.estimate, cutoff_hz, limit_hz, "where the measured band ends"))
    if cutoff_hz is None:
        measured_hz, _ = measure_band([estimate], sample_rate)
        cutoff_hz = measured_hz if measured_hz is not None and measured_hz < limit_hz else None
        if cutoff_hz is None or cutoff_hz >= distances.TOP_HZ:
            none = f"no edge below {distances.TOP_HZ:g} Hz where a received band could end"
            say(f"{options.estimate}: has {none}; --cutoff HZ gives lsd_hf")
    bandwidth = Bandwidth(sample_rate)
    bandwidth.update(reference)
    if bandwidth.bandwidth_hz < limit_hz:
        ends = f"its band ends at {bandwidth.bandwidth_hz:.0f} Hz"
        say(f"{options.reference}: {ends}, and with it all that is measured of a high band")
    found: dict[str, Any] = {
        "reference": options.reference,
        "estimate": options.estimate,
        "sample_rate": sample_rate,
        "seconds": reference.shape[1] / sample_rate,
        "cutoff_hz": cutoff_hz,
    }
    found |= distances.compare(reference, estimate, sample_rate, cutoff_hz, bandwidth.bandwidth_hz)
    if options.png is not None:
        pictures = [(Path(options.reference).name, reference), (Path(options.estimate).name, estimate)]
        save_spectrograms(options.png, pictures, sample_rate, cutoff_hz, force=options.force)
    _print(found, options.json)
    return 0


def benchmark(options: argparse.Namespace) -> int:
    """Print what extending costs on this machine."""
    from ..measures.cost import measure_cost
    from ..measures.runtimes import all_costs
    from ..model.bundle import load_bundle

    if options.all:
        _print_rows(list(all_costs(say)), options.json)
        return 0
    _print(measure_cost(load_bundle(options.model, options.trust), options.phase), options.json)
    return 0


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(_plain(rows), indent=2, allow_nan=False))
        return
    columns = {
        "model": ("", "{}"),
        "runtime": ("runtime", "{}"),
        "graph": ("graph", "{}"),
        "channels": ("channels", "{}"),
        "quantisation": ("weights", "{}"),
        "hop_ms": ("ms a hop", "{:.2f}"),
        "hop_ms_p99": ("99 %", "{:.2f}"),
        "hop_rtf": ("factor by hops", "{:.4f}"),
        "rtf": ("in one go", "{:.4f}"),
        "peak_rss_mb": ("MB", "{:.0f}"),
        "latency_samples": ("late", "{}"),
        "parameters": ("parameters", "{}"),
        "macs_per_s": ("MMAC/s", "{}"),
        "size_bytes": ("kB", "{}"),
    }
    shown = [[head for head, _ in columns.values()]]
    for row in rows:
        row = {
            **row,
            "macs_per_s": f"{row['macs_per_s'] / 1e6:.1f}",
            "size_bytes": f"{row['size_bytes'] / 1e3:.0f}",
        }
        shown.append(
            ["-" if row[key] is None else form.format(row[key]) for key, (_, form) in columns.items()]
        )
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for line in shown:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    print(f"a hop is 512 samples, {1e3 * 512 / 44100:.1f} ms")


def _too_high(name: str, cutoff_hz: float, limit_hz: float, what: str = "half the sample rate") -> str:
    return f"{name}: --cutoff: expected HZ below {limit_hz:g}, {what}, or auto, received {cutoff_hz:g}"


def _describe(cutoff_hz: float | None, measured: bool) -> str:
    if cutoff_hz is None:
        return "no cutoff found"
    return f"cutoff {cutoff_hz:.0f} Hz ({'measured' if measured else 'given'})"


@contextlib.contextmanager
def _folder_for(destination: str, output: str | None) -> Iterator[None]:
    """Make the folders of a tree below the output folder; take them away again if nothing was written."""
    made: list[Path] = []
    if output is not None and os.path.isdir(output):
        made = [folder for folder in Path(destination).parents if not folder.exists()]
    try:
        for new in reversed(made):
            try:
                new.mkdir()
            except OSError as error:
                raise AudioError(f"{new}: the folder cannot be made: {reason(error)}") from None
        yield
    except BaseException:
        for new in made:
            with contextlib.suppress(OSError):
                new.rmdir()
        raise


def _is_model(name: str) -> bool:
    from ..model.bundle import shipped

    if os.path.isfile(name):
        with open(name, "rb") as file:
            return name.endswith(".tflite") or file.read(8)[4:] == b"TFL3"
    return name.endswith(".tflite") or name in shipped()


def _read_both(reference: str, estimate: str) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    signals, rates = [], []
    for name in (reference, estimate):
        with Reader(name) as reader:
            silence = np.zeros((reader.channels, 0), dtype=np.float32)
            signals.append(np.concatenate([silence, *reader.blocks()], axis=1))
            rates.append(reader.sample_rate)
            if reader.damage:
                say(f"{name}: {reader.damage}")
    ref, est = signals
    if len(ref) != len(est):
        raise AudioError(
            f"{estimate}: expected {counted(len(ref), 'channel')} as in {reference}, received {len(est)}"
        )
    if rates[0] != rates[1]:
        say(f"{estimate}: resampled from {rates[1]} to {rates[0]} Hz")
        resampler = Resampler(rates[1], rates[0], len(est))
        est = np.concatenate([resampler.process(est), resampler.flush()], axis=1)
    samples = min(ref.shape[1], est.shape[1])
    if samples == 0:
        raise AudioError(f"{estimate if est.shape[1] == 0 else reference}: holds no sound to compare")
    if ref.shape[1] != est.shape[1]:
        say(f"{estimate}: lengths differ ({est.shape[1]} and {ref.shape[1]} samples): the shorter counts")
    return ref[:, :samples], est[:, :samples], rates[0]


def _print(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(_plain(found), indent=2, allow_nan=False))
        return
    width = max(map(len, found))
    for key, value in found.items():
        shown = ", ".join(f"{k}: {v}" for k, v in value.items()) if isinstance(value, Mapping) else value
        if isinstance(value, float):
            shown = f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
        elif isinstance(value, bool):
            shown = "yes" if value else "no"
        if shown not in (None, ""):
            print(f"{key:<{width}}  {shown}")


def _plain(value: Any) -> Any:
    """Return a value that JSON has: no NaN, no infinity, no NumPy numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
