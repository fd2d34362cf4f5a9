"""Restoring in the graph from wave to wave: the statistics run along, the network is a condition in it.

It computes what `tfbwe.restoration.stream` and `tfbwe.restoration.gain` do, frame by frame. Every 24th frame
runs the network, in a `tf.cond` that becomes TFLite's own.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfbwe.band import crossover
from tfbwe.restoration import images
from tfbwe.restoration.gain import (
    CERTAIN,
    CLEAR,
    CLICKS,
    CLIFF,
    CLIFF_RATIO,
    FLAT,
    GATE,
    GATE_RUNNING,
    GROUP_BINS,
    HEARD,
    LEAST_BANDS,
    LEAST_GAIN,
    MERE,
    PLATEAU,
    QUIETEST,
    SMOOTHED_BINS,
    SMOOTHED_FRAMES,
    WALL,
)
from tfbwe.restoration.statistics import (
    BAND_BINS,
    BANDS,
    CENTRES_HZ,
    EDGE_FRAMES,
    FLOOR,
    MOMENTS,
    NOISE_BIAS,
    NOISE_SPREAD,
    SIDE_LOBES,
    SILENT_POWER,
    USED,
    features,
)
from tfbwe.restoration.stream import (
    FIRST_FRAMES,
    LOUDEST,
    NEW_MUSIC,
    PAUSE_FRAMES,
    REMEMBERED_FRAMES,
    STEEP,
    UPDATE_FRAMES,
)
from tfbwe.stft import BIN_HZ, N_FFT

TENSORS = {
    "count": "state: frames that the long-term statistics are made of; 1e30 if they were measured beforehand",
    "moments": "state: long-term statistics of the received power in 155 bands",
    "recent": "state: mean power of the last frames in each band",
    "curves": "state: log gain of each band, before and now, by which it is restored, nepers; mean power",
    "power": "state: power of the last two frames, by which restoring is smoothed",
    "restoring": "state: noise floor, reach before and now in Hz, frame, silent frames, frames since silence",
}
"""What each tensor is."""
_LARGE = 1e9


class Restoring:
    """Gain and reach of a frame as a function of its spectrum and the states.

    Parameters
    ----------
    network : keras.Model or None
        As `tfbwe.network.restorer.restorer` builds it; without one the gain is 1, and there are no states.
    """

    def __init__(self, network: keras.Model | None) -> None:
        self.network = network
        self.band = tf.constant(np.arange(BANDS), tf.float32)
        self.centres = tf.constant(CENTRES_HZ, tf.float32)
        lobes = np.concatenate([SIDE_LOBES[:0:-1], [0], SIDE_LOBES[1:]])
        self.lobes = tf.constant(lobes[:, None, None], tf.float32)
        self.hertz = tf.constant(np.arange(USED) * BIN_HZ, tf.float32)

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the states."""
        if self.network is None:
            return {}
        return {
            "count": (1,),
            "moments": (len(MOMENTS), BANDS),
            "recent": (BANDS,),
            "curves": (3, BANDS),
            "power": (SMOOTHED_FRAMES - 1, USED),
            "restoring": (6,),
        }

    def __call__(
        self, real: Any, imaginary: Any, given: dict[str, Any]
    ) -> tuple[Any, Any, Any, dict[str, Any]]:
        """Gain and what is missing (1, bins), reach (1,) in Hz, next states; of a frame (channels, bins)."""
        cutoff_hz = given["cutoff_hz"]
        if self.network is None:
            ones = tf.ones((1, N_FFT // 2 + 1))
            return ones, ones, cutoff_hz, {}
        a, b = real[:, :USED], imaginary[:, :USED]
        power = tf.reduce_mean(a * a + b * b, 0, keepdims=True)
        bands = tf.reduce_mean(tf.reshape(power, (BANDS, BAND_BINS)), -1)
        window = tf.concat([given["power"], power], 0)
        floor, from_hz, to_hz, frame, silent, settled = tf.unstack(given["restoring"])
        heard, silent, settled = self._heard(bands, given["lost"][0], silent, settled)
        count, moments, recent, goes_on = self._remembered(given, bands, heard, silent)
        curves, from_hz, to_hz = given["curves"] * goes_on, from_hz * goes_on, to_hz * goes_on
        silent = tf.where(heard, 0.0, silent)

        def update() -> tuple[Any, ...]:
            return self._updated(moments, count[0], curves[1], to_hz, floor, cutoff_hz)

        def keep() -> tuple[Any, ...]:
            return curves, from_hz, to_hz, floor

        curves, from_hz, to_hz, floor = tf.cond(tf.equal(frame, 0.0), update, keep)
        share = (frame + 1) / UPDATE_FRAMES
        curve = curves[0] + (curves[1] - curves[0]) * share
        curve *= one(settled >= EDGE_FRAMES)
        gain, missing = self._gain(curve, moments[2] ** 2, floor, window, cutoff_hz)
        frame = tf.where(frame + 1 < UPDATE_FRAMES, frame + 1, 0.0)
        return (
            gain,
            missing,
            tf.maximum(tf.minimum(from_hz, to_hz), cutoff_hz),
            {
                "next_count": count,
                "next_moments": moments,
                "next_recent": recent,
                "next_curves": curves,
                "next_power": window[1:],
                "next_restoring": tf.stack([floor, from_hz, to_hz, frame, silent, settled]),
            },
        )

    def _heard(self, bands: Any, lost: Any, silent: Any, settled: Any) -> tuple[Any, Any, Any]:
        """Whether a frame is measured; silent frames, and frames since, up to it."""
        quiet = (lost > 0) | (tf.reduce_max(bands) <= SILENT_POWER)
        heard = ~quiet & (settled >= EDGE_FRAMES)
        settled = tf.where(quiet, 0.0, tf.minimum(settled + 1, EDGE_FRAMES))
        return heard, tf.where(quiet, silent + 1, silent), settled

    def _remembered(
        self, given: dict[str, Any], bands: Any, heard: Any, silent: Any
    ) -> tuple[Any, Any, Any, Any]:
        """Statistics with a frame taken in; 0 after a pause, or where other music begins, else 1."""
        count, moments, recent, curves = (given[n] for n in ("count", "moments", "recent", "curves"))
        runs = count[0] <= REMEMBERED_FRAMES
        follows = one(heard & runs)
        counted = tf.minimum(count + 1, REMEMBERED_FRAMES)
        log = tf.math.log(bands + FLOOR)
        row = tf.stack([bands, log, tf.sqrt(bands), log * log])
        moments = moments + follows * (row - moments) / counted
        recent = recent + follows * (bands - recent) / UPDATE_FRAMES
        steep = one(curves[1] > STEEP)
        risen = tf.reduce_sum(steep * one(recent > NEW_MUSIC * curves[2]))
        other = heard & (2 * risen > tf.reduce_sum(steep))
        paused = ~heard & (silent >= PAUSE_FRAMES)
        goes_on = 1 - one(runs & (other | paused))
        return (count + follows * (counted - count)) * goes_on, moments, recent, goes_on

    def _updated(
        self, moments: Any, count: Any, before: Any, before_hz: Any, floor: Any, cutoff_hz: Any
    ) -> tuple[Any, ...]:
        """Curves, reach before and now, and noise floor, from a run of the network."""
        assert self.network is not None
        ready = (count >= FIRST_FRAMES) & (cutoff_hz[0] > 0)
        floor = tf.where(ready, self._noise_floor(moments), floor)
        read = features(moments[None], cutoff_hz[None], ops)
        log_gain, usual = self.network(read, training=False)[0], moments[2] ** 2
        known = ready & (count > REMEMBERED_FRAMES)
        gate = tf.where(known, GATE, GATE_RUNNING)
        curve, reach_hz = self._gated(log_gain, usual, cutoff_hz[0], floor, gate)
        there, undoing = images.undoing(moments[1], floor, cutoff_hz[0], ops)
        curve, reach_hz = tf.where(there, undoing, curve), tf.where(there, cutoff_hz[0], reach_hz)
        curve, reach_hz = curve * one(ready), reach_hz * one(ready)
        first, first_hz = tf.where(known, curve, before), tf.where(known, reach_hz, before_hz)
        return tf.stack([first, curve, moments[0]]), first_hz, reach_hz, floor

    def _noise_floor(self, moments: Any) -> Any:
        log = moments[1]
        excess = tf.sqrt(tf.maximum(moments[3] - log * log, 0.0)) - NOISE_SPREAD
        mere = excess < MERE
        enough = tf.reduce_sum(one(mere)) >= QUIETEST
        lowest, _ = tf.math.top_k(-log, PLATEAU)
        alike = lowest[0] - lowest[PLATEAU - 1] < FLAT
        bounded = tf.where(alike, log, log - 1.5 * tf.maximum(excess - CLICKS, 0.0))
        of_noise, _ = tf.math.top_k(-tf.where(mere, log, _LARGE), QUIETEST)
        of_noise = tf.maximum(of_noise, tf.reduce_mean(lowest[:QUIETEST]))
        quietest = tf.where(enough, of_noise, tf.math.top_k(-bounded, QUIETEST)[0])
        return tf.exp(-tf.reduce_mean(quietest) - NOISE_BIAS)

    def _gated(self, log_gain: Any, usual: Any, cutoff_hz: Any, floor: Any, gate: Any) -> tuple[Any, Any]:
        """Curve (155,) of what there is to restore, and its reach in Hz."""
        leaked = tf.nn.conv1d(usual[None, :, None], self.lobes, 1, "SAME")[0, :, 0]
        over = usual / (floor + leaked)
        above = self.centres > cutoff_hz
        end, clear = (
            tf.reduce_min(tf.where(above & (over <= least), self.band, float(BANDS)))
            for least in (gate, CLEAR)
        )
        reached = above & (self.band < end)
        gained = tf.reduce_max(tf.where(reached, log_gain, -_LARGE)) >= LEAST_GAIN
        next_to = above & (self.band < tf.reduce_min(tf.where(above, self.band, _LARGE)) + LEAST_BANDS)
        wall = tf.reduce_max(tf.where(next_to, log_gain, -_LARGE)) > WALL
        near = next_to & (self.centres < CLIFF_RATIO * cutoff_hz)
        wall |= tf.reduce_max(tf.where(near, log_gain, -_LARGE)) > CLIFF
        there = one(gained & ~wall & (tf.reduce_sum(one(reached)) >= LEAST_BANDS))
        curve = tf.maximum(log_gain, 0.0) * one(self.band < end) * there
        return curve, tf.maximum(clear * (BAND_BINS * BIN_HZ) * there, cutoff_hz)

    def _gain(self, curve: Any, usual: Any, floor: Any, window: Any, cutoff_hz: Any) -> tuple[Any, Any]:
        """Gain (1, bins) of the last frame of a window of powers (3, 930), and what it leaves missing."""
        row = tf.reduce_sum(window, 0) / SMOOTHED_FRAMES
        side = SMOOTHED_BINS // 2
        padded = tf.concat([row[:1]] * side + [row] + [row[-1:]] * side, 0)
        smooth = tf.add_n([padded[i : i + USED] for i in range(SMOOTHED_BINS)]) / SMOOTHED_BINS
        smooth = tf.maximum(smooth, 1e-20)
        fine = _at_bins(curve)
        weight = tf.maximum(1 - CERTAIN * floor / smooth, 0.0) * one(_around(smooth) > HEARD * floor)
        limit = tf.sqrt(_at_bins(usual) * tf.exp(2 * fine) * LOUDEST / smooth)
        raised = tf.maximum(tf.minimum(tf.exp(fine) * weight, limit), 1.0)
        there = one(fine > 0)
        raised = tf.where(fine > 0, raised, 1.0) * tf.exp(tf.minimum(fine, 0.0)) - 1
        raised *= crossover(self.hertz, cutoff_hz, ops)
        rest = [[0, N_FFT // 2 + 1 - USED]]
        return 1 + tf.pad(raised, rest)[None], 1 - tf.pad(weight * there, rest)[None]


def _at_bins(curve: Any) -> Any:
    """Values of the bands (155,) at the bins, (930,): linear between centres."""
    offsets = (np.arange(BAND_BINS) + 0.5) / BAND_BINS - 0.5
    before = tf.concat([curve[:1], curve[:-1]], 0)
    after = tf.concat([curve[1:], curve[-1:]], 0)
    bins = [curve * (1 - abs(o)) + (before if o < 0 else after) * abs(o) for o in offsets]
    return tf.reshape(tf.stack(bins, -1), (USED,))


def _around(smooth: Any) -> Any:
    """Mean of smoothed power (930,) over the groups of bins before, of and after each."""
    groups = tf.reduce_mean(tf.reshape(smooth, (-1, GROUP_BINS)), -1)
    padded = tf.concat([groups[:1], groups, groups[-1:]], 0)
    mean = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return tf.reshape(tf.tile(mean[:, None], (1, GROUP_BINS)), (USED,))


def one(condition: Any) -> Any:
    """1 where a condition holds, else 0."""
    return tf.cast(condition, tf.float32)
