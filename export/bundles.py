"""From a network to a checked model file: convert, describe, verify."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from tfbwe.band import DEFAULT_CUTOFF_HZ, HIGHEST_CUTOFF_HZ, HIGHEST_HZ, LOWEST_CUTOFF_HZ
from tfbwe.model.bundle import Bundle, digest
from tfbwe.model.features import NORMALISATION
from tfbwe.model.manifest import FORMAT_VERSION, Manifest
from tfbwe.network.autoencoder import AutoencoderConfig, macs_per_frame
from tfbwe.stft import HOP_LENGTH, SAMPLE_RATE
from tfbwe.transform import TRANSFORMS

from .convert import convert, convert_wave
from .verify import verify, verify_wave
from .wave import LATENCY, TENSORS, WaveGraph

LICENCE = "Apache-2.0"
Music = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


def step_bundle(
    name: str,
    network: keras.Model,
    config: AutoencoderConfig,
    description: dict[str, Any],
    quantisation: str,
    music: Music,
) -> Bundle:
    """Model file with the graph of a frame or of a block, verified.

    Parameters
    ----------
    name : str
        Of the file.
    network, config
        What was trained.
    description : dict
        Of the run.
    quantisation : str
    music : pair of (excerpts, frames, bins) float32
        Features of training and of held-out music.

    Raises
    ------
    ModelError
        If it cannot be converted, or does not do what the network does.
    """
    train, valid = music
    bundle = _described(
        name, network, convert(network, config, train, quantisation), quantisation, config, description
    )
    return _with(bundle, verification=verify(network, bundle, valid))


def wave_bundle(
    name: str,
    network: keras.Model,
    config: AutoencoderConfig,
    description: dict[str, Any],
    quantisation: str,
    channels: int,
    reference: Bundle,
) -> Bundle:
    """Model file with the whole decoder in its graph; else as `step_bundle`.

    It is verified against the decoder with `reference`, as `float32_bundle` makes it.
    """
    graph = WaveGraph(network, config, channels, HIGHEST_CUTOFF_HZ, HIGHEST_HZ)
    bundle = _described(name, network, convert_wave(graph, quantisation), quantisation, config, description)
    tensors = {name: TENSORS[name] for name in TENSORS if name in graph.tensor_names}
    bundle = _with(
        bundle,
        states=graph.state_shapes,
        graph={
            **bundle.manifest.graph,
            "kind": "wave",
            "channels": channels,
            "hop_length": HOP_LENGTH,
            "latency_samples": LATENCY,
            "default_cutoff_hz": DEFAULT_CUTOFF_HZ,
            "tensors": tensors,
        },
    )
    return _with(bundle, verification=verify_wave(bundle, reference))


def float32_bundle(network: keras.Model, config: AutoencoderConfig, description: dict[str, Any]) -> Bundle:
    """Network in float32 for the decoder, to verify others against."""
    exact = convert(network, config, np.zeros((0, 1, config.bins), np.float32), "none")
    return _described("float32", network, exact, "none", config, description)


def _with(bundle: Bundle, **changes: Any) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, **changes))


def _described(
    name: str,
    network: keras.Model,
    flatbuffer: bytes,
    quantisation: str,
    config: AutoencoderConfig,
    description: dict[str, Any],
) -> Bundle:
    transform = TRANSFORMS[description["config"]["model"]]
    frames_per_s = (transform.frames or 1) * SAMPLE_RATE / transform.step_samples
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        model=transform.name,
        transform={**transform.parameters, "bins": config.bins},
        normalisation=dataclasses.asdict(NORMALISATION),
        heads=config.heads,
        states=config.state_shapes,
        cutoff_range_hz=(LOWEST_CUTOFF_HZ, HIGHEST_CUTOFF_HZ),
        highest_hz=HIGHEST_HZ,
        quantisation=quantisation,
        macs_per_s=round(macs_per_frame(config) * frames_per_s),
        licence=LICENCE,
        # The command holds the paths of whoever trained: not for those who get the model.
        training=_without_commands(description),
        verification={},
        sha256=digest(flatbuffer),
        size_bytes=len(flatbuffer),
        graph={"kind": "step", "parameters": network.count_params()},
    )
    return Bundle(name, manifest, flatbuffer)


def _without_commands(description: dict[str, Any]) -> dict[str, Any]:
    """Leave the commands out, that of the run which this one started from too."""
    init = description.get("init")
    kept = {key: value for key, value in description.items() if key != "command"}
    return kept if init is None else {**kept, "init": _without_commands(init)}
