"""The STFT autoencoder, as a network over whole excerpts for training and as a step graph for the decoder.

"Vertical" convolutions run along frequency, frame by frame, and shrink the spectrum; "horizontal" ones,
causal and dilated, run along time in the bottleneck only. So all memory of the past sits in a few small
tensors, and a graph that takes one frame and these states is the whole model.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras

from .errors import ConfigError
from .high_band import HEADS
from .layers import Clip, LinearInterpolation, SubPixel
from .stft import N_FFT

TIME_KERNEL = 3
LOG_GAIN_RANGE = (-4.0, 9.0)


@dataclasses.dataclass(frozen=True)
class StftConfig:
    """Shape of the STFT autoencoder.

    Attributes
    ----------
    bins : int
        Bins that are read and predicted, from 0 Hz up, 1025 at most; 768 reach 16.5 kHz.
    channels, kernels, strides : tuple of int
        Of the vertical encoder, finest stage first; the decoder mirrors them. The heads are given at every
        `strides[0]`-th bin and interpolated.
    bottleneck : int
        Channels of the horizontal convolutions.
    dilations : tuple of int
        Of the horizontal convolutions, in frames.
    heads : tuple of str
        Among `HEADS`.
    causal : bool
        Whether horizontal convolutions see the past alone. Only a causal network has a step graph.
    dropout : float
        Share of bottleneck channels silenced in training, in [0, 1).

    Raises
    ------
    ConfigError
        If a value is outside its range, or the stages do not fit together.
    """

    bins: int = 768
    channels: tuple[int, ...] = (12, 24, 32)
    kernels: tuple[int, ...] = (9, 7, 5)
    strides: tuple[int, ...] = (4, 4, 2)
    bottleneck: int = 112
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    heads: tuple[str, ...] = HEADS
    causal: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("channels", "kernels", "strides", "dilations"):
            values = getattr(self, name)
            if not (isinstance(values, tuple) and values and all(type(n) is int and n > 0 for n in values)):
                raise ConfigError(f"{name}: expected whole numbers above 0, received {values!r}")
        if not self.bottleneck > 0:
            raise ConfigError(f"bottleneck: expected above 0, received {self.bottleneck}")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"dropout: expected in [0, 1), received {self.dropout}")
        if not 0 < self.bins <= N_FFT // 2 + 1:
            raise ConfigError(f"bins: expected 1 to {N_FFT // 2 + 1}, received {self.bins}")
        if not len(self.channels) == len(self.kernels) == len(self.strides):
            raise ConfigError("channels, kernels and strides must have one entry for each stage")
        shrink = 1
        for stride in self.strides:
            shrink *= stride
        if self.bins % shrink:
            raise ConfigError(
                f"bins must be a multiple of {shrink}, the product of the strides; got {self.bins}"
            )
        if not self.heads or set(self.heads) - set(HEADS) or len(set(self.heads)) < len(self.heads):
            raise ConfigError(f"heads must be among {', '.join(HEADS)}, each once; got {self.heads!r}")

    @property
    def state_shapes(self) -> dict[str, tuple[int, int, int]]:
        """Name and shape (1, frames, channels) of every state of the step graph."""
        return {
            f"state_{i}": (1, (TIME_KERNEL - 1) * dilation, self.bottleneck)
            for i, dilation in enumerate(self.dilations)
        }


def config_from_dict(values: dict[str, Any]) -> StftConfig:
    """Read a configuration as JSON holds it; unknown keys are a `ConfigError`."""
    try:
        arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return StftConfig(**arguments)
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"not the shape of a network of this version: {error}") from None


TimeConvolution = Callable[[Any, int], Any]


def _autoencoder(config: StftConfig, x: Any, horizontal: TimeConvolution) -> list[Any]:
    """Connect the layers from normalised log-magnitudes to the heads, each (batch, frames, bins)."""
    layers = keras.layers
    frames = -1 if x.shape[1] is None else x.shape[1]
    h = layers.Reshape((frames, config.bins, 1), name="spectrum")(x)
    skips = []
    for i, (channels, kernel, stride) in enumerate(
        zip(config.channels, config.kernels, config.strides, strict=True)
    ):
        h = layers.Conv2D(channels, (1, kernel), (1, stride), padding="same", name=f"down_{i}")(h)
        h = layers.LeakyReLU(0.1, name=f"down_{i}_activation")(h)
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
    return _heads(config, h, frames)


def _heads(config: StftConfig, h: Any, frames: int) -> list[Any]:
    """One value a bin for each head; zero at the start of training: the untrained network changes nothing.

    The best coherent gain is the ratio of magnitudes times a coherence of at most one (Wiener). So log_gain
    is a learned share, 0..1, of log_residual: near 1 where a filter let weak music through, near 0 on mere
    noise.
    """
    layers = keras.layers
    groups = {}
    for name in config.heads:
        groups[name] = layers.Conv2D(
            1, (1, 5), padding="same", kernel_initializer="zeros", dtype="float32", name=f"{name}_groups"
        )(h)
    if set(groups) == set(HEADS):
        share = layers.Activation("sigmoid", dtype="float32", name="share")(groups["log_gain"])
        product = layers.Multiply(dtype="float32", name="log_gain_product")
        groups["log_gain"] = product([share, groups["log_residual"]])
    return [bounded(config.strides[0], groups[name], name, (frames, config.bins)) for name in config.heads]


def bounded(factor: int, groups: Any, name: str, shape: tuple[int, int]) -> Any:
    """Interpolate a head between groups of `factor` bins and keep it in range; (batch, *shape) float32."""
    layers = keras.layers
    h = LinearInterpolation(factor, dtype="float32", name=f"{name}_bins")(groups)
    bounds = LOG_GAIN_RANGE if name == "log_gain" else (-LOG_GAIN_RANGE[1], LOG_GAIN_RANGE[1])
    h = Clip(*bounds, dtype="float32", name=f"{name}_clip")(h)
    return layers.Reshape(shape, dtype="float32", name=name)(h)


def stft_autoencoder(config: StftConfig) -> keras.Model:
    """Build the network over excerpts of any length.

    Returns
    -------
    keras.Model
        Functional, from normalised log-magnitudes (batch, frames, bins) float32 to a dictionary of heads,
        each (batch, frames, bins) float32.
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

    x = keras.Input((None, config.bins), name="features")
    heads = _autoencoder(config, x, horizontal)
    return keras.Model(x, dict(zip(config.heads, heads, strict=True)), name="stft_autoencoder")


