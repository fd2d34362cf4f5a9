"""The whole decoder of an STFT model as one graph: a hop of samples and states in, the next ones out.

It computes what `tfbwe.restoration.stream`, `tfbwe.extension.stft` and `tfbwe.extension.high_band` do, with
the mirrored phase, for a cutoff and a weight that are inputs: where those slice, this multiplies by masks.
TFLite has no inverse FFT; a forward one serves. With A the real part of a spectrum made even and B its
imaginary part made odd, the inverse at n is (Re S + Im S) / N of S = FFT(A + B), and (Re S - Im S) / N at
N - n.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from tfbwe.band import diffuse_weight
from tfbwe.extension.high_band import CEILING, IMAGE_S
from tfbwe.extension.stft import FADE_STEP, FADE_STEPS, FORGET
from tfbwe.model.features import HEAD, NORMALISATION
from tfbwe.network.autoencoder import step_graph
from tfbwe.network.shapes import AutoencoderConfig
from tfbwe.phase.mirror import TINY
from tfbwe.stft import BIN_HZ, HOP_LENGTH, LOUDEST, N_FFT, SAMPLE_RATE, window

from .wave_restoring import TENSORS as RESTORING_TENSORS
from .wave_restoring import Restoring, one

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
    **RESTORING_TENSORS,
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
    restorer : keras.Model or None
        As `tfbwe.network.restorer.restorer` builds it; without one nothing is restored.
    channels : int
        Whose gains are linked and whose image is steadied.
    highest_cutoff_hz, highest_hz : float
        Above that cutoff nothing is added; up to there the high band is predicted.
    """

    def __init__(
        self,
        network: keras.Model,
        config: AutoencoderConfig,
        restorer: keras.Model | None,
        channels: int,
        highest_cutoff_hz: float,
        highest_hz: float,
    ) -> None:
        super().__init__()
        self.channels, self.config = channels, config
        self.highest_cutoff_hz, self.highest_hz = highest_cutoff_hz, highest_hz
        self.step = step_graph(network, config, channels)
        self.restoring = Restoring(restorer)
        # Keras' own tracking does not reach tf.Module: without this the converter would lose the weights.
        networks = [self.step, *([] if restorer is None else [restorer])]
        self.weights = [variable.value for one in networks for variable in one.variables]
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
        own |= self.restoring.state_shapes
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
        real, imaginary = tf.math.real(spectrum), tf.math.imag(spectrum)
        gain, share, reach_hz, next_states = self.restoring(real, imaginary, given)
        raised = gain - 1
        # Slices of complex tensors do not convert: first the parts, then the slices.
        low_real, low_imaginary = (part[:, : self.config.bins] for part in (real, imaginary))
        magnitude = tf.sqrt(low_real * low_real + low_imaginary * low_imaginary)
        restored = magnitude * gain[:, : self.config.bins]
        hertz = self.number * BIN_HZ
        read = restored * one(hertz <= reach_hz)
        kept = one(lost < FORGET)
        states = {name: given[name] * kept for name in self.config.state_shapes}
        features = NORMALISATION.features(read, ops)
        out = self.step({"features": features[:, None], **states}, training=False)
        next_states |= {f"next_{name}": out[f"next_{name}"] for name in states}
        moves = one((cutoff_hz > 0) & (cutoff_hz <= self.highest_cutoff_hz))
        octave = one(self._octave(cutoff_hz))
        power = tf.reduce_sum(restored * restored * octave, -1, keepdims=True) / tf.reduce_sum(octave)
        ceiling = CEILING * tf.sqrt(power)
        target = NORMALISATION.raised(read, out[HEAD][:, 0], ops)
        diffuses = moves * one(diffuse > 0)
        beyond = (target > ceiling) & (ceiling > 0) & (hertz >= cutoff_hz)
        target = tf.minimum(tf.maximum(target, 0.0), ceiling)
        missing = tf.sqrt(tf.maximum((target - restored) * (target + restored), 0.0))
        missing *= share[:, : self.config.bins]
        if self.channels > 1:
            missing, image = self._steady(missing, ceiling, given["image"], cutoff_hz, diffuses)
            next_states["next_image"] = image
        diffused = missing * diffuse_weight(hertz, cutoff_hz, self.highest_hz, ops) * diffuse
        fade = moves * tf.maximum(0.0, 1 - tf.floor(lost / FADE_STEP) / FADE_STEPS)
        phasor = self._mirrored(low_real, low_imaginary, magnitude, cutoff_hz, given["frame"])
        rest = [[0, 0], [0, N_FFT // 2 + 1 - self.config.bins]]
        added = (
            (x * raised + tf.pad(p * diffused, rest)) * fade
            for x, p in zip((real, imaginary), phasor, strict=True)
        )
        total = self._inverse(*added) + tf.pad(given["overlap"], [[0, 0], [0, HOP_LENGTH]])
        high_band = total[:, :HOP_LENGTH]
        return {
            "extended": past[:, :HOP_LENGTH] + high_band,
            "high_band": high_band,
            "limited": tf.reshape(tf.reduce_max(one(beyond)) * diffuses, (1,)),
            "next_history": past[:, HOP_LENGTH:],
            "next_overlap": total[:, HOP_LENGTH:],
            "next_frame": 1 - given["frame"],
            **next_states,
        }

    def _octave(self, cutoff_hz: Any) -> Any:
        """Whether each bin is one of the octave under the cutoff."""
        highest = tf.clip_by_value(tf.floor(cutoff_hz / BIN_HZ), 1.0, self.config.bins - 1.0)
        return (self.number >= tf.floor(highest / 2)) & (self.number < highest)

    def _steady(self, missing: Any, ceiling: Any, image: Any, cutoff_hz: Any, moves: Any) -> tuple[Any, Any]:
        """Smooth each channel's level relative to the mean of all; return the level differences too."""
        smoothing = math.exp(-HOP_LENGTH / SAMPLE_RATE / IMAGE_S)
        levels = NORMALISATION.log(missing, ops)
        change = tf.reduce_mean(levels, 0, keepdims=True) - levels
        moved = image - (1 - smoothing) * (change + image)
        ratio = tf.exp(change + moved)
        steady = missing * ratio + NORMALISATION.epsilon * (ratio - 1)
        above = one(self.number * BIN_HZ >= cutoff_hz)
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
        side = 1 - 2 * one(source < 0)
        empty = one(magnitude < TINY)
        scale = (1 - empty) / tf.maximum(magnitude, TINY)
        unit_real, unit_imaginary = (
            tf.gather(x, index, axis=1) for x in (real * scale + empty, imaginary * scale)
        )
        return unit_real * sign, unit_imaginary * sign * side

    def _inverse(self, real: Any, imaginary: Any) -> Any:
        """Windowed inverse FFT, (channels, N_FFT)."""
        even = tf.concat([real, tf.reverse(real[:, 1:-1], [1])], 1)
        odd = tf.concat([imaginary, -tf.reverse(imaginary[:, 1:-1], [1])], 1)
        spectrum = tf.signal.rfft(even + odd)
        a, b = tf.math.real(spectrum), tf.math.imag(spectrum)
        return tf.concat([a + b, tf.reverse((a - b)[:, 1:-1], [1])], 1) * self.synthesis
