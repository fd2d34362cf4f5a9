"""The whole decoder as one graph: a hop of received samples in, a hop of high band out, with a memory."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigError, ModelError
from ..restoration.statistics import BANDS, MOMENTS
from ..restoration.stream import FOR_GOOD
from ..stft import FloatArray
from .bundle import Bundle
from .interpreter import check_signal, check_tensors, opened, unheld

_CONTROLS = ("cutoff_hz", "diffuse", "lost")


class WaveModel:
    """Runs a bundle's graph from wave to wave, hop by hop, one thread.

    Parameters
    ----------
    bundle : Bundle
    channels : int
        Those that the graph was made for.

    Attributes
    ----------
    manifest : Manifest
    transform : Transform
    hop_length, latency : int
        Samples of a hop, and by how many its high band comes later.
    limited_frames : int
        Frames so far whose high band was held below its ceiling.

    Raises
    ------
    ModelError
        If the graph's tensors are not those that the manifest describes.
    ConfigError
        If the graph was made for another number of channels.
    """

    def __init__(self, bundle: Bundle, channels: int) -> None:
        self.transform = check_signal(bundle)
        self.manifest = bundle.manifest
        graph = self.manifest.graph
        if graph["kind"] != "wave":
            raise ModelError(f"{bundle.name}: expected a graph from wave to wave, received a step graph")
        if graph["channels"] != channels:
            raise ConfigError(
                f"{bundle.name}: expected {graph['channels']} channels, for which this graph was made, "
                f"received {channels}; a step graph takes any number"
            )
        self.hop_length, self.latency = graph["hop_length"], graph["latency_samples"]
        self._interpreter, inputs, outputs = opened(bundle)
        hop, states = (channels, self.hop_length), self.manifest.states
        needed = {"moments": (len(MOMENTS), BANDS), "count": (1,)} if self.manifest.restoring else {}
        if any(states.get(name) != shape for name, shape in needed.items()):
            raise ModelError(f"{bundle.name}: expected the states {needed}, it has {states}")
        check_tensors(bundle, "input", inputs, {"hop": hop, **dict.fromkeys(_CONTROLS, (1,)), **states})
        next_states = {f"next_{name}": shape for name, shape in states.items()}
        check_tensors(
            bundle, "output", outputs, {"extended": hop, "high_band": hop, "limited": (1,), **next_states}
        )
        self._inputs = {name: inputs[name]["index"] for name in ("hop", *_CONTROLS)}
        self._high_band, self._limited = (outputs[name]["index"] for name in ("high_band", "limited"))
        self._memory = [(inputs[name]["index"], outputs[f"next_{name}"]["index"]) for name in states]
        self.reset()

    def reset(self, known: FloatArray | None = None) -> None:
        """Forget the past.

        Parameters
        ----------
        known : (4, 155) float32, optional
            Long-term statistics of all the music, measured beforehand.
        """
        self.limited_frames = 0
        states = {name: np.zeros(shape, np.float32) for name, shape in self.manifest.states.items()}
        if known is not None and self.manifest.restoring:
            states["moments"][:], states["count"][:] = known, FOR_GOOD
        self._states = list(states.values())

    def process(self, hop: FloatArray, cutoff_hz: float, diffuse: float, lost: int) -> FloatArray:
        """Return the high band, (channels, hop_length) float32, `latency` samples late.

        Parameters
        ----------
        hop : (channels, hop_length) float32
        cutoff_hz : float
            Where the received band ends; 0 where it is not known.
        diffuse : float
            0 to 1.
        lost : int
            Samples lost in a row up to the end of the hop.
        """
        run = self._interpreter
        run.set_tensor(self._inputs["hop"], np.ascontiguousarray(hop))
        for name, value in zip(_CONTROLS, (cutoff_hz, diffuse, lost), strict=True):
            run.set_tensor(self._inputs[name], np.array([value], np.float32))
        for (index, _), state in zip(self._memory, self._states, strict=True):
            run.set_tensor(index, state)
        unheld(run.invoke)
        self._states = [run.get_tensor(index) for _, index in self._memory]
        self.limited_frames += int(run.get_tensor(self._limited)[0])
        high_band: FloatArray = run.get_tensor(self._high_band)
        return high_band
