"""Where a gentle low-pass begins: the likeliest of some common filters, given how music itself falls.

Music falls by 9 dB an octave on average, and its level wanders about that as a random walk does. What a
filter took is what this does not explain. Each filter of a short list is laid at each frequency of a grid,
and the pair whose rest is likeliest as music is the answer. The whole bend of the curve counts, so that
neither a soft nor a steep filter is found too high or too low, and the cutoff is that of the filter's design.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]

# Of music's envelopes from 1.5 to 15 kHz, 113 tracks: mean fall in dB an octave, how much that differs
# between tracks, how far the level wanders in an octave besides, and from one band to the next.
_FALL_DB, _FALL_SPREAD_DB = -9.0, 5.0
_WANDER_DB, _RIPPLE_DB = 4.0, 1.5

LOWEST_EDGE_HZ = 2000.0
_LOWEST_HZ = LOWEST_EDGE_HZ / 2
_BANDS_PER_OCTAVE = 24
_LEAST_OCTAVES = 1.5
# What is so near to the noise, or so far below the loudest band that it may be the window's side lobes, is
# left out.
_OVER_FLOOR_DB = 6.0
_DEEPEST_DB = 90.0
# Analogue filters are less likely than digital ones, whose response the bilinear transform squeezes.
_ANALOGUE = 4.0
_COARSE, _FINE = 1 / 12, 1 / 96
_NEAR_OCTAVES = 0.25

Loss = Callable[[Levels], Levels]


def _butterworth(order: int, passes: int) -> Loss:
    return lambda ratio: 10 * passes * np.log10(1 + ratio ** (2 * order))


def _chebyshev(order: int, passes: int) -> Loss:
    """Of 0.05 dB ripple, which counts as flat."""
    excess = 10**0.005 - 1
    polynomial = np.polynomial.Chebyshev.basis(order)
    return lambda ratio: 10 * passes * np.log10(1 + excess * np.square(polynomial(np.maximum(ratio, 1.0))))


_FILTERS = (
    *(_butterworth(order, passes) for passes in (1, 2) for order in (4, 6, 8)),
    *(_chebyshev(order, passes=2) for order in (6, 8)),
)
"""Loss in dB at multiples of the cutoff; two passes are forward and backward."""


def lowpass_hz(level: Levels, bin_hz: float, end_hz: float, floor_db: float) -> tuple[float, float]:
    """Return the cutoff of the low-pass that a spectrum envelope has most likely been through.

    Parameters
    ----------
    level : (bins,) float64
        In dB, from 0 Hz to Nyquist.
    bin_hz : float
        Distance of two bins in Hz.
    end_hz : float
        Up to where the envelope is looked at.
    floor_db : float
        Level of the noise.

    Returns
    -------
    cutoff_hz : float
        At least 2000 Hz; of a Butterworth filter the -3 dB point, forward and backward the -6 dB point, of a
        Chebyshev filter the end of its pass band. 0 where too little of the envelope is left to tell.
    gain : float
        By how much -2 times the logarithm of the likelihood falls by the filter; about 0 for music that went
        through none.
    """
    nyquist_hz = (level.size - 1) * bin_hz
    octaves = np.arange(0, np.log2(max(end_hz / _LOWEST_HZ, 1.0)), 1 / _BANDS_PER_OCTAVE)
    centre_hz = _LOWEST_HZ * 2**octaves
    band = _means(level, centre_hz / bin_hz)
    lowest_db = max(floor_db + _OVER_FLOOR_DB, band.max(initial=floor_db) - _DEEPEST_DB)
    heard = np.flatnonzero(band > lowest_db)
    count = int(heard[-1]) + 1 if heard.size else 0
    if count < _LEAST_OCTAVES * _BANDS_PER_OCTAVE:
        return 0.0, 0.0
    centre_hz, band = centre_hz[:count], band[:count]
    coarse_hz = LOWEST_EDGE_HZ * 2 ** np.arange(0, octaves[count - 1] - 1, _COARSE)
    found_hz, gain = _likeliest(band, centre_hz, coarse_hz, nyquist_hz)
    # Once more, finely, and only from an octave below on: what the bass does has no say in it.
    start = int(np.searchsorted(centre_hz, found_hz / 2))
    fine_hz = found_hz * 2 ** np.arange(-_NEAR_OCTAVES, _NEAR_OCTAVES, _FINE)
    fine_hz = fine_hz[(fine_hz >= LOWEST_EDGE_HZ) & (fine_hz <= centre_hz[-1])]
    return _likeliest(band[start:], centre_hz[start:], fine_hz, nyquist_hz)[0], gain


def _likeliest(band: Levels, centre_hz: Levels, cutoffs_hz: Levels, nyquist_hz: float) -> tuple[float, float]:
    """Return the likeliest of some cutoffs, and by how much it is likelier than no filter."""
    octaves = np.arange(band.size) / _BANDS_PER_OCTAVE
    ratio = centre_hz / cutoffs_hz[:, None]
    warped = _warped(centre_hz, nyquist_hz) / _warped(cutoffs_hz, nyquist_hz)[:, None]
    losses = (of(at) for at in (warped, ratio) for of in _FILTERS)
    loss = np.concatenate([np.zeros((1, band.size)), *losses])
    unlikely = np.square((band + loss - _FALL_DB * octaves) @ _whitening(band.size).T).sum(axis=1)
    unlikely[1 + len(_FILTERS) * cutoffs_hz.size :] += _ANALOGUE
    best = int(np.argmin(unlikely[1:]))
    return float(cutoffs_hz[best % cutoffs_hz.size]), float(unlikely[0] - unlikely[1 + best])


def _means(level: Levels, centre: Levels) -> Levels:
    """Mean level in dB of bands about `centre`, in bins."""
    total = np.concatenate([[0.0], np.cumsum(level)])
    half = 2 ** (0.5 / _BANDS_PER_OCTAVE)
    first = np.minimum(np.round(centre / half + 0.5).astype(int), level.size - 1)
    stop = np.clip(np.round(centre * half + 0.5).astype(int), first + 1, level.size)
    return np.asarray((total[stop] - total[first]) / (stop - first))


def _warped(hertz: Levels, nyquist_hz: float) -> Levels:
    """Frequencies as the bilinear transform has them, by which digital filters are made of analogue ones."""
    return np.asarray(np.tan(np.pi / 2 * np.minimum(hertz / nyquist_hz, 0.99)))


@lru_cache(maxsize=256)
def _whitening(bands: int) -> Levels:
    """Matrix that makes of music's deviations from its mean fall independent ones of variance 1."""
    octaves = np.arange(bands) / _BANDS_PER_OCTAVE
    walk = _WANDER_DB**2 * np.minimum(octaves[:, None], octaves)
    fall = _FALL_SPREAD_DB**2 * octaves[:, None] * octaves
    any_level = 100.0**2
    covariance = any_level + walk + fall + _RIPPLE_DB**2 * np.eye(bands)
    return np.asarray(np.linalg.inv(np.linalg.cholesky(covariance)))
