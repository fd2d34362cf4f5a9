"""From the network's curve to the gain of every bin: where there is something to restore, and how far.

C = G * Y with G = max(1, min(e^g * W, limit)): g the log gain of the network, W a Wiener weight from the
power of the last frames against the noise floor. Where there are images of the band below, g is what undoes
them, and G = e^g where that is below 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..stft import BIN_HZ, FloatArray
from . import images
from .statistics import BAND_BINS, BANDS, CENTRES_HZ, LEAKAGE, NOISE_BIAS, NOISE_SPREAD, features

BoolArray = npt.NDArray[np.bool_]
Predict = Callable[[FloatArray], FloatArray]
"""The network: from statistics (1, 155, 6) to log gains (1, 155), float32."""

GATE, GATE_RUNNING = 1.1, 1.25
"""A band is restored where its power in the long run is this many times that of the floor: 0.4 dB where all
of the music was measured beforehand, 1 dB where statistics run along: those of a second are not so sure."""
CLEAR = 4.0
"""A network may read what was restored where that power is this many times that of the floor: 6 dB."""
LEAST_GAIN = 0.05
"""A log gain up to this, nepers, is none."""
LEAST_BANDS = 8
"""A weak rest covers as many bands above the cutoff, 1 kHz; fewer are what a window or codec lets through."""
WALL = 4.6
"""Log gain, nepers, that no band within as many above the cutoff needs: what falls by more than 40 dB within
1 kHz is a wall, and what lies behind it is what a codec leaves, or the noise of another."""
CLIFF, CLIFF_RATIO = 2.5, 2 ** (1 / 6)
"""The same within a sixth of an octave, where that is less: what falls by 22 dB there is a wall too."""
SMOOTHED_FRAMES, SMOOTHED_BINS = 3, 5
CERTAIN = 1.25
"""The noise floor is taken to be this much louder than it is."""
GROUP_BINS, HEARD = 10, 2.0
"""A bin is raised where three groups of so many bins around it are, on average, so many times as powerful as
the floor: a few bins of mere noise often rise above it, thirty hardly ever."""
QUIETEST = 8
"""Bands whose mean level is the floor."""
MERE = 0.05
"""Spread of a band's logarithm over that of white noise, nepers, up to which it is taken for noise alone."""
PLATEAU, FLAT = 20, 0.2
"""Bands, the quietest of all, whose levels differ by less than that, nepers, where they are noise."""
CLICKS = 0.4
"""What a few clicks may add to that spread."""


def noise_floor(moments: FloatArray) -> float:
    """Power of the noise in a bin, white, from moments (4, 155).

    The logarithm of a band of mere noise has a known spread: where there are such bands, the quietest say how
    loud it is. So they do where the quietest are all alike. Else they bound it: where the logarithm moves
    more it is music, and the noise lies below it by as much.
    """
    log, mere = moments[1], mere_noise(moments)
    lowest = np.sort(log)
    if mere.sum() >= QUIETEST:
        # Steady tones are alike: noise is not louder than the quietest bands.
        levels = np.minimum(np.sort(log[mere])[:QUIETEST], lowest[:QUIETEST].mean())
    elif lowest[PLATEAU - 1] - lowest[0] < FLAT:
        levels = lowest
    else:
        levels = log - 1.5 * np.maximum(_excess(moments) - CLICKS, 0)
    return float(np.exp(np.sort(levels)[:QUIETEST].mean() - NOISE_BIAS))


def mere_noise(moments: FloatArray) -> BoolArray:
    """Bands (155,) that hold nothing but noise, from moments (4, 155)."""
    return np.asarray(_excess(moments) < MERE)


def _excess(moments: FloatArray) -> FloatArray:
    """Spread of the logarithm of each band over that of white noise, nepers."""
    spread: FloatArray = np.sqrt(np.maximum(moments[3] - moments[1] ** 2, 0))
    return spread - np.float32(NOISE_SPREAD)


