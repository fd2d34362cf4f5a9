"""Where the received band ends: an edge finder on the upper envelope of a spectrum.

Percentiles of cumulated energy mistake the weight of the bass for the end of the band. Here the levels of
every bin are counted over time, their 95th percentile makes an envelope, and the edge is where it falls
steeply and has nothing but noise floor above. There are two kinds of end: a wall (brick wall, resampler,
codec), exact to a bin or two, and a knee (gentle low-pass), where the extrapolated trend of the octave below
meets the slope. A fall that leaves content above it, or is no steeper than music's own, is no edge: a miss
costs less than a false alarm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST_EDGE_HZ = 2000.0
FLOOR_DB = -160.0

# A wall falls by so much within so many bins to either side.
_WALL_DB = {6: 15.0, 16: 30.0}
_WALL_TO_FLOOR_DB = 12.0
_FLAT_DB = 4.0

# A knee is searched on a grid of bands. In half an octave music's own spectrum falls by up to 20 dB more
# than the octave below foretells, rarely by 40 dB in all; a sixth-order low-pass by 18 dB (causal) or 36 dB
# (forward and backward), and on. Each try: bands to reach over, least dB lost there, least dB lost in all.
# The figures separate low-passed from untouched music of the training list.
_BANDS_PER_OCTAVE = 24
_LOWEST_BAND_HZ = 700.0
_TREND, _GAP = 24, 2
_TREND_DB_PER_BAND = -1.0
_KNEES = ((12, 21.0, 40.0), (18, 23.0, 42.0))
_KNEES_TO_FLOOR = ((12, 21.0, 22.0), (18, 23.0, 42.0))
_KNEES_TO_WALL = ((12, 21.0, 25.0), (8, 18.0, 18.0))
_FLOOR_BANDS = 3
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
        The edge in Hz, at least 2000: of a wall its upper end, of a gentle low-pass about its -3 dB (causal)
        or -6 dB (forward and backward) point. None where nothing ends below Nyquist or no end is certain.
    """
    level = np.maximum(np.asarray(envelope_db, dtype=np.float64), FLOOR_DB)
    walls = (_wall_hz(level, bin_hz, width) for width in _WALL_DB)
    wall_hz = next((edge_hz for edge_hz in walls if edge_hz is not None), None)
    end_hz = (level.size - 1) * bin_hz if wall_hz is None else 0.94 * wall_hz
    knee_hz = _knee_hz(level, bin_hz, end_hz, walled=wall_hz is not None)
    return wall_hz if knee_hz is None else knee_hz


def _highest_from(level: Levels) -> Levels:
    """Return for each entry the highest level from there up, which is what a low-pass leaves above it."""
    return np.asarray(np.maximum.accumulate(level[::-1])[::-1])


def _wall_hz(level: Levels, bin_hz: float, width: int) -> float | None:
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
    inside = np.nonzero(upper[best - width : best + width + 1] >= max(top - 8, 0.5 * (top + bottom)))[0]
    edge = best - width + (inside[-1] if inside.size else width) + 0.5
    return float(edge * bin_hz) if _is_dense(level, edge, edge + 10, edge + 34) else None


def _is_dense(level: Levels, edge: float, start: float, stop: float) -> bool:
    """Tell the end of a band from a last tone, whose side lobes fall to either side alike.

    The bins from `start` to `stop` above the edge are held against their mirror image about the peak below.
    """
    lowest = int(0.75 * edge)
    peak = lowest + int(np.argmax(level[lowest : int(1.03 * edge) + 2]))
    above = level[int(start) : int(stop) + 1]
    below = level[max(2 * peak - int(stop), 1) : max(2 * peak - int(start), 1) + 1]
    return above.size > 0 and float(np.median(below) - np.median(above)) >= _DENSE_DB


