"""``tfbwe-export RUN -o DIR --quantize none int8``: model files from a training run."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfbwe.atomic import replacing
from tfbwe.console import reported
from tfbwe.errors import ConfigError
from tfbwe.model.bundle import FORMAT_VERSION, Bundle, Manifest, digest, pack
from tfbwe.network.quiet import quiet
from tfbwe.network.run_folder import (
    BEST,
    FEATURES,
    TRAINING,
    best_network,
    network_config,
    read_description,
    read_features,
)

if TYPE_CHECKING:
    from tfbwe.network.autoencoder import AutoencoderConfig

QUANTISATIONS = ("none", "float16", "dynamic", "int8")
LICENCE = "Apache-2.0"


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tfbwe-export",
        description="Convert the best network of a training run to model files for the decoder; verify each.",
        epilog="example: tfbwe-export runs/stft -o models --quantize none int8",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help=f"run folder of {TRAINING}.fit")
    parser.add_argument(
        "-o", "--out", metavar="DIR", type=Path, required=True, help="folder to write to, made if missing"
    )
    parser.add_argument(
        "--quantize",
        nargs="+",
        choices=QUANTISATIONS,
        default=["int8"],
        metavar="Q",
        help=f"any of {', '.join(QUANTISATIONS)} (default int8)",
    )
    parser.add_argument("--force", action="store_true", help="replace model files that exist")
    options = parser.parse_args(argv)
    work = functools.partial(export, options.run, options.out, options.quantize, options.force)
    return reported("tfbwe-export", work, "export", options.out, "stopped")


def export(run: Path, out: Path, quantisations: list[str], force: bool) -> None:
    """Write ``MODEL.QUANTISATION.tflite`` and its ``.json`` for each quantisation.

    Parameters
    ----------
    run : Path
        Run folder of `training.fit`.
    out : Path
        Folder to write to, made if missing. Nothing is written before all files are verified.
    quantisations : list of str
        Among `QUANTISATIONS`.
    force : bool
        Replace files that exist.

    Raises
    ------
    ConfigError
        If the run is incomplete, its network is not one for the decoder, or a file exists.
    ModelError
        If the network cannot be read or converted, or a file does not do what the network does.
    """
    from tfbwe.transform import TRANSFORMS

    description = read_description(run)
    kind = description["config"]["model"]
    if not (isinstance(kind, str) and kind in TRANSFORMS):
        raise ConfigError(f"{run}: expected a model of {' or '.join(TRANSFORMS)}, received {kind!r}")
    missing = [name for name in (BEST, FEATURES) if not (run / name).is_file()]
    if missing:
        raise ConfigError(f"{run}: expected a run of {TRAINING}.fit; {', '.join(missing)} is missing")
    names = {q: f"{description['config']['model']}.{q}.tflite" for q in quantisations}
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a folder to write to; it is a file")
    if not force:
        _refuse_existing(out, list(names.values()))
    os.environ["KERAS_BACKEND"] = "tensorflow"  # conversion needs it, wherever the network was trained
    with quiet():
        from tfbwe.model.features import HEADS

        from .convert import convert
        from .verify import verify

    config = network_config(run)
    if config.heads != HEADS:
        raise ConfigError(
            f"{run}: expected a network with the heads {', '.join(HEADS)}, as the decoder needs; "
            f"this one has {', '.join(config.heads)} (preset paper?); "
            f"{TRAINING}.evaluate takes the run itself"
        )
    network = best_network(run)
    train, valid = read_features(run, config.bins)
    finished = []
    for quantisation, name in names.items():
        with quiet():
            flatbuffer = convert(network, config, train, quantisation)
        bundle = _describe(name, flatbuffer, quantisation, config, description)
        with quiet():
            verification = verify(network, bundle, valid)
        manifest = dataclasses.replace(bundle.manifest, verification=verification)
        finished.append((out / name, flatbuffer, manifest))
    out.mkdir(parents=True, exist_ok=True)
    for path, flatbuffer, manifest in finished:
        _write(path, flatbuffer, manifest)
        rms = manifest.verification["rms_nepers"]
        print(f"{path}: {len(flatbuffer)} bytes, {rms:.2g} nepers rms off the trained network")


def _refuse_existing(out: Path, names: list[str]) -> None:
    paths = [path for name in names for path in (out / name, (out / name).with_suffix(".json"))]
    taken = [str(path) for path in paths if path.exists()]
    if taken:
        raise ConfigError(f"{', '.join(taken)}: exists; replace with --force")


def _describe(
    name: str, flatbuffer: bytes, quantisation: str, config: AutoencoderConfig, description: dict[str, Any]
) -> Bundle:
    from tfbwe import band
    from tfbwe.model.features import NORMALISATION
    from tfbwe.network.autoencoder import macs_per_frame
    from tfbwe.stft import SAMPLE_RATE
    from tfbwe.transform import TRANSFORMS

    transform = TRANSFORMS[description["config"]["model"]]
    frames_per_s = (transform.frames or 1) * SAMPLE_RATE / transform.step_samples
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        model=transform.name,
        transform={**transform.parameters, "bins": config.bins},
        normalisation=dataclasses.asdict(NORMALISATION),
        heads=config.heads,
        states=config.state_shapes,
        cutoff_range_hz=(band.LOWEST_CUTOFF_HZ, band.HIGHEST_CUTOFF_HZ),
        highest_hz=band.HIGHEST_HZ,
        quantisation=quantisation,
        macs_per_s=round(macs_per_frame(config) * frames_per_s),
        licence=LICENCE,
        # The command holds the paths of whoever trained: not for those who get the model.
        training=_without_commands(description),
        verification={},
        sha256=digest(flatbuffer),
        size_bytes=len(flatbuffer),
    )
    return Bundle(name, manifest, flatbuffer)


def _without_commands(description: dict[str, Any]) -> dict[str, Any]:
    """Leave the commands out, that of the run which this one started from too."""
    init = description.get("init")
    kept = {key: value for key, value in description.items() if key != "command"}
    return kept if init is None else {**kept, "init": _without_commands(init)}


def _write(path: Path, flatbuffer: bytes, manifest: Manifest) -> None:
    parts = (
        (path.with_suffix(".json"), manifest.to_json().encode()),
        (path, pack(flatbuffer, manifest)),
    )
    for target, data in parts:
        with replacing(target) as temporary:
            temporary.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
