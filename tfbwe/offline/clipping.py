"""Keeping a sum in an integer format's range by lowering what was added, and only that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHUNK = 8192
HALF_WINDOW_S = 0.0025


class SoftClip:
    """Lower a high band, softly, where received signal plus high band would leave a range.

    The gain is the same in all channels, so that the image stays. It is 1 wherever nothing near leaves the
    range, and moves along a raised-cosine slope of 5 ms around what does. The sum leaves the range only
    where the received signal itself does.

    Parameters
    ----------
    channels : int
        Number of channels.
    sample_rate : int
        In Hz.
    limit : float
        Greatest absolute value of the range.

    Attributes
    ----------
    places : int
        Separate stretches lowered so far.
    lowered_samples : int
        Samples per channel with a gain below 1 so far.

    Notes
    -----
    With g the greatest gain each sample allows, the minimum of g over a window, smoothed by weights of the
    same window that sum to 1, never exceeds g. Work is done in chunks at fixed places of the stream, so that
    block sizes change no bit.
    """

    def __init__(self, channels: int, sample_rate: int, limit: float) -> None:
        self.limit = float(np.float32(min(limit, 1.0 - 2.0**-23)))
        self.places = 0
        self.lowered_samples = 0
        self._half = max(1, round(HALF_WINDOW_S * sample_rate))
        weights = np.hanning(2 * self._half + 3)[1:-1]
        self._weights = weights / weights.sum()
        self._received = np.zeros((channels, 0), dtype=np.float32)
        self._total = np.zeros((channels, 0), dtype=np.float32)
        self._allowed = np.ones(2 * self._half)
        self._was_lowered = False

    def process(self, received: NDArray[np.float32], total: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take in a block and return what is ready.

        Parameters
        ----------
        received : (channels, samples) float32
            The received signal.
        total : (channels, samples) float32
            Received signal plus high band.

        Returns
        -------
        (channels, samples) float32
            Received signal plus lowered high band; of any length, as the gain goes by what comes next.
        """
        self._received = np.concatenate([self._received, received], axis=1)
        self._total = np.concatenate([self._total, total], axis=1)
        self._allowed = np.concatenate([self._allowed, self._allowed_gain(received, total)])
        ready = max(0, self._total.shape[1] - 2 * self._half) // CHUNK
        return self._take([CHUNK] * ready)

    def flush(self) -> NDArray[np.float32]:
        """Return the rest.

        Returns
        -------
        (channels, samples) float32
            The last samples.
        """
        left = self._total.shape[1]
        self._allowed = np.concatenate([self._allowed, np.ones(CHUNK + 2 * self._half)])
        return self._take([CHUNK] * (left // CHUNK) + [left % CHUNK])

    def _allowed_gain(self, received: NDArray[np.float32], total: NDArray[np.float32]) -> NDArray[np.float64]:
        allowed = np.ones(total.shape[1])
        beyond = np.nonzero((np.abs(total) > self.limit).any(axis=0))[0]
        if beyond.size:
            r, t = received[:, beyond].astype(np.float64), total[:, beyond].astype(np.float64)
            high = t - r
            # Lower only what pushes outwards: where the received signal is out, the high band may lead back.
            outwards = (np.abs(t) > self.limit) & (high * np.sign(t) > 0)
            room = np.maximum(self.limit - r * np.sign(t), 0.0)
            gain = np.where(outwards, room / np.maximum(np.abs(high), 1e-30), 1.0)
            allowed[beyond] = np.clip(gain, 0.0, 1.0).min(axis=0)
        return allowed

    def _take(self, lengths: list[int]) -> NDArray[np.float32]:
        done = [np.zeros((self._total.shape[0], 0), dtype=np.float32)]
        for length in lengths:
            received, total = self._received[:, :length], self._total[:, :length]
            context = self._allowed[: CHUNK + 4 * self._half]
            if (context < 1.0).any():
                total = self._lower(received, total, context)
            else:
                self._was_lowered = False
            done.append(total)
            self._received, self._total = self._received[:, length:], self._total[:, length:]
            self._allowed = self._allowed[length:]
        return np.concatenate(done, axis=1)

    def _lower(
        self, received: NDArray[np.float32], total: NDArray[np.float32], context: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        window = 2 * self._half + 1
        lowest = np.lib.stride_tricks.sliding_window_view(context, window).min(axis=1)
        gain = (np.lib.stride_tricks.sliding_window_view(lowest, window) @ self._weights)[: total.shape[1]]
        lowered = gain < 1.0 - 1e-9
        if lowered.size:
            self.lowered_samples += int(lowered.sum())
            starts = np.count_nonzero(lowered[1:] & ~lowered[:-1])
            self.places += int(starts) + int(lowered[0] and not self._was_lowered)
            self._was_lowered = bool(lowered[-1])
        r = received.astype(np.float64)
        y = (r + gain * (total - r)).astype(np.float32)
        inside = np.abs(received) <= self.limit
        y = np.where(inside, np.clip(y, -self.limit, self.limit), y)
        return np.where(lowered, y, total)
