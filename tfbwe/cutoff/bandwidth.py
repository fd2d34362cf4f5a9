"""How far up a whole signal reaches."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..audio.resampler import RESAMPLER_EDGE
from ..errors import AudioError, ConfigError
from ..stft import SAMPLE_RATE
from .edge import FLOOR_DB, find_edge_hz
from .histogram import SILENCE_DB, Histogram, Levels

_FRAMES_AT_ONCE = 256


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
        x : (channels, samples) float32
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
        """The 95th percentile over time of each bin in dB, full-scale sine 0 dB, (bins,) float64."""
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


def highest_edge_hz(sample_rate: int) -> float:
    """Return up to where a received band counts: half the sample rate, or what resampling to 44.1 kHz keeps.

    Parameters
    ----------
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        In Hz. Taken for wider than it is, resampled music would keep a hole below its Nyquist frequency.
    """
    return (RESAMPLER_EDGE if sample_rate < SAMPLE_RATE else 1.0) * sample_rate / 2


def measure_band(blocks: Iterable[NDArray[np.float32]], sample_rate: int) -> tuple[float | None, str]:
    """Return where the received band of a signal ends, or why it cannot be found.

    Parameters
    ----------
    blocks : iterable of (channels, samples) float32
        The signal, or excerpts of it.
    sample_rate : int
        In Hz. Below 44.1 kHz the band ends at the resampler's edge, 0.95 of the Nyquist frequency, or before.

    Returns
    -------
    cutoff_hz : float or None
        In Hz, or ``None`` where the signal holds no samples, or at 44.1 kHz or more is silent, short or
        reaches up to its Nyquist frequency.
    why_none : str
        Why it is ``None``, else an empty string.
    """
    bandwidth = Bandwidth(sample_rate)
    samples = 0
    for block in blocks:
        bandwidth.update(block)
        samples += block.shape[1]
    if samples == 0:
        return None, "it holds no sound"
    edge_hz = bandwidth.cutoff_hz
    if sample_rate < SAMPLE_RATE:
        highest = highest_edge_hz(sample_rate)
        return (highest if edge_hz is None else min(edge_hz, highest)), ""
    if edge_hz is not None:
        return edge_hz, ""
    if samples < bandwidth.n_fft:
        return None, "it is too short to show where its band ends"
    if bandwidth.envelope_db.max() <= FLOOR_DB:
        return None, "it is silent"
    return None, "the spectrum has no edge"
