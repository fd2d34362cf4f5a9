"""Constant-Q transform of signals of any length: windowed blocks that overlap, fed in pieces of any size.

Blocks begin every `block_length - overlap` samples. The window is the square root of a Tukey window and is
applied twice, before the analysis and after the synthesis: its squares sum to one, so that unaltered blocks
give the signal back, and what an alteration carries around the ends of a block, whose bands are circular, is
faded out. The first block begins `overlap` samples before the signal, in silence, so that every sample is
covered fully. A block is always transformed by itself: the size of the pieces changes no bit of the result.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from tfbwe.cqt import CQT, ComplexArray, FloatArray
from tfbwe.errors import AudioError, ConfigError


def default_overlap(block_length: int) -> int:
    """Samples that blocks share unless said otherwise: a quarter."""
    return max(1, block_length // 4)


def block_window(block_length: int, overlap: int) -> FloatArray:
    """Square root of a Tukey window; its squares, `block_length - overlap` samples apart, sum to one.

    Parameters
    ----------
    block_length : int
        Samples.
    overlap : int
        Samples of fade at either end, 1 to block_length // 2.

    Returns
    -------
    (block_length,) float32, in [0, 1]

    Raises
    ------
    ConfigError
        An overlap outside its range.
    """
    if overlap != int(overlap) or not 1 <= overlap <= block_length // 2:
        raise ConfigError(
            f"overlap must be 1 to {block_length // 2} samples, half a block, at most; received {overlap}"
        )
    window = np.ones(block_length)
    window[:overlap] = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / overlap)
    window[block_length - overlap :] = window[:overlap][::-1]
    return window.astype(np.float32)


class _Blocks(ABC):
    """How blocks lie in a signal: what analysis and synthesis have in common."""

    def __init__(self, cqt: CQT, channels: int, overlap: int | None = None) -> None:
        self.cqt = cqt
        self.channels = channels
        self.overlap = default_overlap(cqt.block_length) if overlap is None else overlap
        self.hop_length = cqt.block_length - self.overlap
        self._window = block_window(cqt.block_length, self.overlap)
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Forget the past."""


class CQTAnalysis(_Blocks):
    """Coefficients of a signal, block by block.

    Parameters
    ----------
    cqt : CQT
    channels : int
    overlap : int, optional
        Samples, see `block_window`; a quarter of a block by default.
    """

    def reset(self) -> None:
        """Forget all input."""
        self._block = np.zeros((self.channels, self.cqt.block_length), np.float32)
        self._filled = self.overlap

    def process(self, x: FloatArray) -> list[ComplexArray]:
        """Take the next samples, (channels, any number) float32; return the blocks that they complete.

        Block b covers samples b * hop_length - overlap up to (b + 1) * hop_length of the signal; its
        coefficients are (channels, frames, bands) complex64. At the end, `block_length` samples of silence
        bring out every block that the signal reaches.
        """
        if x.ndim != 2 or x.shape[0] != self.channels:
            raise AudioError(f"an array ({self.channels}, samples) was expected, {x.shape} received")
        blocks = []
        taken = 0
        while taken < x.shape[1]:
            count = min(x.shape[1] - taken, self.cqt.block_length - self._filled)
            self._block[:, self._filled : self._filled + count] = x[:, taken : taken + count]
            self._filled += count
            taken += count
            if self._filled == self.cqt.block_length:
                blocks.append(self.cqt.forward(self._block * self._window))
                self._block[:, : self.overlap] = self._block[:, self.hop_length :]
                self._filled = self.overlap
        return blocks


class CQTSynthesis(_Blocks):
    """Signal of coefficients, block by block; the counterpart of `CQTAnalysis`, with the same parameters."""

    def reset(self) -> None:
        """Forget all blocks."""
        self._tail = np.zeros((self.channels, self.overlap), np.float32)

    def process(self, coefficients: ComplexArray) -> FloatArray:
        """Take the next block, (channels, frames, bands); return (channels, hop_length) finished samples.

        The samples of block b are those from b * hop_length - overlap on: the first `overlap` samples of all
        precede the signal.
        """
        block = self.cqt.inverse(coefficients) * self._window
        block[:, : self.overlap] += self._tail
        self._tail = block[:, self.hop_length :].copy()
        return block[:, : self.hop_length]


class CQTStream:
    """Analysis, an alteration of the coefficients, and synthesis, for signals in pieces of any size.

    Parameters
    ----------
    cqt : CQT
    channels : int
    alter : callable
        Given the coefficients of each block in turn, (channels, frames, bands) complex64, returns others.
    overlap : int, optional
        Samples, see `block_window`; a quarter of a block by default.

    Attributes
    ----------
    latency : int
        Samples by which the output is later than the input: `block_length`.
    """

    def __init__(
        self,
        cqt: CQT,
        channels: int,
        alter: Callable[[ComplexArray], ComplexArray],
        overlap: int | None = None,
    ) -> None:
        self._analysis = CQTAnalysis(cqt, channels, overlap)
        self._synthesis = CQTSynthesis(cqt, channels, overlap)
        self._alter = alter
        self.channels = channels
        self.latency = cqt.block_length
        self.reset()

    def reset(self) -> None:
        """Begin a new signal."""
        self._analysis.reset()
        self._synthesis.reset()
        hop = self._analysis.hop_length
        # Synthesis begins `overlap` samples before the signal; silence makes up the rest of the latency.
        self._ready = np.zeros((self.channels, 2 * hop), np.float32)
        self._start, self._end = 0, hop

    def process(self, x: FloatArray) -> FloatArray:
        """Take the next samples, (channels, any number) float32; return as many, later by `latency`."""
        hop = self._analysis.hop_length
        out = np.empty(x.shape, np.float32)
        for first in range(0, x.shape[-1], hop):
            piece = x[..., first : first + hop]
            for coefficients in self._analysis.process(piece):
                self._append(self._synthesis.process(self._alter(coefficients)))
            count = piece.shape[1]
            out[:, first : first + count] = self._ready[:, self._start : self._start + count]
            self._start += count
        return out

    def flush(self) -> FloatArray:
        """Return the last `latency` samples, (channels, latency) float32, as after that much silence."""
        return self.process(np.zeros((self.channels, self.latency), np.float32))

    def _append(self, samples: FloatArray) -> None:
        left = self._end - self._start
        self._ready[:, :left] = self._ready[:, self._start : self._end]
        self._ready[:, left : left + samples.shape[1]] = samples
        self._start, self._end = 0, left + samples.shape[1]


def alter_signal(
    cqt: CQT, x: FloatArray, alter: Callable[[ComplexArray], ComplexArray], overlap: int | None = None
) -> FloatArray:
    """Whole signals, (channels, samples) float32, through `CQTStream`; the latency is taken out again."""
    stream = CQTStream(cqt, x.shape[0], alter, overlap)
    return np.concatenate([stream.process(x), stream.flush()], axis=1)[:, stream.latency :]
