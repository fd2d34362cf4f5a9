"""``tfbwe-export RUN -o DIR``: model files from a training run."""

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
from tfbwe.model.bundle import SIDES, Bundle, pack
from tfbwe.network.run_folder import (
    BEST,
    FEATURES,
    RESTORE,
    TRAINING,
    best_network,
    network_config,
    read_description,
    read_features,
)
from tfbwe.quiet import quiet

if TYPE_CHECKING:
    from .bundles import Trained

QUANTISATIONS = ("none", "float16", "dynamic", "int8")
WAVE_QUANTISATIONS = ("none", "dynamic")
"""float16 and int8 would make the signal path of a wave graph coarse, and not its network alone."""
GRAPHS = ("wave", "step")
DEFAULTS = {"wave": ["dynamic"], "step": ["int8"]}
SHIPPED = Path(__file__).parents[1] / "networks" / RESTORE
"""The restoring network that comes with a checkout."""


@dataclasses.dataclass(frozen=True)
class File:
    """A model file to be made."""

    name: str
    graph: str
    quantisation: str
    channels: int = 1


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tfbwe-export",
        description="Convert the best network of a training run, and a restoring network, to model files for "
        "the decoder; verify each.",
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
        metavar="Q",
        help=f"any of {', '.join(QUANTISATIONS)} (default: int8, of wave graphs dynamic)",
    )
    parser.add_argument(
        "--graph",
        nargs="+",
        choices=GRAPHS,
        metavar="G",
        help="wave: the whole decoder in one graph, for mono and for stereo, in none or dynamic, of stft; "
        "step: the network alone (default: both where there are both)",
    )
    parser.add_argument(
        "--restore",
        metavar="RUN|none",
        type=lambda name: None if name == "none" else Path(name),
        default=SHIPPED if SHIPPED.is_dir() else None,
        help="run folder of the restoring network that goes into the same files (default: "
        f"{'networks/restore of this checkout' if SHIPPED.is_dir() else 'none: nothing is restored'})",
    )
    parser.add_argument("--force", action="store_true", help="replace model files that exist")
    options = parser.parse_args(argv)
    work = functools.partial(
        export, options.run, options.out, options.quantize, options.force, options.graph, options.restore
    )
    return reported("tfbwe-export", work, "export", options.out, "stopped")


def export(
    run: Path,
    out: Path,
    quantisations: list[str] | None,
    force: bool,
    graphs: list[str] | None = None,
    restore: Path | None = None,
) -> None:
    """Write model files, each with its ``.json`` beside it.

    Parameters
    ----------
    run : Path
        Run folder of `training.fit`.
    out : Path
        Folder to write to, made if missing. Nothing is written before all files are verified.
    quantisations : list of str, optional
        Among `QUANTISATIONS`; the best for each graph if None.
    force : bool
        Replace files that exist.
    graphs : list of str, optional
        Among `GRAPHS`: ``wave`` writes ``MODEL-mono.QUANTISATION.tflite`` and ``MODEL-stereo...``, ``step``
        ``MODEL.QUANTISATION.tflite``; all that the model has if None.
    restore : Path, optional
        Run folder of the restoring network that goes into the same files; without one they restore nothing.

    Raises
    ------
    ConfigError
        If the run is incomplete, its network is not one for the decoder, a graph cannot be made of it, or a
        file exists.
    ModelError
        If the network cannot be read or converted, or a file does not do what the network does.
    """
    description = read_description(run)
    files = _plan(run, description["config"]["model"], quantisations, graphs)
    needed = (BEST, FEATURES) if any(file.graph == "step" for file in files) else (BEST,)
    for folder in (run, *([] if restore is None else [restore])):
        missing = [name for name in needed if not (folder / name).is_file()]
        if missing:
            raise ConfigError(f"{folder}: expected a run of {TRAINING}.fit; {', '.join(missing)} is missing")
    if restore is not None and read_description(restore)["config"]["model"] != RESTORE:
        raise ConfigError(f"--restore {restore}: expected a run of {TRAINING}.fit --model {RESTORE}")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a folder to write to; it is a file")
    if not force:
        _refuse_existing(out, [file.name for file in files])
    finished = _made(run, restore, description, files)
    out.mkdir(parents=True, exist_ok=True)
    for bundle in finished:
        _write(out / bundle.name, bundle)
        verified = _verified(bundle.manifest.verification)
        print(f"{out / bundle.name}: {len(bundle.flatbuffer)} bytes, {verified}")


