"""From the network's curve to the gain of every bin: where there is something to restore, and how far.

C = G * Y with G = max(1, min(e^g * W, limit)): g the log gain of the network, W a Wiener weight from the
power of the last frames against the noise floor.
"""

from __future__ import annotations

import numpy as np

from ..stft import BIN_HZ, FloatArray
from .statistics import BANDS, CENTRES_HZ, LEAKAGE, NOISE_BIAS, NOISE_SPREAD

GATE = float(np.log(2.0))
"""A band is restored where its power in the long run is this much above the floor, nepers of power: 3 dB."""
LEAST_GAIN = 0.05
"""A log gain up to this, nepers, is none."""
LEAST_BANDS = 5
"""A weak rest covers as many bands above the cutoff, 650 Hz; fewer are the leakage of a window."""
SMOOTHED_FRAMES, SMOOTHED_BINS = 3, 5
CERTAIN = 2.0
"""The noise floor is taken to be this much louder than it is: smoothed noise itself rises above its mean."""


def noise_floor(moments: FloatArray) -> float:
    """Power of the noise in a bin, white, from moments (4, 155).

    The quietest band bounds it. Where a band is mere noise its logarithm has a known spread; one that moves
    more is music, and the noise lies below it by as much.
    """
    log = moments[1]
    spread = np.sqrt(np.maximum(moments[3] - log * log, 0))
    lowest = log - 1.5 * np.maximum(spread - NOISE_SPREAD, 0) - NOISE_BIAS
    return float(np.exp(np.sort(lowest)[:8].mean()))


def gated(log_gain: FloatArray, moments: FloatArray, cutoff_hz: float, floor: float) -> FloatArray:
    """The log gain of each band, (155,), 0 where there is nothing to restore.

    If no band above the cutoff has a weak rest in it, all are 0: then no sample of the music changes.
    """
    weak = moments[0] > np.exp(GATE) * (floor + LEAKAGE @ moments[0])
    # From the cutoff up, a rest ends where the floor begins: what rises again above that is something else.
    above = np.flatnonzero(cutoff_hz < CENTRES_HZ)
    reached = above[np.cumprod(weak[above]).astype(bool)] if above.size else above
    if reached.size < LEAST_BANDS or log_gain[reached].max() < LEAST_GAIN:
        return np.zeros(BANDS, np.float32)
    last = reached[-1]
    out = np.where((np.arange(BANDS) <= last) & (log_gain > 0), log_gain, 0)
    return np.asarray(out, np.float32)


def at_bins(curve: FloatArray, bins: int) -> FloatArray:
    """Values of the bands at the bins of the STFT, (bins,) float32."""
    return np.asarray(np.interp(np.arange(bins) * BIN_HZ, CENTRES_HZ, curve), np.float32)


def smoothed(power: FloatArray) -> FloatArray:
    """Mean power (frames, bins) of a frame and the two before it, and of five bins around each.

    Before the first frame it is taken to be as in it.
    """
    past = np.concatenate([np.repeat(power[:1], SMOOTHED_FRAMES - 1, axis=0), power])
    rows = sum(past[i : i + len(power)] for i in range(SMOOTHED_FRAMES)) / SMOOTHED_FRAMES
    padded = np.pad(rows, ((0, 0), (SMOOTHED_BINS // 2,) * 2), mode="edge")
    bins = power.shape[1]
    total = sum(padded[:, i : i + bins] for i in range(SMOOTHED_BINS))
    return np.asarray(total / SMOOTHED_BINS, np.float32)


def wiener(smooth: FloatArray, floor: float) -> FloatArray:
    """Weight 0..1 of smoothed power (frames, bins): 0 where it is not `CERTAIN` times the floor."""
    return np.asarray(np.maximum(1 - CERTAIN * floor / np.maximum(smooth, 1e-20), 0), np.float32)
