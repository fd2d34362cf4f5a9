"""Where the received band ends: an edge finder on the upper envelope of a spectrum.

Percentiles of cumulated energy mistake the weight of the bass for the end of the band and are wrong by up to 40 % on
tonal music. Here every bin's level is counted over time, the 95th percentile of each bin makes an envelope, and the edge
is its steepest fall that has nothing but noise floor above it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .errors import AudioError, ConfigError

PERCENTILE = 0.95
LOWEST_EDGE_HZ = 2000.0
FLOOR_DB = -160.0
CEILING_DB = 20.0
SILENCE_DB = -85.0

_CLASSES = int(CEILING_DB - FLOOR_DB)
_FRAMES_AT_ONCE = 256


def find_edge_hz(envelope_db: NDArray[np.floating], bin_hz: float) -> float | None:
    """Return the frequency at which a spectrum envelope ends.

    Parameters
    ----------
    envelope_db : array (bins,)
        Level of each bin in dB, from 0 Hz to Nyquist. Levels are relative: any gain may be added.
    bin_hz : float
        Distance of two bins in Hz.

    Returns
    -------
    float or None
        The edge in Hz, or None where nothing ends below Nyquist.
    """
    level = np.maximum(np.asarray(envelope_db, dtype=np.float64), FLOOR_DB)
    bins = level.size
    half = 2
    padded = np.pad(level, half, mode="edge")
    smooth = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1).mean(axis=1)
    upper = np.maximum.accumulate(smooth[::-1])[::-1]
    width = max(3, round(250.0 / bin_hz))
    first = max(int(LOWEST_EDGE_HZ / bin_hz), width)
    last = bins - 1 - width
    if last <= first:
        return None
    centre = np.arange(first, last)
    fall = upper[centre - width] - upper[centre + width]
    best = int(np.argmax(fall))
    if fall[best] < 15.0:
        return None
    at = int(centre[best])
    middle = 0.5 * (upper[at - width] + upper[at + width])
    inside = np.nonzero(upper[at - width : at + width + 1] >= middle)[0]
    return float((at - width + inside[-1] + 0.5) * bin_hz)


class Bandwidth:
    """Measure how far up the spectrum of a signal reaches, block by block, in constant memory.

    Parameters
    ----------
    sample_rate : int
        Rate of the signal in Hz.

    Raises
    ------
    ConfigError
        If the rate is not positive.
    """

    def __init__(self, sample_rate: int) -> None:
        if sample_rate <= 0:
            raise ConfigError(f"sample_rate: expected a positive rate in Hz, received {sample_rate}")
        self.sample_rate = sample_rate
        self.n_fft = 2 ** max(8, round(np.log2(2048 * sample_rate / 44100)))
        self.hop_length = self.n_fft // 2
        self._bins = self.n_fft // 2 + 1
        self._window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.n_fft) / self.n_fft)
        self._counts = np.zeros(_CLASSES * self._bins, dtype=np.int64)
        self._rest: NDArray[np.float32] | None = None

    def update(self, x: NDArray[np.float32]) -> None:
        """Take in the next samples.

        Parameters
        ----------
        x : array (channels, samples), float32
            The next block, of any length, at the instance's own rate.

        Raises
        ------
        AudioError
            If the array is not two-dimensional or the number of channels changes.
        """
        x = np.asarray(x, dtype=np.float32)
        if x.ndim != 2 or (self._rest is not None and x.shape[0] != self._rest.shape[0]):
            expected = "(channels, samples)" if self._rest is None else f"({self._rest.shape[0]}, samples)"
            raise AudioError(f"bandwidth: expected an array of shape {expected}, received {x.shape}")
        self._rest = x if self._rest is None else np.concatenate([self._rest, x], axis=1)
        frames = max(0, (self._rest.shape[1] - self.n_fft) // self.hop_length + 1)
        for start in range(0, frames, _FRAMES_AT_ONCE):
            self._count(self._rest, start, min(start + _FRAMES_AT_ONCE, frames))
        self._rest = self._rest[:, frames * self.hop_length :].copy()

    def _count(self, x: NDArray[np.float32], start: int, stop: int) -> None:
        part = x[:, start * self.hop_length : (stop - 1) * self.hop_length + self.n_fft].astype(np.float64)
        windows = np.lib.stride_tricks.sliding_window_view(part, self.n_fft, axis=1)[:, :: self.hop_length]
        mean_square = np.mean(np.square(windows), axis=-1).max(axis=0)
        active = mean_square > 10 ** (SILENCE_DB / 10)
        spectrum = np.fft.rfft(windows[:, active] * self._window, axis=-1)
        power = np.square(np.abs(spectrum)).max(axis=0) / np.square(self._window.sum() / 2)
        level = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))) - FLOOR_DB
        index = np.clip(level, 0, _CLASSES - 1).astype(np.int64) * self._bins + np.arange(self._bins)
        self._counts += np.bincount(index.ravel(), minlength=self._counts.size)

    @property
    def envelope_db(self) -> NDArray[np.float64]:
        """The 95th percentile of each bin in dB, full-scale sine 0 dB, array (bins,)."""
        return _percentile_db(self._counts.reshape(_CLASSES, self._bins))

    @property
    def cutoff_hz(self) -> float | None:
        """The edge in Hz, or None where the signal reaches up to Nyquist, is silent or shorter than a frame."""
        if not self._counts.any():
            return None
        return find_edge_hz(self.envelope_db, self.sample_rate / self.n_fft)

    @property
    def bandwidth_hz(self) -> float:
        """The edge in Hz, or half the sample rate where there is none."""
        edge_hz = self.cutoff_hz
        return self.sample_rate / 2 if edge_hz is None else edge_hz


def _percentile_db(counts: NDArray[np.integer] | NDArray[np.floating]) -> NDArray[np.float64]:
    cumulated = np.cumsum(counts, axis=0, dtype=np.float64)
    wanted = PERCENTILE * cumulated[-1]
    level = np.argmax(cumulated >= wanted, axis=0)
    bins = np.arange(counts.shape[1])
    inside = np.maximum(counts[level, bins], 1e-9)
    below = cumulated[level, bins] - counts[level, bins]
    return np.asarray(FLOOR_DB + level + np.clip((wanted - below) / inside, 0.0, 1.0))
