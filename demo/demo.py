"""Cut a clip off at 8 kHz, extend it, and show what came back: ``python -m demo.demo build/demo``."""

from __future__ import annotations

import argparse
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from tfbwe.errors import TfbweError
from tfbwe.measures.cost import measure_cost
from tfbwe.measures.distances import compare
from tfbwe.measures.listening import visqol
from tfbwe.measures.spectrogram import save_spectrograms
from tfbwe.model.bundle import load_bundle
from tfbwe.offline.files import extend_file
from training.degradation.degrade import apply
from training.degradation.filters import Lowpass
from training.degradation.rounding import Rounding

CLIP = Path(__file__).parent.parent / "tests" / "data" / "clip.flac"
CUTOFF_HZ = 8000.0
BITS = 16
MEASURES = ("sdr_db", "snr_db", "lsd", "lsd_hf")


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Cut a clip off at 8 kHz, extend it and measure what came back."
    )
    parser.add_argument("out", type=Path, help="folder to write to, made if missing")
    parser.add_argument("--model", default="stft", help="a shipped model or a model file (default stft)")
    options = parser.parse_args(argv)
    try:
        _print(demonstrate(options.out, options.model))
    except (TfbweError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print(f"\nlisten to {options.out}/*.wav, look at {options.out}/spectrogram.png")
    return 0


def demonstrate(out: Path, model: str) -> dict[str, Any]:
    """Write received.wav, reference.wav, extended.wav, spectrogram.png and report.json; return the report.

    The received clip went through a brick wall at 8 kHz and 16-bit rounding. The cutoff is measured by the
    product itself. ViSQOL scores both where it is installed.
    """
    out.mkdir(parents=True, exist_ok=True)
    cost = measure_cost(load_bundle(model))  # first: the memory is that of the whole process
    clip, sample_rate = soundfile.read(CLIP, dtype="float32", always_2d=True)
    received, original = apply(clip.T, sample_rate, (Lowpass("brickwall", CUTOFF_HZ), Rounding(BITS)))
    for name, x in (("received", received), ("reference", original)):
        soundfile.write(out / f"{name}.wav", x.T, sample_rate, subtype="PCM_16")
    summary = extend_file(out / "received.wav", out / "extended.wav", model=model, force=True)
    signals = {name: _read(out / f"{name}.wav") for name in ("received", "extended", "reference")}
    report: dict[str, Any] = {
        "clip": CLIP.name,
        "seconds": clip.shape[0] / sample_rate,
        "cutoff_hz": CUTOFF_HZ,
        "measured_cutoff_hz": summary.cutoff_hz,
    }
    for name in ("received", "extended"):
        found = compare(signals["reference"], signals[name], sample_rate, CUTOFF_HZ)
        report[name] = {key: found[key] for key in MEASURES}
        if find_spec("visqol"):
            report[name]["visqol"] = visqol(signals["reference"], signals[name], sample_rate)
    report |= cost
    save_spectrograms(out / "spectrogram.png", list(signals.items()), sample_rate, CUTOFF_HZ, force=True)
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    (out / "report.json").write_text(text, encoding="utf-8")
    return report


def _read(path: Path) -> NDArray[np.float32]:
    x, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(x.T)


def _print(report: dict[str, Any]) -> None:
    keys = tuple(report["received"])
    print(f"{'':10}" + "".join(f"{key:>10}" for key in keys))
    for name in ("received", "extended"):
        print(f"{name:10}" + "".join(f"{report[name][key]:>10.2f}" for key in keys))
    memory = "" if report["peak_rss_mb"] is None else f", {report['peak_rss_mb']:.0f} MB of memory"
    print(
        f"\nreal-time factor {report['rtf']:.4f} on one thread{memory}, latency "
        f"{report['latency_samples']} samples, {report['macs_per_s'] / 1e6:.1f} MMAC/s, "
        f"model of {report['size_bytes'] / 1000:.0f} kB"
    )


if __name__ == "__main__":
    sys.exit(main())
