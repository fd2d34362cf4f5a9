"""The network as the decoder sees it: one frame in, the heads out, one memory for each channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from .bundle import Bundle
from .errors import ModelError
from .stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, FloatArray

_TRANSFORM = {
    "kind": "stft",
    "sample_rate": SAMPLE_RATE,
    "n_fft": N_FFT,
    "hop_length": HOP_LENGTH,
    "window": "sqrt_hann",
}


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
    """Runs a bundle's graph frame by frame, one thread.

    Parameters
    ----------
    bundle : Bundle
    channels : int
        Each has its own states.

    Raises
    ------
    ModelError
        If the graph's tensors are not those that the manifest describes, or it wants another signal than
        `tfbwe.stft` makes.
    """

    def __init__(self, bundle: Bundle, channels: int) -> None:
        _check_signal(bundle)
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
        frame = (1, 1, self.bins)
        states = self.manifest.states
        _check(bundle, "input", inputs, {"features": frame, **states})
        next_states = {f"next_{name}": shape for name, shape in states.items()}
        _check(bundle, "output", outputs, {**dict.fromkeys(self.manifest.heads, frame), **next_states})
        self._features = inputs["features"]["index"]
        self._heads = [outputs[head]["index"] for head in self.manifest.heads]
        self._memory = [(inputs[name]["index"], outputs[f"next_{name}"]["index"]) for name in states]
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        shapes = self.manifest.states.values()
        self._states = [[np.zeros(shape, np.float32) for shape in shapes] for _ in range(self.channels)]

    def step(self, features: FloatArray) -> FloatArray:
        """Run one frame.

        Parameters
        ----------
        features : (channels, bins) float32
            Normalised log-magnitudes.

        Returns
        -------
        (heads, channels, bins) float32, nepers
        """
        heads = np.empty((len(self._heads), self.channels, self.bins), np.float32)
        run = self._interpreter
        for channel, states in enumerate(self._states):
            run.set_tensor(self._features, features[None, None, channel])
            for (index, _), state in zip(self._memory, states, strict=True):
                run.set_tensor(index, state)
            run.invoke()
            for i, index in enumerate(self._heads):
                heads[i, channel] = run.get_tensor(index)[0, 0]
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


def _check_signal(bundle: Bundle) -> None:
    transform, normalisation = dict(bundle.manifest.transform), bundle.manifest.normalisation
    bins = transform.pop("bins", None)
    if transform != _TRANSFORM or type(bins) is not int or not 0 < bins <= N_FFT // 2 + 1:
        raise ModelError(
            f"{bundle.name}: expected the transform {_TRANSFORM} and bins up to {N_FFT // 2 + 1},"
            f" received {bundle.manifest.transform}"
        )
    if bundle.manifest.highest_hz > bins * BIN_HZ:
        raise ModelError(
            f"{bundle.name}: expected highest_hz up to {bins * BIN_HZ:g} for {bins} bins,"
            f" received {bundle.manifest.highest_hz:g}"
        )
    numbers = {name: value for name, value in normalisation.items() if type(value) in (int, float)}
    if set(numbers) != {"epsilon", "offset", "scale"} or not (
        numbers["epsilon"] > 0 < numbers["scale"] and np.isfinite(list(numbers.values())).all()
    ):
        raise ModelError(
            f"{bundle.name}: expected the normalisation epsilon, offset and scale, received {normalisation}"
        )
