"""The shapes of the networks, and what they may be; without Keras, which takes seconds to import."""

from __future__ import annotations

import dataclasses

from ..errors import ConfigError
from ..stft import N_FFT

TIME_KERNEL = 3


@dataclasses.dataclass(frozen=True)
class AutoencoderConfig:
    """Shape of an autoencoder.

    Attributes
    ----------
    bins : int
        Bins or bands that are read and predicted, from the lowest up, 1025 at most. 960 bins of the STFT
        reach 20.6 kHz, 400 bands of the constant-Q transform 20.3 kHz.
    frames : int, optional
        Frames of an excerpt; any number if ``None``.
    time_stride : int
        Frames that the first stage takes together; `frames` must be a multiple of it. The output is given
        for every group of so many and interpolated.
    channels, kernels, strides : tuple of int
        Of the vertical encoder, finest stage first; the decoder mirrors them. The output is given at every
        `strides[0]`-th bin and interpolated.
    bottleneck : int
        Channels of the horizontal convolutions.
    dilations : tuple of int
        Of the horizontal convolutions, in groups of `time_stride` frames.
    causal : bool
        Whether horizontal convolutions see the past alone. Only a causal network has a step graph.
    dropout : float
        Share of bottleneck channels silenced in training, in [0, 1).

    Raises
    ------
    ConfigError
        If a value is outside its range, or the stages do not fit together.
    """

    bins: int = 960
    frames: int | None = None
    time_stride: int = 1
    channels: tuple[int, ...] = (12, 24, 32)
    kernels: tuple[int, ...] = (9, 7, 5)
    strides: tuple[int, ...] = (4, 4, 2)
    bottleneck: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    causal: bool = True
    dropout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("channels", "kernels", "strides", "dilations"):
            values = getattr(self, name)
            if not (isinstance(values, tuple) and values and all(type(n) is int and n > 0 for n in values)):
                raise ConfigError(f"{name}: expected whole numbers above 0, received {values!r}")
        frames = self.time_stride if self.frames is None else self.frames
        if not (self.time_stride > 0 < frames and frames % self.time_stride == 0):
            raise ConfigError(
                f"frames must be a multiple of time_stride, both above 0; "
                f"received {self.frames} and {self.time_stride}"
            )
        if self.time_stride > 1 and (self.causal or self.frames is None):
            raise ConfigError(
                "a time_stride above 1 needs a number of frames and a network that is not causal"
            )
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

    @property
    def state_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape (1, frames, channels) of every state of the decoder's graph; a block's has none."""
        if self.frames is not None:
            return {}
        return {
            f"state_{i}": (1, (TIME_KERNEL - 1) * dilation, self.bottleneck)
            for i, dilation in enumerate(self.dilations)
        }


@dataclasses.dataclass(frozen=True)
class RestorerConfig:
    """Shape of a restoring network.

    Attributes
    ----------
    channels : int
        Of all convolutions along frequency.
    dilations : tuple of int
        One residual block each, in groups of `stride` bands.
    pooled : int
        Units through which each block tells all bands what the mean over them is.
    stride : int
        Bands that the first convolution takes together; the gain is interpolated between groups.

    Raises
    ------
    ConfigError
        If a value is not a whole number above 0.
    """

    channels: int = 32
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)
    pooled: int = 32
    stride: int = 2

    def __post_init__(self) -> None:
        numbers = (self.channels, self.pooled, self.stride, *self.dilations)
        if not all(type(number) is int and number > 0 for number in numbers) or not self.dilations:
            raise ConfigError(f"a restoring network: expected whole numbers above 0, received {self}")
