"""Invertible constant-Q transform of a block: the non-stationary Gabor transform, in matrix form.

The block is transformed by one real FFT. Band k takes the bins under a Hann window around f_k, as wide as from
f_(k-1) to f_(k+1) (so that its Q is constant), moves f_k to zero and goes back to time by an inverse FFT of a
length M that all bands share. Plateaus complete the bands at 0 Hz and at the Nyquist frequency. No window has
more than M bins (the painless case), so the frame operator is diagonal and dividing by it inverts exactly.

M follows from the widest constant-Q band. Where more than M bins lie between `f_max` and the Nyquist frequency,
or below `f_min`, several plateaus share them: that costs a few bands, a longer M would cost all of them more.
Windows are never narrower than four bins; below the frequency where that is reached Q falls.

Velasco, Holighaus, Dörfler, Grill, "Constructing an invertible constant-Q transform with nonstationary Gabor
frames", DAFx-11; Holighaus, Dörfler, Velasco, Grill, IEEE TASLP 21(4), 2013. Lengths and centres of the windows
are rounded as in its authors' Python package `nsgt`, whose coefficients of constant Q are these times a constant.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tfbwe.errors import AudioError, ConfigError
from tfbwe.stft import N_FFT, SAMPLE_RATE

BLOCK_LENGTH = 32768
SINE_MAGNITUDE = N_FFT / math.pi
"""Magnitude in band k of a full-scale sine at f_k: that of the STFT, so that features share their constants."""

_MIN_BINS = 4

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]
IntArray = npt.NDArray[np.int64]
_Wide = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """The transform as gathers and scatters; T is the number of bins under all windows together.

    Attributes
    ----------
    bins, slots : (T,) int64
        Entry t carries bin `bins[t]` of the block's spectrum to place `slots[t]` of the spectra of the bands,
        (bands, frames) flattened.
    window : (T,) float32
        Its weight, including the normalisation.
    inverse_slots : (T,) int64
        `slots` sorted by bin.
    dual : (T,) float32
        Weights of the way back, in the same order.
    starts : (block_length // 2 + 1,) int64
        Where in that order each bin begins.
    """

    bins: IntArray
    slots: IntArray
    window: FloatArray
    inverse_slots: IntArray
    dual: FloatArray
    starts: IntArray


class CQT:
    """Constant-Q transform of blocks of one length, exactly invertible.

    Parameters
    ----------
    sample_rate : int
        Hz.
    block_length : int
        Samples in a block, N; even.
    bins_per_octave : int
        At least 1.
    f_min, f_max : float
        Hz; the lowest centre frequency, and a bound that the highest does not exceed. f_min must be two bins
        (2 * sample_rate / block_length) or more, and the highest window must end below the Nyquist frequency.

    Attributes
    ----------
    frequencies : (bands,) float64
        Centre frequencies in Hz, from 0 to the Nyquist frequency.
    constant_q : slice
        The bands whose Q is constant: f_min * 2 ** (k / bins_per_octave), k = 0, 1, ...
    shape : (int, int)
        Frames M and bands K of a block's coefficients. Frame m stands at sample m * block_length / M.
    frame_bounds : (float, float)
        A and B with A * sum(x ** 2) <= sum(abs(forward(x)) ** 2) <= B * sum(x ** 2) for every block x.
        For any coefficients c, altered or not, sum(inverse(c) ** 2) <= sum(abs(c) ** 2) / A.
    tables : Tables

    Raises
    ------
    ConfigError
        Parameters that cannot be inverted, with the reason and the way out.
    """

    def __init__(
        self,
        sample_rate: int = SAMPLE_RATE,
        block_length: int = BLOCK_LENGTH,
        bins_per_octave: int = 48,
        f_min: float = 55.0,
        f_max: float = 20500.0,
    ) -> None:
        _check_numbers(sample_rate, block_length, bins_per_octave, f_min, f_max)
        self.sample_rate = sample_rate
        self.block_length = block_length
        self.bins_per_octave = bins_per_octave
        self.f_min = float(f_min)
        self.f_max = float(f_max)
        count = math.floor(bins_per_octave * math.log2(f_max / f_min) + 1e-9) + 1
        hertz = f_min * 2.0 ** (np.arange(count) / bins_per_octave)
        hz_per_bin = sample_rate / block_length
        centres, lengths = _constant_q_bins(hertz, hz_per_bin, bins_per_octave, block_length)
        frames = _good_length(int(lengths.max()))
        low = _plateaus(int(centres[0]), int(lengths[0]), frames)
        high = _plateaus(block_length // 2 - int(centres[-1]), int(lengths[-1]), frames)
        bands = [_mirrored(band, int(centres[0])) for band in reversed(low)]
        bands += [_hann(int(centre), int(length)) for centre, length in zip(centres, lengths, strict=True)]
        bands += [_shifted(band, int(centres[-1])) for band in high]
        self.constant_q = slice(len(low), len(low) + count)
        self.frequencies: npt.NDArray[np.float64] = np.array([band.centre * hz_per_bin for band in bands])
        self.frequencies[self.constant_q] = hertz
        self.shape = (frames, len(bands))
        self.tables, self.frame_bounds = _tables(bands, block_length, frames)

    def forward(self, block: FloatArray) -> ComplexArray:
        """Coefficients of blocks.

        Parameters
        ----------
        block : (..., block_length) float32, nominally in [-1, 1]

        Returns
        -------
        (..., frames, bands) complex64
            A view on (..., bands, frames): bands lie together in memory.
        """
        if block.ndim == 0 or block.shape[-1] != self.block_length:
            raise AudioError(
                f"blocks of {self.block_length} samples were expected, an array of shape {block.shape} "
                "received; split signals with tfbwe.cqt_stream"
            )
        frames, bands = self.shape
        table = self.tables
        spectrum = np.fft.rfft(np.asarray(block, np.float64), axis=-1).astype(np.complex64)
        spectra = np.zeros((*block.shape[:-1], bands * frames), np.complex64)
        spectra[..., table.slots] = spectrum[..., table.bins] * table.window
        spectra = spectra.reshape(*block.shape[:-1], bands, frames)
        coefficients: ComplexArray = np.fft.ifft(spectra, axis=-1).astype(np.complex64, copy=False)
        return coefficients.swapaxes(-1, -2)

    def inverse(self, coefficients: ComplexArray) -> FloatArray:
        """Blocks of coefficients; altered ones give the block whose coefficients are nearest to them.

        Parameters
        ----------
        coefficients : (..., frames, bands) complex64

        Returns
        -------
        (..., block_length) float32
        """
        if coefficients.shape[-2:] != self.shape:
            raise AudioError(
                f"coefficients of shape (..., {self.shape[0]}, {self.shape[1]}) were expected, "
                f"{coefficients.shape} received; they are those of another transform"
            )
        table = self.tables
        by_band = np.ascontiguousarray(coefficients.swapaxes(-1, -2), np.complex64)
        # Unscaled FFTs of complex64 are many times slower: NumPy casts each row to complex128 and back.
        spectra = np.fft.fft(by_band, axis=-1, norm="forward").astype(np.complex64, copy=False)
        spectra = spectra.reshape(*spectra.shape[:-2], -1)
        weighted = spectra[..., table.inverse_slots] * table.dual
        spectrum = np.add.reduceat(weighted, table.starts, axis=-1).astype(np.complex128)
        return np.fft.irfft(spectrum, n=self.block_length, axis=-1).astype(np.float32)


@dataclass(frozen=True)
class _Band:
    """Bins `first`, `first` + 1, ... under a window; `centre` is the bin that moves to zero."""

    centre: int
    first: int
    window: _Wide


def _check_numbers(
    sample_rate: int, block_length: int, bins_per_octave: int, f_min: float, f_max: float
) -> None:
    if not (math.isfinite(sample_rate) and sample_rate > 0):
        raise ConfigError(f"sample_rate must be above 0 Hz, received {sample_rate}")
    if block_length != int(block_length) or block_length < 2 * _MIN_BINS or block_length % 2:
        raise ConfigError(
            f"block_length must be an even number of {2 * _MIN_BINS} samples or more, received {block_length}"
        )
    if bins_per_octave != int(bins_per_octave) or bins_per_octave < 1:
        raise ConfigError(f"bins_per_octave must be a whole number of at least 1, received {bins_per_octave}")
    if not (math.isfinite(f_min) and math.isfinite(f_max) and 0 < f_min <= f_max):
        raise ConfigError(f"0 < f_min <= f_max was expected, received f_min={f_min} and f_max={f_max}")


def _constant_q_bins(
    hertz: _Wide, hz_per_bin: float, bins_per_octave: int, block_length: int
) -> tuple[IntArray, IntArray]:
    """Centre and length in bins of every constant-Q window, (count,) int64 each."""
    centres = np.rint(hertz / hz_per_bin).astype(np.int64)
    step = 2.0 ** (1 / bins_per_octave)
    lengths = np.rint(hertz * (step - 1 / step) / hz_per_bin).astype(np.int64)
    if centres[0] < _MIN_BINS // 2:
        raise ConfigError(
            f"f_min={hertz[0]:g} Hz lies less than two bins of {hz_per_bin:.4g} Hz above 0 Hz, so that its "
            f"window would reach below it; raise f_min to {2 * hz_per_bin:.4g} Hz or lengthen the block"
        )
    if lengths[-1] < _MIN_BINS:
        raise ConfigError(
            f"the widest of {bins_per_octave} bands an octave has {lengths[-1]} bins of {hz_per_bin:.4g} Hz "
            f"and needs {_MIN_BINS}; lengthen the block, raise f_max or take fewer bins_per_octave"
        )
    lengths = np.maximum(lengths, _MIN_BINS)
    if 2 * centres[-1] + lengths[-1] > block_length:
        nyquist = block_length * hz_per_bin / 2
        raise ConfigError(
            f"the window of the band at {hertz[-1]:.6g} Hz reaches beyond the Nyquist frequency of "
            f"{nyquist:g} Hz; lower f_max to {nyquist / (1 + (step - 1 / step) / 2) - hz_per_bin:.6g} Hz"
        )
    return centres, lengths


def _good_length(at_least: int) -> int:
    """Smallest even product of 2, 3, 5 and 7 that is not below a length: FFTs of it are fast."""
    length = at_least + at_least % 2
    while True:
        rest = length
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 2


def _hann(centre: int, length: int) -> _Band:
    reach = (length - 1) // 2
    offsets = np.arange(-reach, reach + 1)
    return _Band(centre, centre - reach, 0.5 + 0.5 * np.cos(2 * np.pi * offsets / length))


def _plateaus(gap: int, length: int, frames: int) -> list[_Band]:
    """Bands that complete a Hann window at bin 0 to a sum of one, up to bin `gap`, each of `frames` bins or less.

    Each rises where the one before it falls, as half that Hann window. The last is centred at `gap`.
    """
    rise = -(-length // 2)
    spacing = frames - rise
    splits = max(0, -(-(gap - frames) // spacing))
    bands = []
    for start in range(0, splits * spacing, spacing):
        bins = np.arange(start + 1, start + frames)
        window = _risen(bins - start, length) - _risen(bins - start - spacing, length)
        bands.append(_Band(start + frames // 2, start + 1, window))
    bins = np.arange(splits * spacing + 1, gap + 1)
    return [*bands, _Band(gap, splits * spacing + 1, _risen(bins - splits * spacing, length))]


def _risen(offsets: IntArray, length: int) -> _Wide:
    """Half a Hann window's rise: 0 up to offset 0, 1 from length / 2 on."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.clip(offsets, 0, length / 2) / length)


def _shifted(band: _Band, by: int) -> _Band:
    return _Band(band.centre + by, band.first + by, band.window)


def _mirrored(band: _Band, around: int) -> _Band:
    return _Band(around - band.centre, around - band.first - len(band.window) + 1, band.window[::-1])


def _tables(bands: list[_Band], block_length: int, frames: int) -> tuple[Tables, tuple[float, float]]:
    """Tables and frame bounds of windows; equation 6 of DAFx-11 is `power`."""
    bins = np.concatenate([band.first + np.arange(len(band.window)) for band in bands])
    offsets = bins - np.concatenate([np.full(len(band.window), band.centre) for band in bands])
    slots = np.concatenate([np.full(len(band.window), k * frames) for k, band in enumerate(bands)])
    slots += offsets % frames
    window = np.concatenate([band.window for band in bands])
    # These two bins are their own mirror images: at half the power they count as much as the others.
    window[(bins == 0) | (bins == block_length // 2)] *= math.sqrt(0.5)
    window *= SINE_MAGNITUDE * 2 * frames / block_length
    power = np.bincount(bins, window**2, block_length // 2 + 1)
    order = np.argsort(bins, kind="stable")
    starts = np.searchsorted(bins[order], np.arange(block_length // 2 + 1))
    table = Tables(
        bins=bins,
        slots=slots,
        window=window.astype(np.float32),
        inverse_slots=slots[order],
        dual=(frames * window / power[bins])[order].astype(np.float32),
        starts=starts.astype(np.int64),
    )
    power[[0, -1]] *= 2
    scale = block_length / (2 * frames)
    return table, (float(power.min()) * scale, float(power.max()) * scale)
