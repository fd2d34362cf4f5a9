"""``tfbwe-export RUN -o DIR --quantize none int8``: model files from a training run."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfbwe.atomic import replacing
from tfbwe.errors import ConfigError, ModelError, TfbweError
from tfbwe.network.quiet import quiet

if TYPE_CHECKING:
    import keras
    import numpy as np
    import numpy.typing as npt

    from tfbwe.model.bundle import Bundle, Manifest
    from tfbwe.network.autoencoder import AutoencoderConfig

QUANTISATIONS = ("none", "float16", "dynamic", "int8")
LICENCE = "Apache-2.0"
_TRAINING = str(__package__).replace("export", "training")


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tfbwe-export",
        description="Convert the best network of a training run to model files for the decoder; verify each.",
        epilog="example: tfbwe-export runs/stft -o models --quantize none int8",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help=f"run folder of {_TRAINING}.fit")
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
    try:
        export(options.run, options.out, options.quantize, options.force)
    except TfbweError as error:
        return _failed(str(error))
    except ModuleNotFoundError as error:
        return _failed(f"needs {error.name}: pip install 'tfbwe[export]'")
    except OSError as error:
        return _failed(f"{error.filename or options.out}: {error.strerror or error}")
    except KeyboardInterrupt:
        return _failed("stopped") + 129
    return 0


def _failed(message: str) -> int:
    print(f"tfbwe-export: {' '.join(message.split())}", file=sys.stderr)
    return 1


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
    description = _read_run(run)
    names = {q: f"{description['config']['model']}.{q}.tflite" for q in quantisations}
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a folder to write to; it is a file")
    if not force:
        _refuse_existing(out, list(names.values()))
    os.environ["KERAS_BACKEND"] = "tensorflow"  # conversion needs it, wherever the network was trained
    with quiet():
        from tfbwe.extension.high_band import HEADS
        from tfbwe.network.autoencoder import config_from_dict

        from .convert import convert
        from .verify import verify

    try:
        config = config_from_dict(description["config"]["network"])
    except ConfigError as error:
        raise ConfigError(f"{run / 'config.json'}: {error}") from None
    if config.heads != HEADS:
        raise ConfigError(
            f"{run}: expected a network with the heads {', '.join(HEADS)}, as the decoder needs; "
            f"this one has {', '.join(config.heads)} (preset paper?); "
            f"{_TRAINING}.evaluate takes the run itself"
        )
    network = _load_network(run, config)
    train, valid = _read_features(run, config.bins)
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


def _read_run(run: Path) -> dict[str, Any]:
    needed = ("config.json", "best.keras", "features.npz")
    missing = [name for name in needed if not (run / name).is_file()]
    if missing:
        raise ConfigError(f"{run}: expected a run of {_TRAINING}.fit; {', '.join(missing)} is missing")
    try:
        description = json.loads((run / "config.json").read_text(encoding="utf-8"))
        description["config"]["network"], description["config"]["model"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{run / 'config.json'}: not written by {_TRAINING}.fit: {error!r}") from None
    return dict(description)


def _load_network(run: Path, config: AutoencoderConfig) -> keras.Model:
    """Load the trained weights into a float32 network."""
    import keras
    import numpy as np

    from tfbwe.network.autoencoder import autoencoder

    network = autoencoder(config)
    try:
        weights = keras.models.load_model(run / "best.keras", compile=False).get_weights()
        network.set_weights(weights)
    except Exception as error:  # Keras raises whatever the damaged part happens to raise
        raise ModelError(f"{run / 'best.keras'}: not the network of {run / 'config.json'}: {error}") from None
    if not all(np.isfinite(array).all() for array in weights):
        raise ModelError(f"{run / 'best.keras'}: expected finite weights; training diverged")
    return network


def _read_features(run: Path, bins: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Read features of training and of held-out music, (excerpts, frames, bins) each."""
    import zipfile

    import numpy as np

    path = run / "features.npz"
    try:
        with np.load(path) as features:
            train, valid = features["train"].astype(np.float32), features["valid"].astype(np.float32)
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise ConfigError(f"{path}: not the features of a run of {_TRAINING}.fit: {error}") from None
    for array in (train, valid):
        if array.ndim != 3 or array.shape[2] != bins or not array.size:
            raise ConfigError(f"{path}: expected features (excerpts, frames, {bins}), received {array.shape}")
    return train, valid


def _describe(
    name: str, flatbuffer: bytes, quantisation: str, config: AutoencoderConfig, description: dict[str, Any]
) -> Bundle:
    from tfbwe import band, stft
    from tfbwe.model.bundle import FORMAT_VERSION, Bundle, Manifest, digest
    from tfbwe.network.autoencoder import macs_per_frame
    from tfbwe.transform import transform_parameters

    kind = description["config"]["model"]
    transform = {**transform_parameters(kind), "bins": config.bins}
    if config.frames is None:
        frames_per_s = stft.SAMPLE_RATE / stft.HOP_LENGTH
    else:
        hop_length = transform["block_length"] - transform["overlap"]
        frames_per_s = config.frames * stft.SAMPLE_RATE / hop_length
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        model=kind,
        transform=transform,
        normalisation={"epsilon": stft.EPSILON, "offset": stft.FEATURE_OFFSET, "scale": stft.FEATURE_SCALE},
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
    from tfbwe.model.bundle import pack

    parts = (
        (path.with_suffix(".json"), manifest.to_json().encode()),
        (path, pack(flatbuffer, manifest)),
    )
    for target, data in parts:
        with replacing(target) as temporary:
            temporary.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
