"""The autoencoder, as a network over excerpts for training and as a graph for the decoder.

"Vertical" convolutions run along frequency, frame by frame, and shrink the spectrum; "horizontal" ones,
dilated, run along time in the bottleneck only. On the STFT they are causal: all memory of the past sits in a
few small tensors, and a graph that takes one frame and these states is the whole model. On the constant-Q
transform the vertical ones span octaves, and the horizontal ones reach both ways inside a block: a graph that
takes one block is the whole model, without a memory.
"""

from collections.abc import Callable
from typing import Any

import keras

from ..errors import ConfigError
from ..model.features import HEAD
from .layers import Clip, LinearInterpolation, SubPixel
from .shapes import TIME_KERNEL, AutoencoderConfig

LOG_RESIDUAL_RANGE = (-9.0, 14.0)
"""Nepers: above an empty bin, whose logarithm is that of epsilon, music may be a million times as loud."""

TimeConvolution = Callable[[Any, int], Any]


def _autoencoder(config: AutoencoderConfig, x: Any, horizontal: TimeConvolution) -> Any:
    """Connect the layers from normalised log-magnitudes to the log residual, (batch, frames, bins)."""
    layers = keras.layers
    frames = -1 if x.shape[1] is None else x.shape[1] // config.time_stride
    h = layers.Reshape((frames * config.time_stride, config.bins, 1), name="spectrum")(x)
    skips = []
    together = config.time_stride
    for i, (channels, kernel, stride) in enumerate(
        zip(config.channels, config.kernels, config.strides, strict=True)
    ):
        size, strides = (together, kernel), (together, stride)
        h = layers.Conv2D(channels, size, strides, padding="same", name=f"down_{i}")(h)
        h = layers.LeakyReLU(0.1, name=f"down_{i}_activation")(h)
        together = 1
        skips.append(h)
    coarse, deepest = h.shape[2], config.channels[-1]
    h = layers.Reshape((frames, coarse * deepest), name="flatten")(h)
    h = layers.Dense(config.bottleneck, name="narrow")(h)
    h = layers.LeakyReLU(0.1, name="narrow_activation")(h)
    for i in range(len(config.dilations)):
        past = horizontal(h, i)
        past = layers.LeakyReLU(0.1, name=f"time_{i}_activation")(past)
        past = layers.SpatialDropout1D(config.dropout, name=f"time_{i}_dropout")(past)
        h = layers.Add(name=f"time_{i}_add")([h, past])
    h = layers.Dense(coarse * deepest, name="widen")(h)
    h = layers.Reshape((frames, coarse, deepest), name="unflatten")(h)
    h = layers.Add(name="widen_add")([h, skips[-1]])
    h = layers.LeakyReLU(0.1, name="widen_activation")(h)
    for i in reversed(range(1, len(config.channels))):
        stride = config.strides[i]
        h = layers.Conv2D(config.channels[i - 1] * stride, (1, 3), padding="same", name=f"up_{i}")(h)
        h = SubPixel(stride, name=f"up_{i}_subpixel")(h)
        h = layers.Add(name=f"up_{i}_add")([h, skips[i - 1]])
        h = layers.LeakyReLU(0.1, name=f"up_{i}_activation")(h)
    return _head(config, h, frames)


def _head(config: AutoencoderConfig, h: Any, frames: int) -> Any:
    """Log residual of each bin, interpolated in time and between bins; (batch, frames, bins) float32.

    It is zero at the start of training: the untrained network adds nothing.
    """
    layers = keras.layers
    h = layers.Conv2D(
        1, (1, 5), padding="same", kernel_initializer="zeros", dtype="float32", name=f"{HEAD}_groups"
    )(h)
    h = LinearInterpolation(config.strides[0], dtype="float32", name=f"{HEAD}_bins")(h)
    if config.time_stride > 1:
        h = layers.Reshape((1, frames, config.bins), dtype="float32", name=f"{HEAD}_turned")(h)
        h = LinearInterpolation(config.time_stride, dtype="float32", name=f"{HEAD}_frames")(h)
        frames *= config.time_stride
    h = Clip(*LOG_RESIDUAL_RANGE, dtype="float32", name=f"{HEAD}_clip")(h)
    return layers.Reshape((frames, config.bins), dtype="float32", name=HEAD)(h)


