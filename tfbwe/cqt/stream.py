"""Constant-Q transform of signals of any length: windowed blocks that overlap, fed in pieces of any size.

Blocks begin every `block_length - overlap` samples. The window is the square root of a Tukey window and is
applied twice, before the analysis and after the synthesis: its squares sum to one, so that unaltered blocks
give the signal back, and what an alteration carries around the ends of a block, whose bands are circular, is
faded out. The first block begins `overlap` samples before the signal, in silence, so that every sample is
covered fully. A block is always transformed by itself: the size of the pieces changes no bit of the result.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import numpy as np

from ..errors import AudioError, ConfigError
from .transform import CQT, ComplexArray, FloatArray


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
    """How blocks lie in a signal: what cutting and overlapping them have in common."""

    def __init__(self, block_length: int, channels: int, overlap: int | None = None) -> None:
        self.block_length = block_length
        self.channels = channels
        self.overlap = default_overlap(block_length) if overlap is None else overlap
        self.hop_length = block_length - self.overlap
        self.window = block_window(block_length, self.overlap)
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Forget the past."""


class _Cutter(_Blocks):
    """Blocks of a signal; the first begins `overlap` samples before it."""

    def reset(self) -> None:
        """Forget all input."""
        self._block = np.zeros((self.channels, self.block_length), np.float32)
        self._filled = self.overlap

    def process(self, x: FloatArray) -> Iterator[FloatArray]:
        """Take the next samples; yield each block that they complete, which is overwritten after that."""
        if x.ndim != 2 or x.shape[0] != self.channels:
            raise AudioError(f"an array ({self.channels}, samples) was expected, {x.shape} received")
        taken = 0
        while taken < x.shape[1]:
            count = min(x.shape[1] - taken, self.block_length - self._filled)
            self._block[:, self._filled : self._filled + count] = x[:, taken : taken + count]
            self._filled += count
            taken += count
            if self._filled == self.block_length:
                yield self._block
                self._block[:, : self.overlap] = self._block[:, self.hop_length :]
                self._filled = self.overlap


class _OverlapAdd(_Blocks):
    """Signal of blocks."""

    def reset(self) -> None:
        """Forget all blocks."""
        self._tail = np.zeros((self.channels, self.overlap), np.float32)

    def process(self, block: FloatArray) -> FloatArray:
        """Window the next block; return (channels, hop_length) samples that are finished."""
        block = block * self.window
        block[:, : self.overlap] += self._tail
        self._tail = block[:, self.hop_length :].copy()
        return block[:, : self.hop_length]


class CQTAnalysis:
    """Coefficients of a signal, block by block.

    Parameters
    ----------
    cqt : CQT
    channels : int
    overlap : int, optional
        Samples, see `block_window`; a quarter of a block by default.
    """

    def __init__(self, cqt: CQT, channels: int, overlap: int | None = None) -> None:
        self.cqt = cqt
        self._cutter = _Cutter(cqt.block_length, channels, overlap)

    def reset(self) -> None:
        """Forget all input."""
        self._cutter.reset()

    def process(self, x: FloatArray) -> list[ComplexArray]:
        """Take the next samples, (channels, any number) float32; return the blocks that they complete.

        Block b covers samples b * hop_length - overlap up to (b + 1) * hop_length of the signal; its
        coefficients are (channels, frames, bands) complex64. At the end, `block_length` samples of silence
        bring out every block that the signal reaches.
        """
        return [self.cqt.forward(block * self._cutter.window) for block in self._cutter.process(x)]


class CQTSynthesis:
    """Signal of coefficients, block by block; the counterpart of `CQTAnalysis`, with the same parameters."""

    def __init__(self, cqt: CQT, channels: int, overlap: int | None = None) -> None:
        self.cqt = cqt
        self._sum = _OverlapAdd(cqt.block_length, channels, overlap)

    def reset(self) -> None:
        """Forget all blocks."""
        self._sum.reset()

    def process(self, coefficients: ComplexArray) -> FloatArray:
        """Take the next block, (channels, frames, bands); return (channels, hop_length) finished samples.

        The samples of block b are those from b * hop_length - overlap on: the first `overlap` samples of all
        precede the signal.
        """
        return self._sum.process(self.cqt.inverse(coefficients))


class BlockStream:
    """Signals in pieces of any size, cut into blocks that overlap, altered, and put together again.

    Parameters
    ----------
    block_length : int
        Samples.
    channels : int
    alter : callable
        Given each block in turn, (channels, block_length) float32, without a window and valid during the
        call only, returns another; it is windowed afterwards.
    overlap : int, optional
        Samples, see `block_window`; a quarter of a block by default.

    Attributes
    ----------
    latency : int
        Samples by which the output is later than the input: `block_length`.
    overlap, hop_length : int
        Samples that blocks share, and from one's start to the next one's.
    window : (block_length,) float32
        For `alter`: what it returns for a block times this window adds up to the signal again.
    """

    def __init__(
        self,
        block_length: int,
        channels: int,
        alter: Callable[[FloatArray], FloatArray],
        overlap: int | None = None,
    ) -> None:
        self._cutter = _Cutter(block_length, channels, overlap)
        self._sum = _OverlapAdd(block_length, channels, overlap)
        self._alter = alter
        self.channels = channels
        self.latency = block_length
        self.overlap = self._cutter.overlap
        self.hop_length = self._cutter.hop_length
        self.window = self._cutter.window
        self.reset()

    def reset(self) -> None:
        """Begin a new signal."""
        self._cutter.reset()
        self._sum.reset()
        hop = self.hop_length
        # The first block begins `overlap` samples early; silence makes up the rest of the latency.
        self._ready = np.zeros((self.channels, 2 * hop), np.float32)
        self._start, self._end = 0, hop

    def process(self, x: FloatArray) -> FloatArray:
        """Take the next samples, (channels, any number) float32; return as many, later by `latency`."""
        hop = self.hop_length
        out = np.empty(x.shape, np.float32)
        for first in range(0, x.shape[-1], hop):
            piece = x[..., first : first + hop]
            for block in self._cutter.process(piece):
                self._append(self._sum.process(self._alter(block)))
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


class CQTStream(BlockStream):
    """`BlockStream` whose blocks are altered as coefficients.

    Parameters
    ----------
    cqt : CQT
    channels : int
    alter : callable
        Given the coefficients of each block in turn, (channels, frames, bands) complex64, returns others.
    overlap : int, optional
        Samples, see `block_window`; a quarter of a block by default.
    """

    def __init__(
        self,
        cqt: CQT,
        channels: int,
        alter: Callable[[ComplexArray], ComplexArray],
        overlap: int | None = None,
    ) -> None:
        def altered(block: FloatArray) -> FloatArray:
            return cqt.inverse(alter(cqt.forward(block * self.window)))

        super().__init__(cqt.block_length, channels, altered, overlap)


def alter_signal(
    cqt: CQT, x: FloatArray, alter: Callable[[ComplexArray], ComplexArray], overlap: int | None = None
) -> FloatArray:
    """Whole signals, (channels, samples) float32, through `CQTStream`; the latency is taken out again."""
    stream = CQTStream(cqt, x.shape[0], alter, overlap)
    return np.concatenate([stream.process(x), stream.flush()], axis=1)[:, stream.latency :]
