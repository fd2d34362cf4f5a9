"""How far up a stream reaches, frame by frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError, ConfigError
from .edge import find_edge_hz
from .histogram import SILENCE_DB, Histogram, Levels

_COUNT_EVERY = 4
_SAME = 0.06
_HOLD_FIRST = 2
_HOLD_NEW = 3
_NEW_CONTENT_DB = 12.0


class CutoffTracker:
    """Follow the edge of a stream, frame by frame.

    Every fourth frame is counted and older frames are forgotten exponentially. Once a second of counted
    frames, or every two seconds once an edge is known, the edge is searched anew. The first edge must be
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
        power : (channels, bins) float
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
            self._histogram.fade(self._kept)

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
