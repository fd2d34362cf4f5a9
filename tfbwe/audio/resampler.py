"""Changing the sample rate of a stream."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import soxr
from numpy.typing import NDArray

from ..errors import ConfigError

RESAMPLER_EDGE = 0.95
"""What a resampler keeps of a low-rate signal: -3 dB at this part of its Nyquist frequency."""


class Resampler:
    """Change the sample rate of a stream (soxr, very high quality), without delay from input to output.

    Parameters
    ----------
    in_rate, out_rate : int
        Rates in Hz, positive. Equal rates pass samples through untouched.
    channels : int
        Number of channels.

    Raises
    ------
    ConfigError
        If a rate or the number of channels is not positive.

    Notes
    -----
    Sample n of the output lies at the time of sample n * in_rate / out_rate of the input, and all output
    together is ``round(samples * out_rate / in_rate)`` long, whatever the block sizes. The band is kept up to
    0.95 of the lower Nyquist frequency (-3 dB; -0.1 dB at 0.933).
    """

    def __init__(self, in_rate: int, out_rate: int, channels: int) -> None:
        if min(in_rate, out_rate, channels) <= 0:
            raise ConfigError(
                f"resampler: expected positive rates and channels, received {in_rate} Hz, {out_rate} Hz,"
                f" {channels} channels"
            )
        self.in_rate, self.out_rate, self.channels = in_rate, out_rate, channels
        self._received = 0
        self._returned = 0
        self._stream = None
        if in_rate != out_rate:
            self._stream = soxr.ResampleStream(in_rate, out_rate, channels, dtype="float32", quality="VHQ")

    def process(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take in a block and return what is ready.

        Parameters
        ----------
        x : (channels, samples) float32
            Of any length, 0 included.

        Returns
        -------
        (channels, samples) float32
            Of any length, 0 included.
        """
        if self._stream is None:
            return x
        self._received += x.shape[1]
        y = self._stream.resample_chunk(np.ascontiguousarray(x.T, dtype=np.float32))
        self._returned += len(y)
        return np.ascontiguousarray(y.T)

    def flush(self) -> NDArray[np.float32]:
        """Return the rest, which brings the output to its exact length; call it once.

        Returns
        -------
        (channels, samples) float32
            The last samples.
        """
        rest = np.zeros((self.channels, 0), dtype=np.float32)
        if self._stream is None:
            return rest
        wanted = round(Fraction(self._received * self.out_rate, self.in_rate)) - self._returned
        tail = self._stream.resample_chunk(np.ascontiguousarray(rest.T), last=True).T[:, :wanted]
        return np.pad(tail, ((0, 0), (0, wanted - tail.shape[1])))
