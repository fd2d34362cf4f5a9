"""The whole decoder of an STFT model as one graph: a hop of samples and states in, the next ones out.

It computes what `tfbwe.extension.stft` and `tfbwe.extension.high_band` do, with the mirrored phase, for a
cutoff and a weight that are inputs: where those slice, this multiplies by masks. TFLite has no inverse FFT; a
forward one serves. With A the real part of a spectrum made even and B its imaginary part made odd, the
inverse at n is (Re S + Im S) / N of S = FFT(A + B), and (Re S - Im S) / N at N - n.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfbwe.band import FADE_HZ, crossover
from tfbwe.decoder import LOUDEST
from tfbwe.extension.high_band import CEILING, EDGE, IMAGE_S
from tfbwe.extension.stft import FADE_STEP, FADE_STEPS, FORGET
from tfbwe.model.features import NORMALISATION
from tfbwe.network.autoencoder import AutoencoderConfig, step_graph
from tfbwe.phase.mirror import TINY
from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, window

LATENCY = N_FFT - HOP_LENGTH
"""Samples by which a hop comes out later than it went in."""
TENSORS = {
    "hop": "the next received samples, nominally in [-1, 1], 44.1 kHz",
    "cutoff_hz": "where the received band ends; 0 adds nothing",
    "diffuse": "weight of the diffuse term, 0 to 1",
    "lost": "samples lost in a row up to the end of this hop, whose samples are 0 then; 0 if it was received",
    "extended": "received samples and high band, 1536 samples late",
    "high_band": "the high band alone, as late",
    "limited": "1 if the high band of this hop's frame was held below its ceiling, else 0",
    "history": "state: the last received samples",
    "overlap": "state: high band of frames that are not complete",
    "frame": "state: 1 in every second frame, by which the mirrored phase goes",
    "image": "state: level differences between channels",
    **{f"state_{i}": "state: memory of the network" for i in range(8)},
}
"""What each tensor is; every state ``x`` has an output ``next_x``, and starts at zero."""


class WaveGraph(tf.Module):  # type: ignore[misc]
    """The graph as a function of tensors by name; see the module.

    Parameters
    ----------
    network : keras.Model
        As `tfbwe.network.autoencoder.autoencoder` builds it, causal.
    config : AutoencoderConfig
    channels : int
        Whose gains are linked and whose image is steadied.
    highest_cutoff_hz, highest_hz : float
        Above that cutoff nothing is added; up to there the high band is predicted.
    """

    def __init__(
        self,
        network: keras.Model,
        config: AutoencoderConfig,
        channels: int,
        highest_cutoff_hz: float,
        highest_hz: float,
    ) -> None:
        super().__init__()
        self.channels, self.config = channels, config
        self.highest_cutoff_hz, self.highest_hz = highest_cutoff_hz, highest_hz
        self.step = step_graph(network, config, channels)
        # Keras' own tracking does not reach tf.Module: without this the converter would lose the weights.
        self.weights = [variable.value for variable in self.step.variables]
        self.number = tf.constant(np.arange(config.bins), tf.float32)
        self.window = tf.constant(window())
        self.synthesis = tf.constant(window() / (N_FFT / HOP_LENGTH / 2) / N_FFT, tf.float32)

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs that are no states."""
        return {"hop": (self.channels, HOP_LENGTH), "cutoff_hz": (1,), "diffuse": (1,), "lost": (1,)}

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the states."""
        own: dict[str, tuple[int, ...]] = {
            name: (self.channels, *shape[1:]) for name, shape in self.config.state_shapes.items()
        }
        own |= {"history": (self.channels, LATENCY), "overlap": (self.channels, LATENCY), "frame": (1,)}
        return own | ({"image": (self.channels, self.config.bins)} if self.channels > 1 else {})

    @property
    def tensor_names(self) -> set[str]:
        """Names of all inputs and outputs but for the next states."""
        return {*self.input_shapes, *self.state_shapes, "extended", "high_band", "limited"}

    def function(self) -> Any:
        """Return the concrete function of the graph, all tensors float32 with their names."""
        shapes = {**self.input_shapes, **self.state_shapes}
        specs = {name: tf.TensorSpec(shape, tf.float32, name=name) for name, shape in shapes.items()}
        return tf.function(lambda **tensors: self._process(tensors)).get_concrete_function(**specs)

    def _process(self, given: dict[str, Any]) -> dict[str, Any]:
        cutoff_hz, diffuse, lost = given["cutoff_hz"], given["diffuse"], given["lost"]
        past = tf.concat([given["history"], given["hop"]], axis=1)
        spectrum = tf.signal.rfft(tf.clip_by_value(past, -LOUDEST, LOUDEST) * self.window)
        # Slices of complex tensors do not convert: first the parts, then the slices.
        real, imaginary = (part(spectrum)[:, : self.config.bins] for part in (tf.math.real, tf.math.imag))
        magnitude = tf.sqrt(real * real + imaginary * imaginary)
        kept = _one(lost < FORGET)
        states = {name: given[name] * kept for name in self.config.state_shapes}
        features = NORMALISATION.features(magnitude, ops)
        out = self.step({"features": features[:, None], **states}, training=False)
        moves = _one((cutoff_hz > 0) & (cutoff_hz <= self.highest_cutoff_hz))
        log_gain, log_residual = out["log_gain"][:, 0], out["log_residual"][:, 0]
        octave = _one(self._octave(cutoff_hz))
        power = tf.reduce_sum(magnitude * magnitude * octave, -1, keepdims=True) / tf.reduce_sum(octave)
        ceiling = CEILING * tf.sqrt(power)
        gain = self._gain(log_gain, magnitude, power, ceiling)
        hertz = self.number * BIN_HZ
        target = self._mended(NORMALISATION.raised(magnitude, log_residual, ops), magnitude, cutoff_hz)
        diffuses = moves * _one(diffuse > 0)
        beyond = (target > ceiling) & (ceiling > 0) & (hertz >= cutoff_hz)
        missing = self._missing(target, magnitude, gain, ceiling)
        next_states = {f"next_{name}": out[f"next_{name}"] for name in states}
        if self.channels > 1:
            missing, image = self._steady(missing, ceiling, given["image"], cutoff_hz, diffuses)
            next_states["next_image"] = image
        top = tf.clip_by_value(1 - (hertz - self.highest_hz) / FADE_HZ, 0.0, 1.0)
        raised = (gain - 1) * crossover(hertz, cutoff_hz, ops) * top
        diffused = missing * _one(hertz >= cutoff_hz) * top * diffuse
        fade = moves * tf.maximum(0.0, 1 - tf.floor(lost / FADE_STEP) / FADE_STEPS)
        phasor = self._mirrored(real, imaginary, magnitude, cutoff_hz, given["frame"])
        added = ((x * raised + p * diffused) * fade for x, p in zip((real, imaginary), phasor, strict=True))
        total = self._inverse(*added) + tf.pad(given["overlap"], [[0, 0], [0, HOP_LENGTH]])
        high_band = total[:, :HOP_LENGTH]
        return {
            "extended": past[:, :HOP_LENGTH] + high_band,
            "high_band": high_band,
            "limited": tf.reshape(tf.reduce_max(_one(beyond)) * diffuses, (1,)),
            "next_history": past[:, HOP_LENGTH:],
            "next_overlap": total[:, HOP_LENGTH:],
            "next_frame": 1 - given["frame"],
            **next_states,
        }

    def _octave(self, cutoff_hz: Any) -> Any:
        """Whether each bin is one of the octave under the cutoff."""
        highest = tf.clip_by_value(tf.floor(cutoff_hz / BIN_HZ), 1.0, self.config.bins - 1.0)
        return (self.number >= tf.floor(highest / 2)) & (self.number < highest)

    def _gain(self, log_gain: Any, magnitude: Any, power: Any, ceiling: Any) -> Any:
        """One gain for all channels, their mean weighted by power; limited in each, (channels, bins)."""
        weights = power + 1e-12
        weights /= tf.reduce_sum(weights, 0, keepdims=True)
        linked = tf.exp(tf.reduce_sum(log_gain * weights, 0, keepdims=True))
        limit = ceiling / tf.maximum(magnitude, NORMALISATION.epsilon)
        return tf.minimum(linked, tf.maximum(limit, 1.0))

    def _missing(self, target: Any, magnitude: Any, gain: Any, ceiling: Any) -> Any:
        """Magnitude of the diffuse term, (channels, bins)."""
        target = tf.minimum(tf.maximum(target, 0.0), ceiling)
        coherent = gain * magnitude
        return tf.sqrt(tf.maximum((target - coherent) * (target + coherent), 0.0))

    def _mended(self, target: Any, magnitude: Any, cutoff_hz: Any) -> Any:
        """Target magnitudes just above the cutoff, held between those of the bands on both sides."""
        hertz = self.number * BIN_HZ
        edges = [tf.minimum(cutoff_hz * (1 + EDGE * k), self.highest_hz) for k in (-2, -1, 0, 1, 2)]
        below, flank, above = (
            _one((hertz >= edges[i]) & (hertz < edges[j])) for i, j in ((0, 1), (2, 3), (3, 4))
        )

        def mean(x: Any, mask: Any) -> Any:
            return tf.reduce_sum(x * mask, -1, keepdims=True) / tf.maximum(tf.reduce_sum(mask), 1.0)

        def typical(x: Any) -> Any:
            logarithm = NORMALISATION.log(tf.maximum(x, 0.0), ops)
            return tf.exp(mean(logarithm, above)) - NORMALISATION.epsilon

        loudest = tf.sqrt(tf.maximum(mean(target * target, below), mean(target * target, above)))
        mended = tf.maximum(tf.minimum(target, loudest), typical(target) - typical(magnitude))
        there = [tf.minimum(tf.reduce_sum(mask), 1.0) for mask in (below, flank, above)]
        return target + flank * there[0] * there[1] * there[2] * (mended - target)

    def _steady(self, missing: Any, ceiling: Any, image: Any, cutoff_hz: Any, moves: Any) -> tuple[Any, Any]:
        """Smooth each channel's level relative to the mean of all; return the level differences too."""
        smoothing = math.exp(-HOP_LENGTH / SAMPLE_RATE / IMAGE_S)
        levels = NORMALISATION.log(missing, ops)
        change = tf.reduce_mean(levels, 0, keepdims=True) - levels
        moved = image - (1 - smoothing) * (change + image)
        ratio = tf.exp(change + moved)
        steady = missing * ratio + NORMALISATION.epsilon * (ratio - 1)
        above = _one(self.number * BIN_HZ >= cutoff_hz)
        return tf.minimum(tf.maximum(steady, 0.0), ceiling), image + above * moves * (moved - image)

    def _mirrored(
        self, real: Any, imaginary: Any, magnitude: Any, cutoff_hz: Any, frame: Any
    ) -> tuple[Any, Any]:
        """Unit phasors of the received band folded about the cutoff, as `tfbwe.phase.mirror` has them."""
        cutoff_bin = tf.maximum(tf.floor(cutoff_hz / BIN_HZ), 1.0)
        folds = tf.floor((self.number + cutoff_bin) / (2 * cutoff_bin))
        source = self.number - 2 * cutoff_bin * folds
        index = tf.minimum(tf.cast(tf.abs(source), tf.int32), self.config.bins - 1)
        turns = frame * folds * cutoff_bin
        sign = 1 - 2 * (turns - 2 * tf.floor(turns / 2))
        side = 1 - 2 * _one(source < 0)
        empty = _one(magnitude < TINY)
        scale = (1 - empty) / tf.maximum(magnitude, TINY)
        unit_real, unit_imaginary = (
            tf.gather(x, index, axis=1) for x in (real * scale + empty, imaginary * scale)
        )
        return unit_real * sign, unit_imaginary * sign * side

    def _inverse(self, real: Any, imaginary: Any) -> Any:
        """Windowed inverse FFT, (channels, N_FFT)."""
        rest = [[0, 0], [0, N_FFT // 2 + 1 - self.config.bins]]
        real, imaginary = tf.pad(real, rest), tf.pad(imaginary, rest)
        even = tf.concat([real, tf.reverse(real[:, 1:-1], [1])], 1)
        odd = tf.concat([imaginary, -tf.reverse(imaginary[:, 1:-1], [1])], 1)
        spectrum = tf.signal.rfft(even + odd)
        a, b = tf.math.real(spectrum), tf.math.imag(spectrum)
        return tf.concat([a + b, tf.reverse((a - b)[:, 1:-1], [1])], 1) * self.synthesis


def _one(condition: Any) -> Any:
    """1 where a condition holds, else 0."""
    return tf.cast(condition, tf.float32)
