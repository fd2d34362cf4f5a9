"""Images: what a poor resampler leaves above half of the sample rate that music was kept at.

Linear interpolation, or a sample that is held until the next, lets the band below through once more,
mirrored, and fainter by a law that is known: the frequency response of that interpolation. So what lies above
is compared, band by band, with what this law makes of the band below. Where they agree nothing above is
music: it is taken away, and what interpolation took from the band below, next to the edge, is given back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..stft import SAMPLE_RATE, FloatArray
from .statistics import BANDS, CENTRES_HZ

RATES = {8000: 0, 11025: 4, 12000: 4, 16000: 0, 22050: 2, 24000: 2, 32000: 0}
"""Sample rates, Hz, that music was kept at, and by which whole number they were raised to the rate that it
was played at; 0 for none, such as to 44.1 kHz."""
EDGES_HZ = np.array(list(RATES), np.float32) / 2
NEAR = 0.12
"""A cutoff belongs to the edge that it is nearest to, up to this share away from it."""
LEAST_BANDS = 8
"""So many bands must stand out of the noise."""
APART, ALIKE = 1.0, 0.8
"""Images differ from the law by less than this, root mean square of the logarithm of power; and their ups and
downs from band to band are those of the band below: correlation, the slope taken out."""
CLEAR = 1.0
"""Logarithm of power by which a band is expected to stand out of the noise."""
REMOVED = -4.6
"""Log gain of an image, nepers: 40 dB less."""
POWERS = np.array([[2], [1]], np.float32)
"""Linear interpolation is the square of what holding is."""
_CENTRES_HZ = CENTRES_HZ.astype(np.float32)
_WIDTH_HZ = float(CENTRES_HZ[1] - CENTRES_HZ[0])
_NONE = 1e9


def _held(rate: int, factor: int) -> FloatArray:
    """Logarithm of what holding samples of a rate leaves of the amplitude of each band, (155,)."""
    amplitude = np.sinc(CENTRES_HZ / rate)
    if factor:  # A whole number of samples for each: what folds back at the higher rate is in phase.
        amplitude /= np.sinc(CENTRES_HZ / rate / factor)
    return np.asarray(np.log(np.abs(amplitude) + 1e-6), np.float32)


HELD = np.stack([_held(*each) for each in RATES.items()])
"""For each edge, (edges, 155) float32."""


def undoing(log: Any, floor: Any, cutoff_hz: Any, xp: Any = np) -> tuple[Any, Any]:
    """Tell whether a poor resampler left images above a cutoff, and what undoes them.

    Parameters
    ----------
    log : (155,) float32
        Mean logarithm of the power in each band.
    floor : float or scalar
        Power of the noise.
    cutoff_hz : float or scalar
        Where the received band ends, more or less: the edge nearest to it counts.
    xp : module
        `numpy` or `keras.ops`.

    Returns
    -------
    there : bool or scalar
    (155,) float32
        Log gain, nepers.
    """
    distance = abs(EDGES_HZ - cutoff_hz)
    nearest = xp.where(distance <= xp.min(distance), xp.ones_like(distance), xp.zeros_like(distance))
    nearest = nearest / xp.sum(nearest)
    edge_hz, held = xp.sum(nearest * EDGES_HZ), xp.sum(nearest[:, None] * HELD, axis=0)
    place = xp.clip((abs(2 * edge_hz - _CENTRES_HZ) - float(CENTRES_HZ[0])) / _WIDTH_HZ, 0, BANDS - 1.001)
    low = xp.floor(place)
    below, share = low.astype(np.int32) if xp is np else xp.cast(low, "int32"), place - low

    def mirrored(curve: Any) -> Any:
        return xp.take(curve, below, axis=0) * (1 - share) + xp.take(curve, below + 1, axis=0) * share

    image = mirrored(log) + 2 * POWERS * (held - mirrored(held))
    stands = (image > xp.log(floor) + CLEAR) & (1.03 * edge_hz < _CENTRES_HZ)
    stands = stands & (1.9 * edge_hz > _CENTRES_HZ) & (0.9 * SAMPLE_RATE / 2 > _CENTRES_HZ)
    weight = xp.where(stands, xp.ones_like(image), xp.zeros_like(image))
    count = xp.sum(weight, axis=-1)
    many = xp.maximum(count, 1.0)
    apart = xp.sqrt(xp.sum(weight * (log - image) ** 2, axis=-1) / many)
    fits = (count >= LEAST_BANDS) & (_correlation(log, image, weight, many[:, None], xp) > ALIKE)
    apart = xp.where(fits, apart, _NONE)
    power = xp.where(apart[0] <= apart[1], POWERS[0, 0], POWERS[1, 0])
    there = (xp.min(distance) <= NEAR * cutoff_hz) & (xp.min(apart) < APART)
    return there, xp.where(edge_hz > _CENTRES_HZ, -power * held, REMOVED)


def lowest_edge_hz(log: FloatArray, floor: float) -> float | None:
    """Lowest edge above which there are images and no music; None where there is none. `log` as above."""
    found = (hz for hz in EDGES_HZ if undoing(log, floor, hz)[0])
    return next(map(float, found), None)


def _correlation(a: Any, b: Any, weight: Any, count: Any, xp: Any) -> Any:
    """Correlation of curves (..., 155) where the weight is 1, the straight line through each taken out."""
    place = np.linspace(0, 1, BANDS, dtype=np.float32) * weight
    place = place - weight * xp.sum(place, axis=-1, keepdims=True) / count
    slope = place / xp.maximum(xp.sum(place * place, axis=-1, keepdims=True), 1e-9)
    first, second = (
        rest - slope * xp.sum(place * rest, axis=-1, keepdims=True)
        for curve in (a * weight, b * weight)
        for rest in [curve - weight * xp.sum(curve, axis=-1, keepdims=True) / count]
    )
    squares = xp.sum(first * first, axis=-1) * xp.sum(second * second, axis=-1)
    return xp.sum(first * second, axis=-1) / xp.sqrt(squares + 1e-9)
