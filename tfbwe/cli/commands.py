"""What each command of the command line does; those that take many files have files of their own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.reader import Reader
from ..audio.resampler import Resampler
from ..console import counted, say
from ..errors import AudioError, ConfigError
from .extending import extend
from .informing import info
from .printing import print_found, print_json, print_table, too_high

__all__ = ["benchmark", "compare", "extend", "info"]


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
        expected = f"below {limit_hz:g}, where the measured band ends"
        raise ConfigError(too_high(options.estimate, cutoff_hz, expected))
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
    print_found(found, options.json)
    return 0


def benchmark(options: argparse.Namespace) -> int:
    """Print what extending costs on this machine."""
    from ..measures.cost import measure_cost
    from ..measures.runtimes import all_costs
    from ..model.bundle import load_bundle

    if options.all:
        _print_rows(list(all_costs(say)), options.json)
        return 0
    print_found(measure_cost(load_bundle(options.model, options.trust), options.phase), options.json)
    return 0


def _print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json(rows)
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
    print_table(shown)
    print(f"a hop is 512 samples, {1e3 * 512 / 44100:.1f} ms")


def _read_both(reference: str, estimate: str) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    signals, rates = [], []
    for name in (reference, estimate):
        with Reader(name) as reader:
            silence = np.zeros((reader.channels, 0), dtype=np.float32)
            signals.append(np.concatenate([silence, *reader.blocks()], axis=1))
            rates.append(reader.sample_rate)
            for note in filter(None, (reader.damage, *reader.notes)):
                say(f"{name}: {note}")
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
