"""``tfbwe-export RUN -o DIR``: model files from a training run."""

from __future__ import annotations

import argparse
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfbwe.atomic import replacing
from tfbwe.console import reported
from tfbwe.errors import ConfigError
from tfbwe.model.bundle import Bundle, pack
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
    pass

QUANTISATIONS = ("none", "float16", "dynamic", "int8")
GRAPHS = ("wave", "step")
WAVE_CHANNELS = {"mono": 1, "stereo": 2}
BEST_QUANTISATION = {"wave": "dynamic", "step": "int8"}


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="tfbwe-export",
        description="Convert the best network of a training run to model files for the decoder; verify each.",
        epilog="example: tfbwe-export runs/stft -o models --graph step --quantize none int8",
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
        help=f"any of {', '.join(QUANTISATIONS)} (default int8, of a wave graph dynamic)",
    )
    parser.add_argument(
        "--graph",
        choices=GRAPHS,
        help="wave: the whole decoder in one graph, for mono and for stereo (stft only; default there); "
        "step: the network alone, for the decoder in Python",
    )
    parser.add_argument("--force", action="store_true", help="replace model files that exist")
    options = parser.parse_args(argv)
    work = functools.partial(export, options.run, options.out, options.quantize, options.force, options.graph)
    return reported("tfbwe-export", work, "export", options.out, "stopped")


def export(
    run: Path, out: Path, quantisations: list[str] | None, force: bool, graph: str | None = None
) -> None:
    """Write model files, each with its ``.json`` beside it.

    Parameters
    ----------
    run : Path
        Run folder of `training.fit`.
    out : Path
        Folder to write to, made if missing. Nothing is written before all files are verified.
    quantisations : list of str, optional
        Among `QUANTISATIONS`; the best for the graph if None.
    force : bool
        Replace files that exist.
    graph : {"wave", "step"}, optional
        ``wave`` writes ``MODEL-mono.QUANTISATION.tflite`` and ``MODEL-stereo...``, ``step``
        ``MODEL.QUANTISATION.tflite``; the former for models of the STFT if None.

    Raises
    ------
    ConfigError
        If the run is incomplete, its network is not one for the decoder, the graph cannot be made of it, or
        a file exists.
    ModelError
        If the network cannot be read or converted, or a file does not do what the network does.
    """
    from tfbwe.transform import TRANSFORMS

    description = read_description(run)
    kind = description["config"]["model"]
    if not (isinstance(kind, str) and kind in TRANSFORMS):
        raise ConfigError(f"{run}: expected a model of {' or '.join(TRANSFORMS)}, received {kind!r}")
    graph = graph or ("wave" if kind == "stft" else "step")
    quantisations = quantisations or [BEST_QUANTISATION[graph]]
    _refuse_graph(kind, graph, quantisations)
    needed = (BEST, FEATURES) if graph == "step" else (BEST,)
    missing = [name for name in needed if not (run / name).is_file()]
    if missing:
        raise ConfigError(f"{run}: expected a run of {TRAINING}.fit; {', '.join(missing)} is missing")
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a folder to write to; it is a file")
    sides = {f"-{name}": channels for name, channels in WAVE_CHANNELS.items()} if graph == "wave" else {"": 1}
    names = {(q, n): f"{kind}{side}.{q}.tflite" for q in quantisations for side, n in sides.items()}
    if not force:
        _refuse_existing(out, list(names.values()))
    os.environ["KERAS_BACKEND"] = "tensorflow"  # conversion needs it, wherever the network was trained
    with quiet():
        from tfbwe.model.features import HEADS

        from .bundles import step_bundle, wave_bundle

    config = network_config(run)
    if config.heads != HEADS:
        raise ConfigError(
            f"{run}: expected a network with the heads {', '.join(HEADS)}, as the decoder needs; "
            f"this one has {', '.join(config.heads)} (preset paper?); "
            f"{TRAINING}.evaluate takes the run itself"
        )
    network = best_network(run)
    finished = []
    for (quantisation, channels), name in names.items():
        with quiet():
            if graph == "wave":
                bundle = wave_bundle(name, network, config, description, quantisation, channels)
            else:
                music = read_features(run, config.bins)
                bundle = step_bundle(name, network, config, description, quantisation, music)
        finished.append((out / name, bundle))
    out.mkdir(parents=True, exist_ok=True)
    for path, bundle in finished:
        _write(path, bundle)
        print(f"{path}: {len(bundle.flatbuffer)} bytes, {_verified(bundle.manifest.verification)}")


def _verified(verification: dict[str, float]) -> str:
    if "below_added_db" in verification:
        return f"{verification['below_added_db']:.0f} dB below the added band off the decoder in float32"
    return f"{verification['rms_nepers']:.2g} nepers rms off the trained network"


def _refuse_graph(kind: str, graph: str, quantisations: list[str]) -> None:
    """Refuse what cannot be made, with the reason."""
    if graph == "wave" and kind != "stft":
        raise ConfigError(
            f"--graph wave: expected a model of the STFT, received {kind}; a block of {kind} needs an FFT of "
            "32768 points and its inverse in the graph; take --graph step"
        )
    refused = [name for name in quantisations if graph == "wave" and name not in ("none", "dynamic")]
    if refused:
        raise ConfigError(
            f"--graph wave: expected --quantize none or dynamic, received {', '.join(refused)}, which "
            "makes the signal path coarse too; dynamic is as small as int8 and nearer to float32"
        )


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
