"""Restoring frame by frame: statistics that run along, a gain that follows them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..band import crossover
from ..stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, ComplexArray, FloatArray
from .gain import SMOOTHED_FRAMES, at_bins, gated, noise_floor, smoothed, wiener
from .statistics import (
    BANDS,
    MOMENTS,
    ROUNDING_POWER,
    SILENT_POWER,
    USED,
    bin_power,
    features,
    in_bands,
    moments,
)

UPDATE_FRAMES = 24
"""Frames between two runs of the network, and of the fade from one curve to the next: 0.28 s."""
FIRST_FRAMES = 48
"""Frames that are heard before the network runs at all, about half a second: until then nothing is raised."""
REMEMBERED_FRAMES = round(30 * SAMPLE_RATE / HOP_LENGTH)
"""The statistics are those of the last 30 s, more or less: older frames weigh less and less."""
PAUSE_FRAMES = round(0.5 * SAMPLE_RATE / HOP_LENGTH)
"""Half a second of silence ends a piece of music: the next one is measured anew."""
EDGE_FRAMES = N_FFT // HOP_LENGTH
"""Frames after silence that are not measured: music that is cut in begins with a click in all bands."""
LOUDEST = 100.0
"""Power of what is restored, over that of the long run, at most: a click is not to be raised."""
_HERTZ = np.arange(USED) * BIN_HZ

Predict = Callable[[FloatArray], FloatArray]


class RestoringStream:
    """The gain of each bin of a stream's frames; the same for all channels.

    Parameters
    ----------
    predict : callable
        The network: from statistics (1, 155, 6) to log gains (1, 155), float32.
    known : tuple of int and (4, 155) float32, optional
        Frames and moments of the music, measured beforehand, as `statistics.moments` returns them.
    """

    def __init__(self, predict: Predict, known: tuple[int, FloatArray] | None = None) -> None:
        self._predict, self._known = predict, known
        self.reset()

    def reset(self) -> None:
        """Start anew, with what was known beforehand."""
        self._count, self._moments = 0, np.zeros((len(MOMENTS), BANDS), np.float32)
        if self._known is not None:
            self._count, self._moments = min(self._known[0], REMEMBERED_FRAMES), self._known[1].copy()
        self._from = self._to = np.zeros(BANDS, np.float32)
        self._floor = 0.0
        self._frame = 0
        self._silent, self._edge = 0, EDGE_FRAMES
        self._past: FloatArray | None = None

    def process(self, spectrum: ComplexArray, cutoff_hz: float, rounded: bool) -> FloatArray:
        """Return the gains of frames in a row.

        Parameters
        ----------
        spectrum : (frames, channels, bins) complex64
            Of the STFT, all its bins.
        cutoff_hz : float
            Where the received band ends.
        rounded : bool
            Whether the samples are known to be rounded to 16 bits.

        Returns
        -------
        (frames, 930) float32
            1 or more; 1 everywhere where nothing weak is left above the cutoff.
        """
        out = np.ones((len(spectrum), USED), np.float32)
        weight = crossover(_HERTZ, cutoff_hz).astype(np.float32)
        power = bin_power(spectrum)
        smooth, bands = self._smoothed(power), in_bands(power)
        for i in range(len(power)):
            self._hear(bands[i : i + 1])
            if self._frame % UPDATE_FRAMES == 0:
                self._update(cutoff_hz, rounded)
            self._frame += 1
            if self._from.any() or self._to.any():
                share = np.float32(((self._frame - 1) % UPDATE_FRAMES + 1) / UPDATE_FRAMES)
                curve = at_bins(self._from + (self._to - self._from) * share, USED)
                loudest = at_bins(self._moments[2] ** 2, USED) * np.exp(2 * curve) * LOUDEST
                limit = np.sqrt(loudest / np.maximum(smooth[i], 1e-20))
                gain = np.minimum(np.exp(curve) * wiener(smooth[i], self._floor), limit)
                out[i] += (np.maximum(gain, 1) - 1) * weight
        return out

    def _smoothed(self, power: FloatArray) -> FloatArray:
        """Power of frames smoothed over the last ones too, those of earlier calls among them."""
        past = power[:1].repeat(SMOOTHED_FRAMES - 1, axis=0) if self._past is None else self._past
        window = np.concatenate([past, power])
        if len(power):
            self._past = window[len(power) :]
        return smoothed(window)[len(past) :]

    def _hear(self, power: FloatArray) -> None:
        """Take a frame into the statistics."""
        if power.max() <= SILENT_POWER:
            self._silent, self._edge = self._silent + 1, EDGE_FRAMES
            return
        if self._edge:
            self._edge -= 1
            return
        if self._silent >= PAUSE_FRAMES and self._known is None:
            self._count = 0
        self._silent = 0
        self._count = min(self._count + 1, REMEMBERED_FRAMES)
        self._moments = self._moments + (moments(power)[1] - self._moments) / np.float32(self._count)

    def _update(self, cutoff_hz: float, rounded: bool) -> None:
        """Run the network, and set out for its curve."""
        self._from, self._to = self._to, np.zeros(BANDS, np.float32)
        if self._count < FIRST_FRAMES:
            return
        self._floor = max(noise_floor(self._moments), ROUNDING_POWER if rounded else 0.0)
        read = features(self._moments[None], np.array([[cutoff_hz]], np.float32))
        self._to = gated(np.asarray(self._predict(read))[0], self._moments, cutoff_hz, self._floor)
        if self._known is not None and self._frame == 0:
            self._from = self._to  # no fade at the start of what was measured beforehand
