"""Samples that come out later than they went in."""

from __future__ import annotations

import numpy as np

from ..stft import FloatArray


class Delay:
    """A ring of samples: each block pushes out as many as it brings.

    Parameters
    ----------
    channels, samples : int
        Both at least 1; `samples` is the delay.
    value : float
        What comes out before the first sample.
    """

    def __init__(self, channels: int, samples: int, value: float = 0.0) -> None:
        self._ring = np.full((channels, samples), value, np.float32)
        self._at = 0

    def process(self, x: FloatArray) -> FloatArray:
        """Take in (channels, any number) float32 and return as many, later by the delay."""
        out = np.empty_like(x)
        length = self._ring.shape[1]
        done = 0
        while done < x.shape[1]:
            count = min(x.shape[1] - done, length - self._at)
            place, part = slice(self._at, self._at + count), slice(done, done + count)
            out[:, part] = self._ring[:, place]
            self._ring[:, place] = x[:, part]
            self._at = (self._at + count) % length
            done += count
        return out
