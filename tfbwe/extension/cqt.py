"""The high band of a stream by a model of the constant-Q transform: one block in, one block of high band out.

Blocks are cut, windowed and added up as `tfbwe.cqt.stream` says; each goes through the network by itself.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..cqt import BLOCK_LENGTH
from ..cqt.stream import BlockStream
from ..model.step_model import StepModel
from ..phase.mirror import unit
from ..stft import HOP_LENGTH, N_FFT, SAMPLE_RATE, ComplexArray, FloatArray, analyse
from ..transform import block_cqt, block_phasors, block_start
from .delay import Delay
from .extension import NetworkExtension
from .high_band import Heads

_IMAGE_FRAMES = 4
_FADE_OUT = SAMPLE_RATE // 20
_FADE_IN = SAMPLE_RATE // 100


class CqtExtension(NetworkExtension):
    """Makes the high band, one block of 32768 samples (743 ms) late.

    A tracked cutoff changes once a block. Lost samples: the high band fades out within 50 ms, and comes
    back within 10.
    """

    latency = BLOCK_LENGTH

    def __init__(
        self, model: StepModel, channels: int, cutoff_hz: float | None, diffuse: float, phase: str
    ) -> None:
        super().__init__(model, channels, cutoff_hz, diffuse, phase, _IMAGE_FRAMES)
        self._cqt = block_cqt()
        first = self._cqt.constant_q.start
        self._bands = slice(first, first + model.bins)
        self._stream = BlockStream(BLOCK_LENGTH, channels, self._extend)
        # The next block's first frame is this one of the present block.
        self._advance = self._cqt.shape[0] * self._stream.hop_length // BLOCK_LENGTH
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        super().reset()
        self._stream.reset()
        self._block = 0
        self._weight = _FADE_OUT
        self._fade = Delay(1, self.latency, 1.0)

    def process(self, x: FloatArray, lost: int) -> FloatArray:
        """Take in the next samples and return the high band of earlier ones; see `Extension`."""
        return self._stream.process(x) * self._fade.process(self._weights(x.shape[1], lost > 0))

    def _weights(self, count: int, lost: bool) -> FloatArray:
        """Weight of the high band at each of these samples, (1, count)."""
        step = -1 if lost else _FADE_OUT // _FADE_IN
        # Counted in whole numbers: the same however the samples are cut.
        weights = np.clip(self._weight + step * np.arange(count + 1), 0, _FADE_OUT)
        self._weight = int(weights[-1])
        return (weights[None, 1:] / _FADE_OUT).astype(np.float32)

    def _extend(self, block: FloatArray) -> FloatArray:
        """High band of a block as it was received, both (channels, BLOCK_LENGTH)."""
        start = block_start(self._block, self._stream)
        self._block += 1
        cutoff_hz = self._track(block)
        if cutoff_hz is None or cutoff_hz > self._highest_cutoff_hz or not block.any():
            return np.zeros_like(block)
        spectrum = self._cqt.spectrum(block * self._stream.window)
        received = self._cqt.bands(spectrum, self._bands)
        magnitude = np.abs(received)
        first, added = self._high_band.added(
            received.swapaxes(0, 1),
            magnitude.swapaxes(0, 1),
            self._heads(magnitude),
            cutoff_hz,
            partial(self._phasors, spectrum, received, start, cutoff_hz),
            self._advance,
        )
        return self._cqt.inverse(added.swapaxes(0, 1), slice(self._bands.start + first, self._bands.stop))

    def _heads(self, magnitude: FloatArray) -> Heads:
        """What the network predicts for a block's magnitudes, (channels, frames, bands)."""
        heads = self._model.step(self._normalisation.features(magnitude))
        return Heads(*heads.swapaxes(1, 2))

    def _phasors(
        self,
        spectrum: ComplexArray,
        received: ComplexArray,
        start: int,
        cutoff_hz: float,
        lowest: int,
        total: FloatArray,
    ) -> ComplexArray:
        """Phases of the bands from `lowest` on, (frames, channels, bands)."""
        if self._phase == "received":
            return unit(received[..., lowest:].swapaxes(0, 1))
        bands = slice(self._bands.start + lowest, self._bands.stop)
        return block_phasors(spectrum, start, cutoff_hz, bands).swapaxes(0, 1)

    def _track(self, block: FloatArray) -> float | None:
        """Cutoff of a block, after the samples that are new in it."""
        if self._tracker is None:
            return self._given_cutoff_hz
        new = block[:, self._stream.overlap - (N_FFT - HOP_LENGTH) :]
        frames = np.lib.stride_tricks.sliding_window_view(new, N_FFT, axis=1)[:, ::HOP_LENGTH]
        for frame in analyse(frames.swapaxes(0, 1)):
            self._tracker.update(frame.real**2 + frame.imag**2)
        return self._tracker.cutoff_hz
