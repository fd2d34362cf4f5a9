"""From networks to a checked model file: convert, describe, verify."""

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
from tfbwe.network.autoencoder import macs_per_frame
from tfbwe.network.restorer import macs
from tfbwe.network.shapes import AutoencoderConfig, RestorerConfig
from tfbwe.restoration.stream import UPDATE_FRAMES
from tfbwe.stft import HOP_LENGTH, SAMPLE_RATE
from tfbwe.transform import TRANSFORMS

from .convert import convert, convert_wave
from .verify import verify, verify_restoring, verify_wave
from .wave import LATENCY, TENSORS, WaveGraph

LICENCE = "Apache-2.0"
Music = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclasses.dataclass(frozen=True)
class Trained:
    """What was trained, for the files that are made of it.

    Attributes
    ----------
    network, config
        The extending network.
    description : dict
        Of its run.
    restorer, restorer_config
        The restoring network, if there is one.
    restorer_description : dict
        Of its run.
    """

    network: keras.Model
    config: AutoencoderConfig
    description: dict[str, Any]
    restorer: keras.Model | None = None
    restorer_config: RestorerConfig | None = None
    restorer_description: dict[str, Any] = dataclasses.field(default_factory=dict)


def step_bundle(
    name: str, trained: Trained, quantisation: str, music: Music, statistics: Music | None
) -> Bundle:
    """Model file with the graph of a frame or of a block, verified.

    Parameters
    ----------
    name : str
        Of the file.
    trained : Trained
    quantisation : str
    music : pair of (excerpts, frames, bins) float32
        Features of training and of held-out music.
    statistics : pair of (excerpts, 155, 6) float32, optional
        Those of the restoring network.

    Raises
    ------
    ModelError
        If it cannot be converted, or does not do what the network does.
    """
    networks = (trained.network, trained.config, trained.restorer)
    of_training = [music[0], *([] if statistics is None else [statistics[0]])]
    bundle = _described(name, trained, convert(*networks, quantisation, *of_training), quantisation)
    found = verify(trained.network, bundle, music[1])
    if trained.restorer is not None and statistics is not None:
        found |= verify_restoring(trained.restorer, bundle, statistics[1])
    return _with(bundle, verification=found)


def wave_bundle(name: str, trained: Trained, quantisation: str, channels: int, reference: Bundle) -> Bundle:
    """Model file with the whole decoder in its graph; else as `step_bundle`.

    It is verified against the decoder with `reference`, as `float32_bundle` makes it.
    """
    networks = (trained.network, trained.config, trained.restorer)
    graph = WaveGraph(*networks, channels, HIGHEST_CUTOFF_HZ, HIGHEST_HZ)
    bundle = _described(name, trained, convert_wave(graph, quantisation), quantisation)
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


def float32_bundle(trained: Trained) -> Bundle:
    """Networks in float32 for the decoder, to verify others against."""
    exact = convert(trained.network, trained.config, trained.restorer, "none")
    return _described("float32", trained, exact, "none")


def _with(bundle: Bundle, **changes: Any) -> Bundle:
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, **changes))


def _described(name: str, trained: Trained, flatbuffer: bytes, quantisation: str) -> Bundle:
    config, description = trained.config, trained.description
    transform = TRANSFORMS[description["config"]["model"]]
    frames_per_s = (transform.frames or 1) * SAMPLE_RATE / transform.step_samples
    manifest = Manifest(
        format_version=FORMAT_VERSION,
        model=transform.name,
        transform={**transform.parameters, "bins": config.bins},
        normalisation=dataclasses.asdict(NORMALISATION),
        restoring=_restoring(trained),
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
        graph={"kind": "step", "parameters": trained.network.count_params()},
    )
    return Bundle(name, manifest, flatbuffer)


def _restoring(trained: Trained) -> dict[str, Any]:
    if trained.restorer is None or trained.restorer_config is None:
        return {}
    runs_per_s = SAMPLE_RATE / HOP_LENGTH / UPDATE_FRAMES
    return {
        "parameters": trained.restorer.count_params(),
        "macs_per_s": round(macs(trained.restorer_config) * runs_per_s),
        "training": _without_commands(trained.restorer_description),
    }


def _without_commands(description: dict[str, Any]) -> dict[str, Any]:
    """Leave the commands out, that of the run which this one started from too."""
    init = description.get("init")
    kept = {key: value for key, value in description.items() if key != "command"}
    return kept if init is None else {**kept, "init": _without_commands(init)}