def gated(
    log_gain: FloatArray, moments: FloatArray, cutoff_hz: float, floor: float, gate: float = GATE
) -> tuple[FloatArray, float]:
    """Leave of the network's curve what there is to restore.

    Parameters
    ----------
    log_gain : (155,) float32
        Nepers.
    moments : (4, 155) float32
    cutoff_hz, floor : float
        Where the received band ends, and the power of the noise.
    gate : float
        `GATE` or `GATE_RUNNING`.

    Returns
    -------
    (155,) float32
        0 where there is nothing to restore. If no band above the cutoff has a weak rest in it, all are 0:
        then no sample of the music changes.
    reach_hz : float
        Up to where what is restored stands clear of the noise; the cutoff, if nothing does.
    """
    usual = moments[2] ** 2  # of which, unlike of the mean, a click makes little
    over = usual / (floor + LEAKAGE @ usual)
    above = cutoff_hz < CENTRES_HZ
    # From the cutoff up, a rest ends where the floor begins: what rises again above that is something else.
    end, clear = (_first(above & (over <= least)) for least in (gate, CLEAR))
    reached = above & (np.arange(BANDS) < end)
    next_to = above & (np.cumsum(above) <= LEAST_BANDS)
    near = next_to & (CLIFF_RATIO * cutoff_hz > CENTRES_HZ)
    wall = log_gain[next_to].max(initial=0) > WALL or log_gain[near].max(initial=0) > CLIFF
    if reached.sum() < LEAST_BANDS or not log_gain[reached].max() >= LEAST_GAIN or wall:
        return np.zeros(BANDS, np.float32), cutoff_hz
    curve = np.where(np.arange(BANDS) < end, np.maximum(log_gain, 0), 0)
    return np.asarray(curve, np.float32), max(clear * BAND_BINS * BIN_HZ, cutoff_hz)


def identified(
    moments: FloatArray, predict: Predict, cutoff_hz: float, gate: float = GATE
) -> tuple[FloatArray, float, float]:
    """From statistics (4, 155) return log gain and reach as `gated` does, and the noise floor.

    The network says the log gain, but where there are images.
    """
    floor = noise_floor(moments)
    there, undoing = images.undoing(moments[1], floor, cutoff_hz)
    if there:
        return undoing, cutoff_hz, floor
    read = features(moments[None], np.array([[cutoff_hz]], np.float32))
    return (*gated(np.asarray(predict(read))[0], moments, cutoff_hz, floor, gate), floor)


def _first(bands: Any) -> int:
    """First of the bands for which something holds, or their number."""
    return int(np.argmax(bands)) if bands.any() else BANDS


def at_bins(curves: FloatArray) -> FloatArray:
    """Values of the bands (frames, 155) at the bins of the STFT, (frames, 930): linear between centres."""
    offsets = (np.arange(BAND_BINS, dtype=np.float32) + np.float32(0.5)) / BAND_BINS - np.float32(0.5)
    before = np.concatenate([curves[:, :1], curves[:, :-1]], axis=1)[..., None]
    after = np.concatenate([curves[:, 1:], curves[:, -1:]], axis=1)[..., None]
    share = np.abs(offsets)
    found = curves[..., None] * (1 - share) + np.where(offsets < 0, before, after) * share
    return np.asarray(found.reshape(len(curves), -1), np.float32)


def smoothed(power: FloatArray) -> FloatArray:
    """Mean power of a frame and the two before it, and of five bins around each.

    Parameters
    ----------
    power : (2 + frames, bins) float32
        With the two frames before.

    Returns
    -------
    (frames, bins) float32
    """
    frames, bins = len(power) - SMOOTHED_FRAMES + 1, power.shape[1]
    rows = sum(power[i : i + frames] for i in range(SMOOTHED_FRAMES)) / SMOOTHED_FRAMES
    padded = np.pad(rows, ((0, 0), (SMOOTHED_BINS // 2,) * 2), mode="edge")
    total = sum(padded[:, i : i + bins] for i in range(SMOOTHED_BINS))
    return np.asarray(total / SMOOTHED_BINS, np.float32)


def wiener(smooth: FloatArray, floor: FloatArray) -> FloatArray:
    """Weight of each bin by the noise floor.

    Parameters
    ----------
    smooth : (frames, bins) float32
        Smoothed power.
    floor : (frames, 1) float32
        Power of the noise.

    Returns
    -------
    (frames, bins) float32, 0..1
        0 where the bins around, on average, do not stand out from the noise.
    """
    weight = 1 - CERTAIN * floor / np.maximum(smooth, 1e-20)
    return np.asarray(np.maximum(weight, 0) * (around(smooth) > HEARD * floor), np.float32)


def around(smooth: FloatArray) -> FloatArray:
    """Mean of smoothed power (frames, bins) over the groups of `GROUP_BINS` before, of and after each bin."""
    groups = smooth.reshape(len(smooth), -1, GROUP_BINS).mean(axis=-1)
    padded = np.pad(groups, ((0, 0), (1, 1)), mode="edge")
    mean = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / np.float32(3)
    return np.repeat(mean, GROUP_BINS, axis=1)
