"""The network as the decoder runs it: a frame or a block in, the heads out, one memory for each channel."""

from __future__ import annotations

import numpy as np

from ..errors import ModelError
from ..stft import FloatArray
from .bundle import Bundle
from .interpreter import check_signal, check_tensors, opened


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
        if bundle.manifest.graph["kind"] != "step":
            raise ModelError(f"{bundle.name}: expected a step or block graph, received the whole decoder")
        self.transform = check_signal(bundle)
        self.manifest = bundle.manifest
        self.channels = channels
        self.bins = int(self.manifest.transform["bins"])
        self._interpreter, inputs, outputs = opened(bundle)
        shape = self._shape = (1, self.transform.frames or 1, self.bins)
        states = self.manifest.states
        check_tensors(bundle, "input", inputs, {"features": shape, **states})
        next_states = {f"next_{name}": shape for name, shape in states.items()}
        check_tensors(bundle, "output", outputs, {**dict.fromkeys(self.manifest.heads, shape), **next_states})
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
