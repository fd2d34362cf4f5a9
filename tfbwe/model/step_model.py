"""The networks as the decoder runs them: a frame or a block in, its residual out, a memory a channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ModelError
from ..restoration.statistics import BANDS, FEATURES
from ..stft import FloatArray
from .bundle import Bundle
from .features import HEAD
from .interpreter import check_signal, check_tensors, opened, opened_signature, unheld

RESTORE = "serving_restore"
"""Signature of the restoring network; converters sort by name, and the first is what `invoke` runs."""


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
        Bins or bands that the extending network reads and predicts.

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
        check_tensors(bundle, "output", outputs, {HEAD: shape, **next_states})
        self._features, self._residual = inputs["features"]["index"], outputs[HEAD]["index"]
        self._memory = [(inputs[name]["index"], outputs[f"next_{name}"]["index"]) for name in states]
        self._restoring = restoring_runner(bundle) if self.manifest.restoring else None
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
        (channels, bins) or (channels, frames, bins) float32, nepers
        """
        out = np.empty_like(features)
        run = self._interpreter
        for channel, states in enumerate(self._states):
            run.set_tensor(self._features, np.ascontiguousarray(features[channel]).reshape(self._shape))
            for (index, _), state in zip(self._memory, states, strict=True):
                run.set_tensor(index, state)
            unheld(run.invoke)
            out[channel] = run.get_tensor(self._residual).reshape(features.shape[1:])
            self._states[channel] = [run.get_tensor(index) for _, index in self._memory]
        return out

    def restoring(self, statistics: FloatArray) -> FloatArray:
        """Run the restoring network; without one nothing is restored.

        Parameters
        ----------
        statistics : (1, 155, 6) float32
            As `tfbwe.restoration.statistics.features` returns them.

        Returns
        -------
        (1, 155) float32, nepers
        """
        if self._restoring is None:
            return np.zeros((1, BANDS), np.float32)
        log_gain: FloatArray = self._restoring(statistics=statistics)["log_gain"]
        return log_gain


def restoring_runner(bundle: Bundle) -> Any:
    """Runner of the restoring network of a step graph, in an interpreter of its own.

    Raises
    ------
    ModelError
        If the graph has no such signature, or one of other tensors.
    """
    runner, inputs, outputs = opened_signature(bundle, RESTORE)
    check_tensors(bundle, "input", inputs, {"statistics": (1, BANDS, FEATURES)})
    check_tensors(bundle, "output", outputs, {"log_gain": (1, BANDS)})
    return runner
