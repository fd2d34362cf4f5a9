"""The high band of a stream by a model of the constant-Q transform: one block in, one block of high band out.

Blocks are cut, windowed and added up as `tfbwe.cqt.stream` says; each goes through the network by itself.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ..cqt import BLOCK_LENGTH
from ..cqt.stream import BlockStream
from ..model.step_model import StepModel
from ..phase.mirror import IntArray, unit
from ..stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, ComplexArray, FloatArray, inner_frames
from ..transform import block_cqt, block_phasors, block_start
from .delay import Delay
from .extension import NetworkExtension

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
        self,
        model: StepModel,
        channels: int,
        cutoff_hz: float | None,
        diffuse: float,
        phase: str,
        known: FloatArray | None = None,
    ) -> None:
        super().__init__(model, channels, cutoff_hz, diffuse, phase, known, _IMAGE_FRAMES)
        self._cqt = block_cqt()
        first = self._cqt.constant_q.start
        self._bands = slice(first, first + model.bins)
        self._stream = BlockStream(BLOCK_LENGTH, channels, self._extend)
        # Of each frame of the block the place among those of the STFT that lie in it, and of each band.
        self._frames_kept = BLOCK_LENGTH // HOP_LENGTH
        frames = np.arange(self._cqt.shape[0]) * (BLOCK_LENGTH / HOP_LENGTH / self._cqt.shape[0])
        self._times = _between(frames + N_FFT // HOP_LENGTH // 2 - 1, self._frames_kept)
        self._bins = _between(self._high_band.frequencies / BIN_HZ, N_FFT // 2 + 1)
        # The next block's first frame is this one of the present block.
        self._advance = self._cqt.shape[0] * self._stream.hop_length // BLOCK_LENGTH
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        super().reset()
        self._stream.reset()
        self._block = 0
        self._gaps = np.zeros(0, bool)
        self._gain, self._missing = np.ones((2, self._frames_kept, N_FFT // 2 + 1), np.float32)
        self._reach_hz = np.zeros(self._frames_kept, np.float32)
        self._weight = _FADE_OUT
        self._fade = Delay(1, self.latency, 1.0)

    def process(self, x: FloatArray, lost: int) -> FloatArray:
        """Take in the next samples and return the high band of earlier ones; see `Extension`."""
        self._gaps = np.concatenate([self._gaps, np.full(x.shape[1], lost > 0)])
        high = self._stream.process(x)
        return high * self._fade.process(self._weights(x.shape[1], lost > 0))

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
        cutoff_hz = self._hear(block)
        if cutoff_hz is None or cutoff_hz > self._highest_cutoff_hz or not block.any():
            return np.zeros_like(block)
        spectrum = self._cqt.spectrum(block * self._stream.window)
        received = self._cqt.bands(spectrum, self._bands).swapaxes(0, 1)
        gain, missing = (
            _interpolated(_interpolated(kept, self._bins, 1), self._times, 0)[:, None]
            for kept in (self._gain, self._missing)
        )
        restored = np.abs(received) * gain
        read = self._high_band.read(restored, np.maximum(self._reach_hz, cutoff_hz)[self._times[0]])
        features = self._normalisation.features(read).swapaxes(0, 1)
        log_residual = self._model.step(features).swapaxes(0, 1)
        make = partial(self._phasors, spectrum, received, start, cutoff_hz)
        lowest, diffuse = self._high_band.added(
            restored, read, log_residual, missing, cutoff_hz, make, self._advance
        )
        raised = (gain > 1).any(axis=(0, 1))
        first = min(int(np.argmax(raised)), lowest) if raised.any() else lowest
        added: ComplexArray = received[..., first:] * (gain[..., first:] - 1)
        added[..., lowest - first :] += diffuse
        return self._cqt.inverse(added.swapaxes(0, 1), slice(self._bands.start + first, self._bands.stop))

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
            return unit(received[..., lowest:])
        bands = slice(self._bands.start + lowest, self._bands.stop)
        return block_phasors(spectrum, start, cutoff_hz, bands).swapaxes(0, 1)

    def _hear(self, block: FloatArray) -> float | None:
        """Follow cutoff and gain through the samples that are new in a block; return the cutoff."""
        frames = inner_frames(block[:, self._stream.overlap - (N_FFT - HOP_LENGTH) :])
        if self._tracker is not None:
            for frame in frames:
                self._tracker.update(frame.real**2 + frame.imag**2)
        # Of each frame, whether the last of its samples was lost.
        gaps = self._gaps[: self._stream.hop_length][HOP_LENGTH - 1 :: HOP_LENGTH]
        self._gaps = self._gaps[self._stream.hop_length :]
        found = self._restoring.process(frames, self.cutoff_hz or 0.0, gaps.tolist())
        self._gain = np.concatenate([self._gain[len(frames) :], found.gain])
        self._missing = np.concatenate([self._missing[len(frames) :], found.missing])
        self._reach_hz = np.concatenate([self._reach_hz[len(frames) :], found.reach_hz])
        return self.cutoff_hz


def _between(places: Any, count: int) -> tuple[IntArray, IntArray, FloatArray]:
    """Neighbours below and above each place among `count`, and how far it lies from the first, 0..1."""
    places = np.clip(places, 0, count - 1)
    below = np.minimum(places.astype(np.int64), max(count - 2, 0))
    return below, below + 1, (places - below).astype(np.float32)


def _interpolated(
    values: FloatArray, between: tuple[IntArray, IntArray, FloatArray], axis: int
) -> FloatArray:
    """Linear interpolation along an axis, 0 or 1, of two."""
    below, above, share = between
    share = share[:, None] if axis == 0 else share
    low, high = values.take(below, axis), values.take(above, axis)
    return np.asarray(low + (high - low) * share, np.float32)
