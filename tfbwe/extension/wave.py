"""The high band of a stream by a graph from wave to wave: one hop in, one hop of high band out."""

from __future__ import annotations

import numpy as np

from ..errors import ConfigError
from ..model.wave_model import WaveModel
from ..stft import HOP_LENGTH, N_FFT, FloatArray, analyse
from .extension import Extension


class WaveExtension(Extension):
    """Makes the high band, 2048 samples (46 ms) late: the graph's own latency and one hop to collect samples.

    All that other extensions do in NumPy the graph does; only a cutoff that is not given is tracked here.
    """

    latency = N_FFT

    def __init__(
        self,
        model: WaveModel,
        channels: int,
        cutoff_hz: float | None,
        diffuse: float,
        phase: str,
        known: FloatArray | None = None,
    ) -> None:
        super().__init__(model, channels, cutoff_hz, phase)
        if phase != "mirror":
            raise ConfigError(
                f"phase: expected mirror, the one that this graph computes, received {phase!r}; "
                "a step graph has the others"
            )
        self._graph = model
        self._diffuse, self._known = diffuse, known
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        super().reset()
        self._graph.reset(self._known)
        self._past = np.zeros((self.channels, N_FFT), np.float32)
        self._filled = 0
        self._high = np.zeros((self.channels, HOP_LENGTH), np.float32)

    @property
    def limited_frames(self) -> int:  # type: ignore[override]
        """Frames so far whose high band was held below its ceiling."""
        return self._graph.limited_frames

    def process(self, x: FloatArray, lost: int) -> FloatArray:
        """Take in the next samples and return the high band of earlier ones; see `Extension`."""
        out = np.empty_like(x)
        done = 0
        while done < x.shape[1]:
            count = min(x.shape[1] - done, HOP_LENGTH - self._filled)
            here = slice(self._filled, self._filled + count)
            self._past[:, N_FFT - HOP_LENGTH :][:, here] = x[:, done : done + count]
            out[:, done : done + count] = self._high[:, here]
            self._filled += count
            done += count
            if self._filled == HOP_LENGTH:
                self._extend(lost - (x.shape[1] - done) if lost else 0)
        return out

    def _extend(self, lost: int) -> None:
        """Turn a complete hop into high band."""
        if self._tracker is not None:
            spectrum = analyse(self._past)
            self._tracker.update(spectrum.real**2 + spectrum.imag**2)
        hop = self._past[:, N_FFT - HOP_LENGTH :]
        self._high = self._graph.process(hop, self.cutoff_hz or 0.0, self._diffuse, lost)
        self._past[:, :-HOP_LENGTH] = self._past[:, HOP_LENGTH:].copy()
        self._filled = 0