def _plan(run: Path, kind: Any, quantisations: list[str] | None, graphs: list[str] | None) -> list[File]:
    """Files to be made; refuses what cannot be, with the reason."""
    from tfbwe.transform import TRANSFORMS

    if kind == RESTORE:
        raise ConfigError(
            f"{run}: expected the run of a network that extends, received one that restores; it goes into "
            f"the same files: tfbwe-export RUN --restore {run}"
        )
    if not (isinstance(kind, str) and kind in TRANSFORMS):
        raise ConfigError(f"{run}: expected a model of {' or '.join(TRANSFORMS)}, received {kind!r}")
    has_wave = TRANSFORMS[kind].frames is None
    if graphs and "wave" in graphs and not has_wave:
        raise ConfigError(
            f"--graph wave: expected a model of the STFT, received {kind}, whose bands need an FFT of 448 "
            "points, where TFLite's takes powers of two alone; take --graph step"
        )
    files = []
    for graph in graphs or (GRAPHS if has_wave else ("step",)):
        for quantisation in quantisations or DEFAULTS[graph]:
            if graph == "step":
                files.append(File(f"{kind}.{quantisation}.tflite", graph, quantisation))
            elif quantisation in WAVE_QUANTISATIONS:
                files += [
                    File(f"{kind}-{side}.{quantisation}.tflite", graph, quantisation, channels)
                    for side, channels in SIDES.items()
                ]
            elif graphs:
                raise ConfigError(
                    f"--graph wave: expected --quantize {' or '.join(WAVE_QUANTISATIONS)}, received "
                    f"{quantisation}, which makes the signal path coarse too; dynamic is as small as int8, "
                    "and nearer to float32"
                )
    return files


def _made(run: Path, restore: Path | None, description: dict[str, Any], files: list[File]) -> list[Bundle]:
    """Convert and verify."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # conversion needs it, wherever the network was trained
    from tfbwe.restoration.statistics import FEATURES as FEATURES_OF_A_BAND

    with quiet():
        from .bundles import float32_bundle, step_bundle, wave_bundle

    trained = _trained(run, restore, description)
    steps = any(file.graph == "step" for file in files)
    statistics = None if restore is None or not steps else read_features(restore, FEATURES_OF_A_BAND)
    with quiet():
        reference = float32_bundle(trained) if any(file.graph == "wave" for file in files) else None
    finished = []
    for file in files:
        with quiet():
            if reference is not None and file.graph == "wave":
                made = wave_bundle(file.name, trained, file.quantisation, file.channels, reference)
            else:
                music = read_features(run, trained.config.bins)
                made = step_bundle(file.name, trained, file.quantisation, music, statistics)
        finished.append(made)
    return finished


def _trained(run: Path, restore: Path | None, description: dict[str, Any]) -> Trained:
    """Both networks, checked."""
    from tfbwe.network.shapes import AutoencoderConfig, RestorerConfig

    from .bundles import Trained

    config = network_config(run)
    assert isinstance(config, AutoencoderConfig)  # `_plan` refused a restoring network
    if description["config"].get("objective") == "squared_error":
        raise ConfigError(
            f"{run}: expected a network that reads what was restored, as the decoder needs; this one was "
            f"trained to the paper's objective; {TRAINING}.evaluate takes the run itself"
        )
    network = best_network(run)
    if restore is None:
        return Trained(network, config, description)
    shape = network_config(restore)
    assert isinstance(shape, RestorerConfig)  # `export` refused another run
    return Trained(network, config, description, best_network(restore), shape, read_description(restore))


def _verified(verification: dict[str, float]) -> str:
    if "below_added_db" in verification:
        return f"{verification['below_added_db']:.0f} dB below the added band off the decoder in float32"
    return f"{verification['rms_nepers']:.2g} nepers rms off the trained network"


def _refuse_existing(out: Path, names: list[str]) -> None:
    paths = [path for name in names for path in (out / name, (out / name).with_suffix(".json"))]
    taken = [str(path) for path in paths if path.exists()]
    if taken:
        raise ConfigError(f"{', '.join(taken)}: exists; replace with --force")


def _write(path: Path, bundle: Bundle) -> None:
    parts = (
        (path.with_suffix(".json"), bundle.manifest.to_json().encode()),
        (path, pack(bundle.flatbuffer, bundle.manifest)),
    )
    for target, data in parts:
        with replacing(target) as temporary:
            temporary.write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