def _bands(level: Levels, bin_hz: float, end_hz: float) -> tuple[Levels, Levels]:
    """Return centres in Hz and mean power in dB of overlapping bands, a sixth of an octave wide."""
    count = int(_BANDS_PER_OCTAVE * np.log2(max(end_hz / _LOWEST_BAND_HZ, 1)))
    centre = end_hz * 2.0 ** (-np.arange(count, -1, -1) / _BANDS_PER_OCTAVE)
    power = np.concatenate([[0.0], np.cumsum(10 ** (level / 10))])
    first = np.round(centre * 2 ** (-1 / 12) / bin_hz).astype(int)
    stop = np.minimum(
        np.maximum(np.round(centre * 2 ** (1 / 12) / bin_hz).astype(int), first + 2), level.size
    )
    first = np.minimum(first, stop - 1)
    return centre, np.asarray(10 * np.log10((power[stop] - power[first]) / (stop - first) + 1e-30))


def _knee_hz(level: Levels, bin_hz: float, end_hz: float, walled: bool) -> float | None:
    centre_hz, band = _bands(level[: int(end_hz / bin_hz) + 1], bin_hz, end_hz)
    if band.size < 2 * _TREND:
        return None
    upper = _highest_from(band)
    trend = _Trend(band)
    on_floor = not walled and np.count_nonzero(upper <= upper[-1] + _FLAT_DB) > _FLOOR_BANDS
    tries = _KNEES_TO_WALL if walled else _KNEES_TO_FLOOR if on_floor else _KNEES
    knees = (_steepest(centre_hz, upper, trend, *least) for least in tries)
    found = next((at for at in knees if at is not None), None)
    if found is None:
        return None
    knee_hz = float(centre_hz[0] * 2 ** (_crossing(band, upper, trend, found) / _BANDS_PER_OCTAVE))
    knee = knee_hz / bin_hz
    return knee_hz if _is_dense(level, knee, 1.25 * knee, 1.42 * knee) else None


class _Trend:
    """Straight line through each octave of bands, never rising, never steeper than 24 dB an octave."""

    def __init__(self, band: Levels) -> None:
        x = np.arange(_TREND) - (_TREND - 1) / 2
        octaves = np.lib.stride_tricks.sliding_window_view(band, _TREND)
        self.mean = octaves.mean(axis=1)
        self.slope = np.clip(octaves @ x / (x @ x), _TREND_DB_PER_BAND, 0.0)

    def foretold(self, start: NDArray[np.intp], at: NDArray[np.intp]) -> Levels:
        """Return the level that the octave from band `start` foretells for band `at`."""
        return np.asarray(self.mean[start] + self.slope[start] * (at - start - (_TREND - 1) / 2))


def _steepest(
    centre_hz: Levels, upper: Levels, trend: _Trend, reach: int, least: float, least_total: float
) -> int | None:
    """Return the band after which the spectrum falls most below what the octave before foretells."""
    start = np.arange(max(0, upper.size - reach - _TREND - _GAP + 1))
    at = start + _TREND + _GAP - 1
    here = trend.foretold(start, at) - upper[at]
    excess = trend.foretold(start, at + reach) - upper[at + reach] - np.maximum(here, 0)
    excess = np.where(centre_hz[at] >= LOWEST_EDGE_HZ, excess, 0.0)
    best = int(np.argmax(excess))
    rest = np.arange(at[best], upper.size)
    total = (trend.foretold(start[best : best + 1], rest) - upper[rest]).max()
    return int(at[best]) if excess[best] >= least and total >= least_total else None


def _crossing(band: Levels, upper: Levels, trend: _Trend, knee: int) -> float:
    """Return the band, with fraction, where the slope after a knee meets the trend before it."""
    crossing = float(knee)
    for _ in range(4):
        start = np.array([np.clip(int(crossing) - _GAP - _TREND + 1, 0, trend.mean.size - 1)])
        at = np.arange(start[0] + _TREND // 2, band.size)
        line = trend.foretold(start, at)
        lost = line - upper[at]
        over = np.nonzero(lost > 15)[0]
        if over.size == 0:
            break
        first = last = int(over[0])
        while first > 0 and lost[first - 1] > 5:
            first -= 1
        while last + 1 < lost.size and lost[last] < lost[last + 1] < 30:
            last += 1
        x = at[first : max(last, first + 3) + 1]
        y = line[x - at[0]] - band[x]
        spread = x - x.mean()
        slope = float(spread @ y) / max(float(spread @ spread), 1e-9)
        if x.size < 3 or slope <= 0:
            break
        crossing = float(np.clip(x.mean() - y.mean() / slope, at[max(first - 6, 0)], at[first] + 1))
    return crossing
