"""Windows, dual windows and frame bounds of the constant-Q transform, as tables of gathers and scatters.

Band k takes the bins of a block's spectrum under a Hann window around f_k, as wide as from f_(k-1) to
f_(k+1): its Q is constant. No window is narrower than four bins; below the frequency where that is so Q
falls. Plateaus complete the bands at 0 Hz and at the Nyquist frequency. M, the frames of every band, follows
from the widest constant-Q band. Where more than M bins lie between the highest of these and the Nyquist
frequency, or below the lowest, several plateaus share them: a few more bands cost less than a longer M.

So no window has more than M bins (the painless case): the frame operator is diagonal over bins, and dividing
by it inverts exactly. Lengths and centres are rounded as in `nsgt`, the Python package of the same transform.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..stft import N_FFT

SINE_MAGNITUDE = N_FFT / math.pi
"""Magnitude in band k of a full-scale sine at f_k: as in the STFT, so that features share their constants."""

_MIN_BINS = 4

IntArray = npt.NDArray[np.int64]
_Single = npt.NDArray[np.float32]
_Double = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """What forward and inverse transform need; T is the number of bins under all windows together.

    Attributes
    ----------
    frames : int
        M, even.
    frequencies : (bands,) float64
        Hz.
    constant_q : slice
        The bands between the plateaus.
    frame_bounds : (float, float)
    bins, slots : (T,) int64
        Entry t carries bin `bins[t]` of the block's spectrum to place `slots[t]` of the spectra of the bands,
        (bands, frames) flattened.
    window : (T,) float32
        Its weight, including the normalisation.
    inverse_bins, inverse_slots : (T,) int64
        `bins` and `slots` sorted by bin.
    dual : (T,) float32
        Weights of the way back, in that order, for spectra divided by M.
    starts : (block_length // 2 + 1,) int64
        Where in that order each bin begins.
    """

    frames: int
    frequencies: _Double
    constant_q: slice
    frame_bounds: tuple[float, float]
    bins: IntArray
    slots: IntArray
    window: _Single
    inverse_bins: IntArray
    inverse_slots: IntArray
    dual: _Single
    starts: IntArray


@dataclass(frozen=True)
class _Band:
    """Bins `first`, `first` + 1, ... under a window; `centre` is the bin that moves to zero."""

    centre: int
    first: int
    window: _Double


def make_tables(
    sample_rate: float, block_length: int, bins_per_octave: int, f_min: float, f_max: float
) -> Tables:
    """Tables of a transform; the parameters are those of `tfbwe.cqt.CQT`.

    Raises
    ------
    ConfigError
        Parameters that cannot be inverted, with the reason and the way out.
    """
    _check_numbers(sample_rate, block_length, bins_per_octave, f_min, f_max)
    hz_per_bin = sample_rate / block_length
    hertz = _geometric(hz_per_bin, block_length, bins_per_octave, f_min, f_max)
    step = 2.0 ** (1 / bins_per_octave)
    centres = [round(f / hz_per_bin) for f in hertz]
    lengths = [max(_MIN_BINS, round(f * (step - 1 / step) / hz_per_bin)) for f in hertz]
    frames = _fast_length(max(lengths))
    low = _plateaus(centres[0], lengths[0], frames)
    high = _plateaus(block_length // 2 - centres[-1], lengths[-1], frames)
    bands = [
        *(_mirrored(band, centres[0]) for band in reversed(low)),
        *(_hann(centre, length) for centre, length in zip(centres, lengths, strict=True)),
        *(_shifted(band, centres[-1]) for band in high),
    ]
    frequencies = np.array([band.centre * hz_per_bin for band in bands])
    constant_q = slice(len(low), len(low) + len(hertz))
    frequencies[constant_q] = hertz
    return _tabulate(bands, block_length, frames, frequencies, constant_q)


def _check_numbers(
    sample_rate: float, block_length: int, bins_per_octave: int, f_min: float, f_max: float
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


def _geometric(
    hz_per_bin: float, block_length: int, bins_per_octave: int, f_min: float, f_max: float
) -> _Double:
    """Centre frequencies of constant Q in Hz, whose windows are known to fit."""
    count = math.floor(bins_per_octave * math.log2(f_max / f_min) + 1e-9) + 1
    highest = f_min * 2.0 ** ((count - 1) / bins_per_octave)
    step = 2.0 ** (1 / bins_per_octave)
    width = round(highest * (step - 1 / step) / hz_per_bin)
    if round(f_min / hz_per_bin) < _MIN_BINS // 2:
        raise ConfigError(
            f"f_min={f_min:g} Hz lies less than two bins of {hz_per_bin:.4g} Hz above 0 Hz, so that its "
            f"window would reach below it; raise f_min to {2 * hz_per_bin:.6g} Hz or lengthen the block"
        )
    if width < _MIN_BINS:
        raise ConfigError(
            f"the widest of {bins_per_octave} bands an octave has {width} bins of {hz_per_bin:.4g} Hz and "
            f"needs {_MIN_BINS}; lengthen the block, raise f_max or take fewer bins_per_octave"
        )
    if 2 * round(highest / hz_per_bin) + width > block_length:
        nyquist = block_length * hz_per_bin / 2
        fitting = (nyquist - hz_per_bin) / (1 + (step - 1 / step) / 2)
        raise ConfigError(
            f"the window of the band at {highest:.6g} Hz reaches beyond the Nyquist frequency of "
            f"{nyquist:g} Hz; lower f_max to {math.floor(fitting)} Hz"
        )
    hertz: _Double = f_min * 2.0 ** (np.arange(count) / bins_per_octave)
    return hertz


def _fast_length(at_least: int) -> int:
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
    """Bands, of at most `frames` bins each, that complete a Hann window at bin 0 to a sum of one up to `gap`.

    Each rises where the one before it falls, as half that Hann window. The last is centred at `gap`.
    """
    spacing = frames - -(-length // 2)
    splits = max(0, -(-(gap - frames) // spacing))
    bands = []
    for start in range(0, splits * spacing, spacing):
        bins = np.arange(start + 1, start + frames)
        window = _risen(bins - start, length) - _risen(bins - start - spacing, length)
        bands.append(_Band(start + frames // 2, start + 1, window))
    start = splits * spacing
    return [*bands, _Band(gap, start + 1, _risen(np.arange(1, gap - start + 1), length))]


def _risen(offsets: IntArray, length: int) -> _Double:
    """Half a Hann window's rise: 0 up to offset 0, 1 from length / 2 on."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.clip(offsets, 0, length / 2) / length)


def _shifted(band: _Band, by: int) -> _Band:
    return _Band(band.centre + by, band.first + by, band.window)


def _mirrored(band: _Band, around: int) -> _Band:
    return _Band(around - band.centre, around - band.first - len(band.window) + 1, band.window[::-1])


def _tabulate(
    bands: list[_Band], block_length: int, frames: int, frequencies: _Double, constant_q: slice
) -> Tables:
    bins = np.concatenate([band.first + np.arange(len(band.window)) for band in bands])
    sizes = [len(band.window) for band in bands]
    offsets = bins - np.repeat([band.centre for band in bands], sizes)
    slots = np.repeat(np.arange(len(bands)) * frames, sizes) + offsets % frames
    window = np.concatenate([band.window for band in bands])
    # These two bins are their own mirror images: at half the power they count as much as the others.
    window[(bins == 0) | (bins == block_length // 2)] *= math.sqrt(0.5)
    window *= SINE_MAGNITUDE * 2 * frames / block_length
    frame_operator = np.bincount(bins, window**2, block_length // 2 + 1)
    order = np.argsort(bins, kind="stable")
    bounds = frame_operator * block_length / (2 * frames)
    bounds[[0, -1]] *= 2
    return Tables(
        frames=frames,
        frequencies=frequencies,
        constant_q=constant_q,
        frame_bounds=(float(bounds.min()), float(bounds.max())),
        bins=bins,
        slots=slots,
        window=window.astype(np.float32),
        inverse_bins=bins[order],
        inverse_slots=slots[order],
        dual=(frames * window / frame_operator[bins])[order].astype(np.float32),
        starts=np.searchsorted(bins[order], np.arange(block_length // 2 + 1)).astype(np.int64),
    )
