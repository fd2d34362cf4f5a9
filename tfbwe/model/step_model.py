"""The network as the decoder runs it: a frame or a block in, the heads out, one memory for each channel."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..errors import ModelError
from ..stft import FloatArray
from ..transform import TRANSFORMS, Transform
from .bundle import Bundle
from .features import Normalisation


def _interpreter_class() -> Any:
    """Return whatever TFLite interpreter is installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            try:
                from tensorflow.lite import Interpreter
            except ImportError:
                raise ModelError("no TFLite interpreter is installed; pip install ai-edge-litert") from None
    return Interpreter


class StepModel:
    """Runs a bundle's graph step by step, one thread: a frame of the STFT, or a block of the CQT, at a time.

    Parameters
    ----------
    bundle : Bundle
    channels : int
        Each has its own states.

    Attributes
    ----------
    manifest : Manifest
    transform : Transform
    bins : int
        Bins or bands that the network reads and predicts.

    Raises
    ------
    ModelError
        If the graph's tensors are not those that the manifest describes, or it wants another signal than
        one of `tfbwe.transform.TRANSFORMS` makes.
    """

    def __init__(self, bundle: Bundle, channels: int) -> None:
        self.transform = _check_signal(bundle)
        self.manifest = bundle.manifest
        self.channels = channels
        self.bins = int(self.manifest.transform["bins"])
        try:
            self._interpreter = _interpreter_class()(model_content=bundle.flatbuffer, num_threads=1)
            self._interpreter.allocate_tensors()
            runner = self._interpreter.get_signature_runner()
            inputs, outputs = runner.get_input_details(), runner.get_output_details()
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{bundle.name}: the interpreter refuses it: {error}") from None
        shape = self._shape = (1, self.transform.frames or 1, self.bins)
        states = self.manifest.states
        _check(bundle, "input", inputs, {"features": shape, **states})
        next_states = {f"next_{name}": shape for name, shape in states.items()}
        _check(bundle, "output", outputs, {**dict.fromkeys(self.manifest.heads, shape), **next_states})
        self._features = inputs["features"]["index"]
        self._heads = [outputs[head]["index"] for head in self.manifest.heads]
        self._memory = [(inputs[name]["index"], outputs[f"next_{name}"]["index"]) for name in states]
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        shapes = self.manifest.states.values()
        self._states = [[np.zeros(shape, np.float32) for shape in shapes] for _ in range(self.channels)]

    def step(self, features: FloatArray) -> FloatArray:
        """Run one frame, or one block.

        Parameters
        ----------
        features : (channels, bins) or (channels, frames, bins) float32
            Normalised log-magnitudes.

        Returns
        -------
        (heads, channels, bins) or (heads, channels, frames, bins) float32, nepers
        """
        heads = np.empty((len(self._heads), *features.shape), np.float32)
        run = self._interpreter
        for channel, states in enumerate(self._states):
            run.set_tensor(self._features, np.ascontiguousarray(features[channel]).reshape(self._shape))
            for (index, _), state in zip(self._memory, states, strict=True):
                run.set_tensor(index, state)
            run.invoke()
            for i, index in enumerate(self._heads):
                heads[i, channel] = run.get_tensor(index).reshape(features.shape[1:])
            self._states[channel] = [run.get_tensor(index) for _, index in self._memory]
        return heads


def _check(bundle: Bundle, side: str, found: dict[str, Any], expected: dict[str, tuple[int, ...]]) -> None:
    received = {name: tuple(int(n) for n in details["shape"]) for name, details in found.items()}
    if received != expected:
        raise ModelError(f"{bundle.name}: expected the {side}s {expected}, the graph has {received}")
    for name, details in found.items():
        if details["dtype"] is not np.float32:
            raise ModelError(
                f"{bundle.name}: expected float32 for the {side} {name}, the graph has {details['dtype']}"
            )


def _check_signal(bundle: Bundle) -> Transform:
    """Refuse another signal than ours; return its transform."""
    _check_normalisation(bundle)
    manifest = bundle.manifest
    received = dict(manifest.transform)
    bins, kind = received.pop("bins", None), received.get("kind")
    transform = TRANSFORMS.get(kind) if isinstance(kind, str) else None
    if transform is None:
        raise ModelError(
            f"{bundle.name}: expected the transform {' or '.join(TRANSFORMS)}, received {kind!r}"
        )
    most = len(transform.frequencies)
    if received != transform.parameters or type(bins) is not int or not 0 < bins <= most:
        raise ModelError(
            f"{bundle.name}: expected the transform {transform.parameters} and bins up to {most},"
            f" received {manifest.transform}"
        )
    top_hz = transform.frequencies[bins - 1]
    if manifest.highest_hz > top_hz:
        raise ModelError(
            f"{bundle.name}: expected highest_hz up to {top_hz:g} for {bins} bins,"
            f" received {manifest.highest_hz:g}"
        )
    if transform.frames is not None and manifest.states:
        raise ModelError(
            f"{bundle.name}: expected no states, each block stands alone, received {manifest.states}"
        )
    return transform


def _check_normalisation(bundle: Bundle) -> None:
    normalisation = bundle.manifest.normalisation
    numbers = {name: value for name, value in normalisation.items() if type(value) in (int, float)}
    if set(numbers) != {field.name for field in dataclasses.fields(Normalisation)} or not (
        numbers["epsilon"] > 0 < numbers["scale"] and np.isfinite(list(numbers.values())).all()
    ):
        raise ModelError(
            f"{bundle.name}: expected the normalisation epsilon, offset and scale, received {normalisation}"
        )