def step_graph(network: keras.Model, config: StftConfig) -> keras.Model:
    """Build the same network for one frame, its memory made explicit, with the weights of `network`.

    Returns
    -------
    keras.Model
        Functional, batch 1, from ``features`` (1, 1, bins) and ``state_i`` (1, 2 * dilation, bottleneck) to
        the heads (1, 1, bins) and ``next_state_i``; all float32.

    Raises
    ------
    ConfigError
        If the network is not causal.
    """
    if not config.causal:
        raise ConfigError("a step graph needs a causal network; this one looks ahead (preset paper?)")
    x = keras.Input((1, config.bins), batch_size=1, name="features")
    states = {
        name: keras.Input(shape[1:], batch_size=1, name=name) for name, shape in config.state_shapes.items()
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

    heads = _autoencoder(config, x, horizontal)
    outputs = {**dict(zip(config.heads, heads, strict=True)), **next_states}
    step = keras.Model({"features": x, **states}, outputs, name="stft_step")
    for layer in network.layers:
        if layer.weights:
            step.get_layer(layer.name).set_weights(layer.get_weights())
    return step


def macs_per_frame(config: StftConfig) -> int:
    """Multiply-accumulate operations of one frame of one channel."""
    total, bins, width = 0, config.bins, 1
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
    return total + len(config.heads) * sizes[0] * config.channels[0] * 5
