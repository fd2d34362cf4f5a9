"""What a condition did to music, in numbers and in words: where it falls, how steeply, what is left."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from ..band import crossover
from ..stft import FloatArray
from .gain import LEAST_BANDS, QUIETEST, Predict, identified, mere_noise
from .statistics import CENTRES_HZ, FLOOR, ROUNDING_POWER

FALLS_DB = 1.0
"""A band that needs more gain than this, and all above, has fallen."""
BEND_DB = 9.0
"""A filter that has taken as much falls as steeply as it ever does, near enough."""
NEPER_DB = 20 / math.log(10)
ROUNDING_DB = 10 * math.log10(2.0**-30 / 12)
"""Level of the noise of rounding to 16 bits; full scale 0 dB."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """What was identified.

    Attributes
    ----------
    falls_from_hz : float or None
        From where on the weak band falls; None where nothing weak is left.
    slope_db : float or None
        How steeply, in dB an octave.
    reach_hz : float or None
        Up to where the weak band stands clear of the noise.
    noise_db : float or None
        Level of the noise floor over the whole band, full scale 0 dB; None where no band is mere noise, or
        it is fainter than that of 18 bits, which the statistics do not tell apart.
    images_from_hz : float or None
        From where on there are images of the band below, which are taken away.
    gain_db : (155,) float32
        Gain that undoes the condition in each band; 0 where nothing is restored.
    """

    falls_from_hz: float | None
    slope_db: float | None
    reach_hz: float | None
    noise_db: float | None
    images_from_hz: float | None
    gain_db: FloatArray

    def __str__(self) -> str:
        """Return it in words."""
        noise = _noise(self.noise_db)
        if self.images_from_hz is not None:
            edge = f"{self.images_from_hz / 1000:.1f} kHz"
            return f"images of the band below from {edge} on, which are taken away; {noise}"
        if self.falls_from_hz is None or self.reach_hz is None:
            return f"nothing weak is left above the cutoff; {noise}"
        return (
            f"falls from {self.falls_from_hz / 1000:.1f} kHz, {self.slope_db:.0f} dB an octave; "
            f"weak band to {self.reach_hz / 1000:.1f} kHz; {noise}"
        )


def identify(moments: FloatArray, predict: Predict, cutoff_hz: float) -> Condition:
    """Identify a condition from long-term statistics.

    Parameters
    ----------
    moments : (4, 155) float32
        As `LongTerm` has them.
    predict : callable
        The restoring network; see `gain.Predict`.
    cutoff_hz : float
        Where the received band ends.

    Returns
    -------
    Condition
    """
    curve, reach_hz, floor = identified(moments, predict, cutoff_hz)
    noise_db = None
    if mere_noise(moments).sum() >= QUIETEST and floor > 2 * FLOOR:
        noise_db = 10 * math.log10(floor / ROUNDING_POWER) + ROUNDING_DB
    gain_db = np.asarray(NEPER_DB * curve * crossover(CENTRES_HZ, cutoff_hz), np.float32)
    if curve.min() < 0:
        first_hz = float(CENTRES_HZ[np.argmax(curve < 0)])
        return Condition(None, None, None, noise_db, first_hz, gain_db)
    last = int(np.searchsorted(CENTRES_HZ, reach_hz)) - 1
    if not curve.any() or last < 1:
        return Condition(None, None, None, noise_db, None, gain_db)
    little = np.flatnonzero(gain_db[: last + 1] <= FALLS_DB)
    first = min(int(little[-1]) + 1 if little.size else 0, last - 1)
    # Past the bend; all of it, where little lies past that.
    steep = np.arange(first, last + 1)[gain_db[first : last + 1] > BEND_DB]
    steep = steep if len(steep) >= LEAST_BANDS else np.arange(first, last + 1)
    slope_db = float(np.polyfit(np.log2(CENTRES_HZ[steep]), gain_db[steep], 1)[0])
    return Condition(float(CENTRES_HZ[first]), slope_db, reach_hz, noise_db, None, gain_db)


def _noise(noise_db: float | None) -> str:
    if noise_db is None:
        return "no noise floor found"
    bits = 16 - (noise_db - ROUNDING_DB) / (20 * math.log10(2))
    if bits > 7.5 and abs(bits - round(bits)) < 0.35:
        return f"noise floor {round(bits)}-bit"
    return f"noise floor at {noise_db:.0f} dB"
