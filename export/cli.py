"""``tfbwe-export RUN -o DIR --quantize none int8``: model files from a training run."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from tfbwe.errors import ConfigError, ModelError, TfbweError

QUANTISATIONS = ("none", "float16", "dynamic", "int8")
LICENCE = "Apache-2.0"


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tfbwe-export",
        description="Convert the best network of a training run to model files for the decoder, and verify each.",
        epilog="example: tfbwe-export runs/stft -o models --quantize none int8",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder of training.fit")
    parser.add_argument("-o", "--out", metavar="DIR", type=Path, required=True, help="folder to write to, made if missing")
    parser.add_argument("--quantize", nargs="+", choices=QUANTISATIONS, default=["int8"], metavar="Q", help="any of " + " ".join(QUANTISATIONS) + " (default int8)")
    parser.add_argument("--force", action="store_true", help="replace model files that exist")
    options = parser.parse_args(argv)
    try:
        export(options.run, options.out, options.quantize, options.force)
    except TfbweError as error:
        print(f"tfbwe-export: {error}", file=sys.stderr)
        return 1
    return 0


def export(run: Path, out: Path, quantisations: list[str], force: bool) -> None:
    """Write ``MODEL.QUANTISATION.tflite`` and its ``.json`` for each quantisation."""
    description = _read_run(run)
    names = {q: f"{description['config']['model']}.{q}.tflite" for q in quantisations}
    taken = [str(out / name) for name in names.values() if (out / name).exists()]
    if taken and not force:
        raise ConfigError(f"{', '.join(taken)}: exists; replace with --force")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import numpy as np

    from tfbwe.models import config_from_dict, stft_autoencoder

    from .convert import convert
    from .verify import verify

    config = config_from_dict(description["config"]["network"])
    network = stft_autoencoder(config)
    network.set_weights(_load_network(run).get_weights())
    with np.load(run / "features.npz") as features:
        train, valid = features["train"].astype(np.float32), features["valid"].astype(np.float32)
    out.mkdir(parents=True, exist_ok=True)
    for quantisation in quantisations:
        flatbuffer = convert(network, config, train, quantisation)
        bundle = _describe(names[quantisation], flatbuffer, quantisation, config, description)
        manifest = dataclasses.replace(bundle.manifest, verification=verify(network, bundle, valid))
        _write(out / names[quantisation], flatbuffer, manifest)
        rms = manifest.verification["rms_nepers"]
        print(f"{out / names[quantisation]}: {len(flatbuffer)} bytes, {rms:.2g} nepers rms off the trained network")


def _read_run(run: Path) -> dict[str, Any]:
    needed = ("config.json", "best.keras", "features.npz")
    missing = [name for name in needed if not (run / name).is_file()]
    if missing:
        raise ConfigError(f"{run}: expected a run of training.fit; {', '.join(missing)} is missing")
    try:
        description = json.loads((run / "config.json").read_text(encoding="utf-8"))
        description["config"]["network"], description["config"]["model"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{run / 'config.json'}: not written by training.fit: {error!r}") from None
    return dict(description)


def _load_network(run: Path) -> Any:
    import keras

    from tfbwe import layers  # noqa: F401  (registers the layers of the saved network)

    try:
        return keras.models.load_model(run / "best.keras", compile=False)
    except (ValueError, OSError, TypeError) as error:
        raise ModelError(f"{run / 'best.keras'}: not a network of training.fit: {error}") from None


def _describe(name: str, flatbuffer: bytes, quantisation: str, config: Any, description: dict[str, Any]) -> Any:
    from tfbwe import stft
    from tfbwe.bundle import FORMAT_VERSION, Bundle, Manifest, digest
    from tfbwe.models import macs_per_frame

    manifest = Manifest(
        format_version=FORMAT_VERSION,
        model=description["config"]["model"],
        transform={
            "kind": "stft",
            "sample_rate": stft.SAMPLE_RATE,
            "n_fft": stft.N_FFT,
            "hop_length": stft.HOP_LENGTH,
            "window": "sqrt_hann",
            "bins": config.bins,
        },
        normalisation={"epsilon": stft.EPSILON, "offset": stft.FEATURE_OFFSET, "scale": stft.FEATURE_SCALE},
        heads=config.heads,
        states=config.state_shapes,
        cutoff_range_hz=(3500.0, 15500.0),
        highest_hz=16000.0,
        quantisation=quantisation,
        macs_per_s=round(macs_per_frame(config) * stft.SAMPLE_RATE / stft.HOP_LENGTH),
        licence=LICENCE,
        training=description,
        verification={},
        sha256=digest(flatbuffer),
        size_bytes=len(flatbuffer),
    )
    return Bundle(name, manifest, flatbuffer)


def _write(path: Path, flatbuffer: bytes, manifest: Any) -> None:
    from tfbwe.bundle import pack

    for target, data in ((path.with_suffix(".json"), manifest.to_json().encode()), (path, pack(flatbuffer, manifest))):
        temporary = target.with_name(f".{target.name}.tmp")
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
