"""The network as the decoder sees it: a frame or a block in, the heads out, one memory for each channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..cqt import CQT
from ..errors import ModelError
from ..stft import BIN_HZ, N_FFT, FloatArray
from ..transform import transform_parameters
from .bundle import Bundle


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
    bins : int
        Bins or bands that the network reads and predicts.

    Raises
    ------
    ModelError
        If the graph's tensors are not those that the manifest describes, or it wants another signal than
        `tfbwe.stft` or `tfbwe.cqt` makes.
    """

    def __init__(self, bundle: Bundle, channels: int) -> None:
        frames = _check_signal(bundle)
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
        shape = self._shape = (1, frames, self.bins)
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


def features(magnitude: FloatArray, normalisation: dict[str, float]) -> FloatArray:
    """What the network reads of magnitudes of any shape; `normalisation` is the manifest's."""
    epsilon, offset, scale = (np.float32(normalisation[key]) for key in ("epsilon", "offset", "scale"))
    return np.asarray((np.log(magnitude + epsilon) + offset) / scale, np.float32)


def _check(bundle: Bundle, side: str, found: dict[str, Any], expected: dict[str, tuple[int, ...]]) -> None:
    received = {name: tuple(int(n) for n in details["shape"]) for name, details in found.items()}
    if received != expected:
        raise ModelError(f"{bundle.name}: expected the {side}s {expected}, the graph has {received}")
    for name, details in found.items():
        if details["dtype"] is not np.float32:
            raise ModelError(
                f"{bundle.name}: expected float32 for the {side} {name}, the graph has {details['dtype']}"
            )


def _check_signal(bundle: Bundle) -> int:
    """Refuse another signal than ours; return the frames of a step."""
    _check_normalisation(bundle)
    manifest = bundle.manifest
    if manifest.transform.get("kind") != "cqt":
        bins = _check_transform(bundle, "stft", N_FFT // 2 + 1)
        _check_highest(bundle, bins, bins * BIN_HZ)
        return 1
    cqt = CQT()
    bins = _check_transform(bundle, "cqt", cqt.constant_q.stop - cqt.constant_q.start)
    _check_highest(bundle, bins, cqt.frequencies[cqt.constant_q][bins - 1])
    if manifest.states:
        raise ModelError(
            f"{bundle.name}: expected no states, each block stands alone, received {manifest.states}"
        )
    return cqt.shape[0]


def _check_transform(bundle: Bundle, kind: str, most: int) -> int:
    expected = transform_parameters(kind)
    transform = dict(bundle.manifest.transform)
    bins = transform.pop("bins", None)
    if transform != expected or type(bins) is not int or not 0 < bins <= most:
        raise ModelError(
            f"{bundle.name}: expected the transform {expected} and bins up to {most},"
            f" received {bundle.manifest.transform}"
        )
    return bins


def _check_highest(bundle: Bundle, bins: int, top_hz: float) -> None:
    if bundle.manifest.highest_hz > top_hz:
        raise ModelError(
            f"{bundle.name}: expected highest_hz up to {top_hz:g} for {bins} bins,"
            f" received {bundle.manifest.highest_hz:g}"
        )


def _check_normalisation(bundle: Bundle) -> None:
    normalisation = bundle.manifest.normalisation
    numbers = {name: value for name, value in normalisation.items() if type(value) in (int, float)}
    if set(numbers) != {"epsilon", "offset", "scale"} or not (
        numbers["epsilon"] > 0 < numbers["scale"] and np.isfinite(list(numbers.values())).all()
    ):
        raise ModelError(
            f"{bundle.name}: expected the normalisation epsilon, offset and scale, received {normalisation}"
        )