def autoencoder(config: AutoencoderConfig) -> keras.Model:
    """Build the network over excerpts.

    Returns
    -------
    keras.Model
        Functional, from normalised log-magnitudes (batch, frames, bins) float32 to ``log_residual``
        (batch, frames, bins) float32, nepers.
    """

    def horizontal(h: Any, i: int) -> Any:
        padding = "causal" if config.causal else "same"
        return keras.layers.Conv1D(
            config.bottleneck,
            TIME_KERNEL,
            dilation_rate=config.dilations[i],
            padding=padding,
            name=f"time_{i}",
        )(h)

    x = keras.Input((config.frames, config.bins), name="features")
    return keras.Model(x, _autoencoder(config, x, horizontal), name="autoencoder")


def block_graph(network: keras.Model, config: AutoencoderConfig) -> keras.Model:
    """Build the same network for one block, with the weights of `network`.

    Returns
    -------
    keras.Model
        Functional, batch 1, from ``features`` (1, frames, bins) to ``log_residual`` in the same shape; both
        float32.

    Raises
    ------
    ConfigError
        If the network takes any number of frames.
    """
    if config.frames is None:
        raise ConfigError("a block graph needs a network of a fixed number of frames")
    x = keras.Input((config.frames, config.bins), batch_size=1, name="features")
    return keras.Model({"features": x}, {HEAD: network(x)}, name="block")


def decoder_graph(network: keras.Model, config: AutoencoderConfig) -> keras.Model:
    """Build what the decoder runs: the graph of a block, or of one frame; see `block_graph`, `step_graph`."""
    return step_graph(network, config) if config.frames is None else block_graph(network, config)


def step_graph(network: keras.Model, config: AutoencoderConfig, channels: int = 1) -> keras.Model:
    """Build the same network for one frame, its memory made explicit, with the weights of `network`.

    Returns
    -------
    keras.Model
        Functional, batch 1, from ``features`` (1, 1, bins) and ``state_i`` (1, 2 * dilation, bottleneck) to
        ``log_residual`` (1, 1, bins) and ``next_state_i``; all float32.

    Raises
    ------
    ConfigError
        If the network is not causal.
    """
    if not config.causal:
        raise ConfigError("a step graph needs a causal network; this one uses later frames (preset paper?)")
    x = keras.Input((1, config.bins), batch_size=channels, name="features")
    states = {
        name: keras.Input(shape[1:], batch_size=channels, name=name)
        for name, shape in config.state_shapes.items()
    }
    next_states = {}

    def horizontal(h: Any, i: int) -> Any:
        state, dilation = states[f"state_{i}"], config.dilations[i]
        taps = keras.layers.Concatenate(axis=1, name=f"time_{i}_taps")(
            [state[:, :1], state[:, dilation : dilation + 1], h]
        )
        next_states[f"next_state_{i}"] = keras.layers.Concatenate(axis=1, name=f"next_state_{i}")(
            [state[:, 1:], h]
        )
        return keras.layers.Conv1D(config.bottleneck, TIME_KERNEL, padding="valid", name=f"time_{i}")(taps)

    outputs = {HEAD: _autoencoder(config, x, horizontal), **next_states}
    step = keras.Model({"features": x, **states}, outputs, name="stft_step")
    for layer in network.layers:
        if layer.weights:
            step.get_layer(layer.name).set_weights(layer.get_weights())
    return step


def macs_per_frame(config: AutoencoderConfig) -> float:
    """Multiply-accumulate operations of one frame of one channel."""
    total, bins, width = 0, config.bins, config.time_stride
    sizes = []
    for channels, kernel, stride in zip(config.channels, config.kernels, config.strides, strict=True):
        bins //= stride
        total += bins * channels * width * kernel
        width = channels
        sizes.append(bins)
    total += 2 * bins * width * config.bottleneck
    total += len(config.dilations) * TIME_KERNEL * config.bottleneck**2
    for i in reversed(range(1, len(config.channels))):
        total += sizes[i] * config.channels[i] * config.channels[i - 1] * config.strides[i] * 3
    total += sizes[0] * config.channels[0] * 5
    return total / config.time_stride
