"""How far up a received signal reaches: measured over a whole signal, or tracked in a stream.

The levels of every bin are counted in a histogram, whose 95th percentile is the envelope that `find_edge_hz`
reads. Memory does not grow with the length of the signal, and the counts do not depend on how it was cut into
blocks.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError, ConfigError
from .edge import FLOOR_DB, find_edge_hz

__all__ = ["Bandwidth", "CutoffTracker", "find_edge_hz"]

PERCENTILE = 0.95
CEILING_DB = 20.0
SILENCE_DB = -85.0

_CLASSES = int(CEILING_DB - FLOOR_DB)
_GROUP = 12
_FLOOR_POWER = np.float32(10 ** (FLOOR_DB / 10))
_FRAMES_AT_ONCE = 256

_COUNT_EVERY = 4
_SAME = 0.06
_HOLD_FIRST = 2
_HOLD_NEW = 3
_NEW_CONTENT_DB = 12.0

Levels = NDArray[np.float64]


class Histogram:
    """Counts of levels in classes of 1 dB for each bin, of which percentiles are taken.

    Parameters
    ----------
    bins : int
        Number of bins.
    """

    def __init__(self, bins: int) -> None:
        self.counts = np.zeros((_CLASSES, bins))
        self._bins = np.arange(bins)

    def add(self, power: NDArray[np.floating]) -> None:
        """Count frames of power, array (frames, bins), full-scale sine 1."""
        decibels = np.log(np.fmax(power, _FLOOR_POWER)) * (10 / np.log(10)) - FLOOR_DB
        cell = np.minimum(decibels, _CLASSES - 1).astype(np.intp) * self._bins.size + self._bins
        if len(cell) == 1:
            self.counts.reshape(-1)[cell[0]] += 1
        else:
            counts = np.bincount(cell.ravel(), minlength=self.counts.size)
            self.counts += counts.reshape(self.counts.shape)

    def envelope_db(self) -> Levels:
        """Return the 95th percentile of each bin in dB, array (bins,)."""
        # First by groups of classes, then inside the group: a tenth of the time of one long cumulated sum.
        grouped = self.counts.reshape(-1, _GROUP, self._bins.size)
        groups = np.cumsum(grouped.sum(axis=1), axis=0)
        wanted = PERCENTILE * groups[-1]
        group = np.minimum((groups < wanted).sum(axis=0), len(groups) - 1)
        inside = grouped[group, :, self._bins].T
        cumulated = np.cumsum(inside, axis=0) + groups[group, self._bins] - inside.sum(axis=0)
        row = np.minimum((cumulated < wanted).sum(axis=0), _GROUP - 1)
        count = inside[row, self._bins]
        part = (wanted - cumulated[row, self._bins] + count) / np.maximum(count, 1e-30)
        return np.asarray(FLOOR_DB + group * _GROUP + row + np.clip(part, 0.0, 1.0))


class Bandwidth:
    """Measure how far up the spectrum of a signal reaches, block by block, in constant memory.

    Frames last about 46 ms and overlap by half; those below -85 dB of full scale count as silence and are
    left out.

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
        self._window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.n_fft) / self.n_fft)
        self._histogram = Histogram(self.n_fft // 2 + 1)
        self._rest: NDArray[np.float32] | None = None

    def update(self, x: NDArray[np.float32]) -> None:
        """Take in the next samples; the blocking does not change the result.

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
        if x.ndim != 2 or x.shape[0] == 0 or (self._rest is not None and x.shape[0] != self._rest.shape[0]):
            expected = "(channels, samples)" if self._rest is None else f"({self._rest.shape[0]}, samples)"
            raise AudioError(f"bandwidth: expected an array of shape {expected}, received {x.shape}")
        x = x if self._rest is None else np.concatenate([self._rest, x], axis=1)
        frames = max(0, (x.shape[1] - self.n_fft) // self.hop_length + 1)
        for first in range(0, frames, _FRAMES_AT_ONCE):
            stop = min(first + _FRAMES_AT_ONCE, frames)
            self._count(x[:, first * self.hop_length : (stop - 1) * self.hop_length + self.n_fft])
        self._rest = x[:, frames * self.hop_length :].copy()

    def _count(self, x: NDArray[np.float32]) -> None:
        frames = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), self.n_fft, axis=1)
        frames = frames[:, :: self.hop_length]
        active = np.mean(np.square(frames), axis=-1).max(axis=0) > 10 ** (SILENCE_DB / 10)
        if active.any():
            spectrum = np.fft.rfft(frames[:, active] * self._window, axis=-1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            self._histogram.add(power.max(axis=0) / np.square(self._window.sum() / 2))

    @property
    def envelope_db(self) -> Levels:
        """The 95th percentile over time of each bin in dB, full-scale sine 0 dB, array (bins,)."""
        return self._histogram.envelope_db()

    @property
    def cutoff_hz(self) -> float | None:
        """The edge in Hz, or None: the signal reaches up to Nyquist, is silent or shorter than a frame."""
        return find_edge_hz(self.envelope_db, self.sample_rate / self.n_fft)

    @property
    def bandwidth_hz(self) -> float:
        """The edge in Hz, or half the sample rate where there is none."""
        edge_hz = self.cutoff_hz
        return self.sample_rate / 2 if edge_hz is None else edge_hz


class CutoffTracker:
    """Follow the edge of a stream, frame by frame.

    Every fourth frame is counted and older frames are forgotten exponentially. Once a second of counted
    frames, or every two seconds once an edge is known, the edge is looked for anew. The first edge must be
    found twice running, one that differs by more than 6 % three times; an edge that is no longer found is
    kept until content appears above it. Silent frames neither count nor age the memory.

    Parameters
    ----------
    sample_rate, n_fft, hop_length : int
        Rate in Hz, and length and step of the frames in samples.
    memory_s : float
        Time constant of the forgetting in seconds.

    Raises
    ------
    ConfigError
        If a parameter is not positive.
    """

    def __init__(
        self, sample_rate: int = 44100, n_fft: int = 2048, hop_length: int = 512, memory_s: float = 10.0
    ) -> None:
        if min(sample_rate, n_fft, hop_length, memory_s) <= 0:
            raise ConfigError(
                "cutoff tracker: expected positive parameters, "
                f"received {(sample_rate, n_fft, hop_length, memory_s)}"
            )
        self._bins = n_fft // 2 + 1
        self._bin_hz = sample_rate / n_fft
        counted_s = _COUNT_EVERY * hop_length / sample_rate
        self._period = max(1, round(1.0 / counted_s))
        self._kept = float(np.exp(-self._period * counted_s / memory_s))
        # A sine of full scale under a square-root Hann window, and the mean square of a frame by Parseval's
        # theorem.
        self._scale = np.float32((np.pi / n_fft) ** 2)
        self._silence = 10 ** (SILENCE_DB / 10) * n_fft**2 / 4
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._histogram = Histogram(self._bins)
        self._frames = 0
        self._counted = 0
        self._edge_hz: float | None = None
        self._above_db = 0.0
        self._candidate_hz: float | None = None
        self._held = 0

    @property
    def cutoff_hz(self) -> float | None:
        """The edge in Hz, or None while none is known."""
        return self._edge_hz

    def update(self, power: NDArray[np.floating]) -> None:
        """Take in the next frame.

        Parameters
        ----------
        power : array (channels, bins)
            Squared magnitudes of an unnormalised STFT with square-root Hann window, of a signal in [-1, 1].

        Raises
        ------
        AudioError
            If the array is not (channels, bins).
        """
        if power.ndim != 2 or power.shape[1] != self._bins:
            raise AudioError(
                f"cutoff tracker: expected shape (channels, {self._bins}), received {power.shape}"
            )
        self._frames += 1
        if self._frames % _COUNT_EVERY:
            return
        if power.sum(axis=1).max() <= self._silence:
            return
        self._histogram.add(power.max(axis=0, keepdims=True) * self._scale)
        self._counted += 1
        if self._counted % self._period == 0:
            if self._edge_hz is None or self._counted % (2 * self._period) == 0:
                self._evaluate()
            self._histogram.counts *= self._kept

    def _evaluate(self) -> None:
        level = self._histogram.envelope_db()
        found_hz = find_edge_hz(level, self._bin_hz)
        if self._edge_hz is not None and found_hz is None:
            if self._level_above(level, self._edge_hz) > self._above_db + _NEW_CONTENT_DB:
                self._edge_hz = None
            self._held = 0
        elif found_hz is not None:
            self._consider(found_hz, level)

    def _consider(self, found_hz: float, level: Levels) -> None:
        if self._edge_hz is not None and abs(found_hz / self._edge_hz - 1) <= _SAME:
            self._held = 0
            return
        same = self._candidate_hz is not None and abs(found_hz / self._candidate_hz - 1) <= _SAME
        self._held = self._held + 1 if same and self._held else 1
        self._candidate_hz = found_hz
        if self._held >= (_HOLD_FIRST if self._edge_hz is None else _HOLD_NEW):
            self._edge_hz, self._held = found_hz, 0
            self._above_db = self._level_above(level, found_hz)

    def _level_above(self, level: Levels, edge_hz: float) -> float:
        """Return the mean level in dB of the third of an octave that begins a little above the edge."""
        first = min(int(1.1 * edge_hz / self._bin_hz) + 1, level.size - 1)
        return float(level[first : int(1.4 * edge_hz / self._bin_hz) + 2].mean())
