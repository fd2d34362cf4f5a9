"""Where the received band ends: an edge finder on the upper envelope of a spectrum.

Percentiles of cumulated energy mistake the weight of the bass for the end of the band. Here the levels of
every bin are counted over time, their 95th percentile makes an envelope, and the edge is where it falls
steeply and has nothing but noise floor above. There are two kinds of end: a wall (brick wall, resampler,
codec), exact to a bin or two, and a knee, the bend of a gentle low-pass, which `lowpass` tells from music's
own fall by likelihood. A fall that leaves content above it, or is no steeper than music's own, is no edge: a
miss costs less than a false alarm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .lowpass import LOWEST_EDGE_HZ, lowpass_hz

FLOOR_DB = -160.0

# A wall falls by so much within so many bins to either side.
_WALL_DB = {6: 15.0, 16: 30.0}
_WALL_TO_FLOOR_DB = 12.0
_FLAT_DB = 4.0

# A fall of less than this, which goes on above by this share of it, is a strong partial on a gentle slope.
_CERTAIN_DB, _GOES_ON = 24.0, 0.3

# By how much a low-pass must make an envelope likelier. With the first, no untouched track of the training
# list ends below 15 kHz, with 35 one does; codecs, which spare the bands below their wall, need the second.
_KNEE, _KNEE_BELOW_WALL = 40.0, 120.0
# A lower wall is that of what the music went through last: a codec that spares the bands below it. A higher
# one may have been there before a gentle low-pass.
_LOWEST_OWN_WALL_HZ = 14000.0
_HIGHEST = 0.9
_DENSE_DB = 10.0

Levels = NDArray[np.float64]


def find_edge_hz(envelope_db: NDArray[np.floating], bin_hz: float) -> float | None:
    """Return the frequency at which a spectrum envelope ends.

    Parameters
    ----------
    envelope_db : (bins,) float
        Upper envelope (95th percentile over time) of each bin in dB, from 0 Hz to Nyquist; full scale is
        about 0 dB, and whatever is below -160 dB counts as -160 dB.
    bin_hz : float
        Distance of two bins in Hz.

    Returns
    -------
    float or None
        The edge in Hz, at least 2000: of a wall where its fall begins, of a gentle low-pass its -3 dB
        (causal) or -6 dB (forward and backward) point, or the end of its pass band where it is a steep one.
        None where nothing ends below Nyquist or no end is certain.
    """
    level = np.maximum(np.asarray(envelope_db, dtype=np.float64), FLOOR_DB)
    highest_hz = _HIGHEST * (level.size - 1) * bin_hz
    walls = (_wall_hz(level, bin_hz, width) for width in _WALL_DB)
    wall_hz, certain = next((found for found in walls if found is not None), (None, False))
    if wall_hz is None:
        return _knee_hz(level, bin_hz, highest_hz, _KNEE)
    if certain and wall_hz < _LOWEST_OWN_WALL_HZ:
        return wall_hz
    if not certain:
        knee_hz = _knee_hz(level, bin_hz, highest_hz, _KNEE)
        if knee_hz is not None and knee_hz < 0.9 * wall_hz:
            return knee_hz
    knee_hz = _knee_hz(level, bin_hz, min(0.94 * wall_hz, highest_hz), _KNEE_BELOW_WALL)
    return wall_hz if knee_hz is None else knee_hz


def _highest_from(level: Levels) -> Levels:
    """Return for each entry the highest level from there up, which is what a low-pass leaves above it."""
    return np.asarray(np.maximum.accumulate(level[::-1])[::-1])


def _wall_hz(level: Levels, bin_hz: float, width: int) -> tuple[float, bool] | None:
    """Return where a wall begins to fall, and whether it is certain that it is one."""
    margin = 3 * width
    at = np.arange(max(int(LOWEST_EDGE_HZ / bin_hz), margin), level.size - margin - 1)
    if at.size == 0:
        return None
    smooth = np.convolve(np.pad(level, 1, mode="edge"), np.full(3, 1 / 3), "valid")
    upper = _highest_from(smooth)
    # The median of a stretch is not impressed by single tones.
    stretches = np.lib.stride_tricks.sliding_window_view(level, 2 * width)
    median = np.sort(stretches, axis=1)[:, width]
    fall = np.minimum(upper[at - width] - upper[at + width], median[at - margin] - median[at + width])
    on_floor = upper[at + width] - upper[-1 - width] <= _FLAT_DB
    least = np.where(on_floor & (width == min(_WALL_DB)), _WALL_TO_FLOOR_DB, _WALL_DB[width])
    fall = np.where(fall >= least, fall, 0.0)
    best = int(at[np.argmax(fall)])
    if fall.max() <= 0:
        return None
    top, bottom = median[best - margin], upper[best + width]
    inside = np.nonzero(upper[best - margin : best + width + 1] >= max(top - 8, 0.5 * (top + bottom)))[0]
    edge = best - margin + (inside[-1] if inside.size else margin) + 0.5
    if not _is_dense(level, edge, edge + 10, edge + 34):
        return None
    beyond = level[int(1.12 * edge) : int(1.2 * edge) + 2]
    goes_on = beyond.size > 0 and bottom - float(np.median(beyond)) > _GOES_ON * fall.max()
    return float(edge * bin_hz), bool(fall.max() >= _CERTAIN_DB or not goes_on)


def _is_dense(level: Levels, edge: float, start: float, stop: float) -> bool:
    """Tell the end of a band from a last tone, whose side lobes fall to either side alike.

    The bins from `start` to `stop` above the edge are held against their mirror image about the peak below.
    """
    lowest = int(0.75 * edge)
    peak = lowest + int(np.argmax(level[lowest : int(1.03 * edge) + 2]))
    above = level[int(start) : int(stop) + 1]
    below = level[max(2 * peak - int(stop), 1) : max(2 * peak - int(start), 1) + 1]
    return above.size > 0 and float(np.median(below) - np.median(above)) >= _DENSE_DB


def _knee_hz(level: Levels, bin_hz: float, end_hz: float, least: float) -> float | None:
    """Return the cutoff of a gentle low-pass, if one makes the envelope up to `end_hz` so much likelier."""
    if end_hz <= LOWEST_EDGE_HZ:
        return None
    # At the upper end no music is left, or none that is missed.
    floor_db = float(np.median(level[-(level.size // 25) - 1 :]))
    knee_hz, gain = lowpass_hz(level, bin_hz, end_hz, floor_db)
    knee = knee_hz / bin_hz
    return knee_hz if gain >= least and _is_dense(level, knee, 1.25 * knee, 1.42 * knee) else None
