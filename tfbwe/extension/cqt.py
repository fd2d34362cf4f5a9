"""The high band of a stream by a model of the constant-Q transform: one block in, one block of high band out.

Blocks are cut, windowed and added up as `tfbwe.cqt.stream` says; the network sees each by itself.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..cqt import BLOCK_LENGTH, CQT
from ..cqt.stream import BlockStream
from ..cqt.transform import ComplexArray, FloatArray
from ..cutoff.bandwidth import CutoffTracker
from ..errors import ConfigError
from ..model.bundle import Bundle
from ..model.step_model import StepModel, features
from ..phase.mirror import PHASES, mirrored, unit
from ..stft import HOP_LENGTH, N_FFT, SAMPLE_RATE, analyse
from .delay import Delay
from .high_band import Heads, HighBand

_IMAGE_FRAMES = 4
_FADE_OUT = SAMPLE_RATE // 20
_FADE_IN = SAMPLE_RATE // 100


class CqtExtension:
    """Makes the high band, one block of 32768 samples (743 ms) late.

    Parameters
    ----------
    bundle : Bundle
    channels : int
    cutoff_hz : float or None
        Where the received band ends; tracked in the stream if ``None``, once a block.
    diffuse, phase
        As for `tfbwe.Decoder`.

    Attributes
    ----------
    latency : int
        Samples by which the high band is late.

    Raises
    ------
    ModelError
        If the model is not one of ours.
    ConfigError
        If the phase is ``pghi``, whose slopes are those of the STFT's window.
    """

    latency = BLOCK_LENGTH

    def __init__(
        self, bundle: Bundle, channels: int, cutoff_hz: float | None, diffuse: float, phase: str
    ) -> None:
        if phase not in PHASES:
            raise ConfigError(
                f"phase: expected one of {', '.join(PHASES)} for a cqt model, received {phase!r}; "
                "pghi goes with stft models"
            )
        self._given_cutoff_hz = cutoff_hz
        self._phase = phase
        self._highest_cutoff_hz = bundle.cutoff_range_hz[1]
        self._normalisation = bundle.manifest.normalisation
        self._model = StepModel(bundle, channels)
        self._cqt = CQT()
        first = self._cqt.constant_q.start
        self._bands = slice(first, first + self._model.bins)
        frames, _ = self._cqt.shape
        self._high_band = HighBand(
            bundle.manifest,
            self._cqt.frequencies[self._bands],
            BLOCK_LENGTH / frames / SAMPLE_RATE,
            channels,
            diffuse,
            _IMAGE_FRAMES,
        )
        self._stream = BlockStream(BLOCK_LENGTH, channels, self._extend)
        # The next block's first frame is this one of the present block.
        self._advance = frames * self._stream.hop_length // BLOCK_LENGTH
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        self._high_band.reset()
        self._stream.reset()
        self._tracker = CutoffTracker() if self._given_cutoff_hz is None else None
        self._block = 0
        self._weight = _FADE_OUT
        self._fade = Delay(1, self.latency, 1.0)

    @property
    def cutoff_hz(self) -> float | None:
        """Where the received band ends, in Hz; ``None`` while the stream has not shown it."""
        return self._given_cutoff_hz if self._tracker is None else self._tracker.cutoff_hz

    @property
    def limited_frames(self) -> int:
        """Frames so far, 603 a second, whose high band was held below its ceiling."""
        return self._high_band.limited_frames

    def process(self, x: FloatArray, lost: int) -> FloatArray:
        """Take in the next samples and return the high band of earlier ones.

        Parameters
        ----------
        x : (channels, samples) float32
            Of any length; silence where they were lost.
        lost : int
            How many samples in a row were lost up to the end of these, 0 if these were received. The high
            band of lost samples fades out within 50 ms, and comes back within 10.

        Returns
        -------
        (channels, samples) float32
        """
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
        # In quarters of a block: the first begins a quarter before the stream.
        start = (self._block * self._stream.hop_length - self._stream.overlap) * 4 // BLOCK_LENGTH
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
        """What the network says of a block's magnitudes, (channels, frames, bands)."""
        heads = self._model.step(features(magnitude, self._normalisation))
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
        cutoff_bin = max(1, int(cutoff_hz * BLOCK_LENGTH / SAMPLE_RATE))
        folded = mirrored(spectrum[None], np.array([start]), cutoff_bin, range(spectrum.shape[-1]))
        bands = slice(self._bands.start + lowest, self._bands.stop)
        return unit(self._cqt.bands(folded[0], bands).swapaxes(0, 1))

    def _track(self, block: FloatArray) -> float | None:
        """Cutoff of a block, after the samples that are new in it."""
        if self._tracker is None:
            return self._given_cutoff_hz
        new = block[:, self._stream.overlap - (N_FFT - HOP_LENGTH) :]
        frames = np.lib.stride_tricks.sliding_window_view(new, N_FFT, axis=1)[:, ::HOP_LENGTH]
        for frame in analyse(frames.swapaxes(0, 1)):
            self._tracker.update(frame.real**2 + frame.imag**2)
        return self._tracker.cutoff_hz
