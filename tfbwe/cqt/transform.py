"""Invertible constant-Q transform of a block: the non-stationary Gabor transform, in matrix form.

The block is transformed by one real FFT; each band takes the bins under its window, moves its centre to zero
and goes back to time by an inverse FFT of a length M that all bands share. The inverse transform runs the
same way back with the dual windows. `tfbwe.cqt.tables` makes the windows, `tfbwe.cqt.stream` cuts signals up.

Velasco, Holighaus, Dörfler, Grill, "Constructing an invertible constant-Q transform with nonstationary Gabor
frames", DAFx-11; Holighaus, Dörfler, Velasco, Grill, "A framework for invertible, real-time constant-Q
transforms", IEEE TASLP 21(4), 2013.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import AudioError
from ..stft import SAMPLE_RATE
from .tables import make_tables

BLOCK_LENGTH = 32768
BINS_PER_OCTAVE = 48
F_MIN = 64.0
F_MAX = 20500.0

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]

_FFT_HAS_OUT = int(np.__version__.split(".")[0]) >= 2
_fft: Any = np.fft


class CQT:
    """Constant-Q transform of blocks of one length, exactly invertible.

    Parameters
    ----------
    sample_rate : float
        Hz.
    block_length : int
        Samples in a block, N; even.
    bins_per_octave : int
        At least 1.
    f_min, f_max : float
        Hz; the lowest centre frequency, and a bound that the highest does not exceed. f_min must be two bins
        (2 * sample_rate / block_length) or more, and the highest window must end at the Nyquist frequency or
        below it.

    Attributes
    ----------
    frequencies : (bands,) float64
        Centre frequencies in Hz: 0, those of constant Q, those of the bands that fill up the rest of the
        spectrum, and the Nyquist frequency.
    constant_q : slice
        The bands at f_min * 2 ** (k / bins_per_octave), k = 0, 1, ...
    shape : (int, int)
        Frames M and bands K of a block's coefficients. Frame m stands at sample m * block_length / M.
    frame_bounds : (float, float)
        A and B with A * sum(x ** 2) <= sum(abs(forward(x)) ** 2) <= B * sum(x ** 2) for every block x.
        For any coefficients c, altered or not, sum(inverse(c) ** 2) <= sum(abs(c) ** 2) / A.
    tables : Tables
        For other implementations of the same transform.

    Raises
    ------
    ConfigError
        Parameters that cannot be inverted, with the reason and the way out.
    """

    def __init__(
        self,
        sample_rate: float = SAMPLE_RATE,
        block_length: int = BLOCK_LENGTH,
        bins_per_octave: int = BINS_PER_OCTAVE,
        f_min: float = F_MIN,
        f_max: float = F_MAX,
    ) -> None:
        self.tables = make_tables(sample_rate, block_length, bins_per_octave, f_min, f_max)
        self.sample_rate = sample_rate
        self.block_length = block_length
        self.bins_per_octave = bins_per_octave
        self.f_min = f_min
        self.f_max = f_max
        self.frequencies = self.tables.frequencies
        self.constant_q = self.tables.constant_q
        self.frame_bounds = self.tables.frame_bounds
        self.shape = (self.tables.frames, len(self.frequencies))
        # Where in the tables each band begins.
        frames, bands = self.shape
        self._starts = np.searchsorted(self.tables.slots // frames, np.arange(bands + 1))

    def forward(self, block: FloatArray) -> ComplexArray:
        """Coefficients of blocks. A full-scale sine at f_k has magnitude `SINE_MAGNITUDE` in band k.

        Parameters
        ----------
        block : (..., block_length) float32, nominally in [-1, 1]

        Returns
        -------
        (..., frames, bands) complex64
            A view on (..., bands, frames): the frames of a band lie together in memory.

        Raises
        ------
        AudioError
            Blocks of another length.
        """
        return self.bands(self.spectrum(block))

    def spectrum(self, block: FloatArray) -> ComplexArray:
        """First half of `forward`: what `bands` takes its bins from.

        Parameters
        ----------
        block : (..., block_length) float32, nominally in [-1, 1]

        Returns
        -------
        (..., block_length // 2 + 1) complex64

        Raises
        ------
        AudioError
            Blocks of another length.
        """
        if block.ndim == 0 or block.shape[-1] != self.block_length:
            raise AudioError(
                f"blocks of {self.block_length} samples were expected, an array of shape {block.shape} "
                "received; cut signals into blocks with tfbwe.cqt.stream"
            )
        return np.fft.rfft(np.asarray(block, np.float64), axis=-1).astype(np.complex64)

    def bands(self, spectrum: ComplexArray, which: slice = slice(None)) -> ComplexArray:
        """Second half of `forward`, for all bands or for some that lie together.

        Parameters
        ----------
        spectrum : (..., block_length // 2 + 1) complex64
        which : slice
            Of the bands, in steps of one.

        Returns
        -------
        (..., frames, bands) complex64
            A view on (..., bands, frames).
        """
        frames, bands = self.shape
        first, stop, _ = which.indices(bands)
        table = self.tables
        under = slice(self._starts[first], self._starts[stop])
        spectra = np.zeros((*spectrum.shape[:-1], (stop - first) * frames), np.complex64)
        slots = table.slots[under] - first * frames
        spectra[..., slots] = spectrum.take(table.bins[under], axis=-1) * table.window[under]
        return _inverse_fft(spectra.reshape(*spectrum.shape[:-1], -1, frames)).swapaxes(-1, -2)

    def inverse(self, coefficients: ComplexArray, which: slice = slice(None)) -> FloatArray:
        """Blocks of coefficients; altered ones give the block whose coefficients are nearest to them.

        Parameters
        ----------
        coefficients : (..., frames, bands) complex64
        which : slice
            The bands that they belong to, in steps of one; all others are taken to be zero.

        Returns
        -------
        (..., block_length) float32

        Raises
        ------
        AudioError
            Coefficients of another shape.
        """
        frames, bands = self.shape
        first, stop, _ = which.indices(bands)
        if coefficients.shape[-2:] != (frames, stop - first):
            raise AudioError(
                f"coefficients of shape (..., {frames}, {stop - first}) were expected, "
                f"{coefficients.shape} received; they belong to a transform with other parameters"
            )
        table = self.tables
        by_band = np.asarray(coefficients, np.complex64).swapaxes(-1, -2)
        spectra = np.zeros((*by_band.shape[:-2], bands, frames), np.complex64)
        # Without scaling, NumPy computes the FFT of complex64 in complex128, row by row: many times slower.
        spectra[..., first:stop, :] = np.fft.fft(by_band, axis=-1, norm="forward")
        spectra = spectra.reshape(*spectra.shape[:-2], -1)
        weighted = spectra.take(table.inverse_slots, axis=-1) * table.dual
        spectrum = np.add.reduceat(weighted, table.starts, axis=-1).astype(np.complex128)
        return np.fft.irfft(spectrum, n=self.block_length, axis=-1).astype(np.float32)


def _inverse_fft(rows: ComplexArray) -> ComplexArray:
    """Inverse FFT of every row, in place where NumPy can: memory is what it costs most."""
    if _FFT_HAS_OUT:
        _fft.ifft(rows, axis=-1, out=rows)
        return rows
    return np.fft.ifft(rows, axis=-1).astype(np.complex64)
