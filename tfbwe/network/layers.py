"""Keras layers of the networks. Each is serialisable and made of operations that TFLite has built in."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfbwe")
class SubPixel(keras.layers.Layer):  # type: ignore[misc]
    """Upsampling along frequency by moving channels into bins (Shi et al. 2016, in one dimension).

    Input (batch, frames, bins, factor * channels), output (batch, frames, factor * bins, channels). It costs
    nothing, where a transposed convolution is five times slower in TFLite.
    """

    def __init__(self, factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        """Reshape; see the class."""
        _, _, bins, channels = x.shape
        frames = x.shape[1] if x.shape[1] is not None else ops.shape(x)[1]
        return ops.reshape(x, (-1, frames, bins * self.factor, channels // self.factor))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tfbwe")
class LinearInterpolation(keras.layers.Layer):  # type: ignore[misc]
    """Linear interpolation along frequency between the centres of groups of `factor` bins.

    Input (batch, frames, groups, channels), output (batch, frames, factor * groups, channels); the outermost
    half groups repeat the edge.
    """

    def __init__(self, factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        """Interpolate; see the class."""
        _, _, groups, channels = x.shape
        frames = x.shape[1] if x.shape[1] is not None else ops.shape(x)[1]
        before = ops.concatenate([x[:, :, :1], x[:, :, :-1]], axis=2)
        after = ops.concatenate([x[:, :, 1:], x[:, :, -1:]], axis=2)
        bins = []
        for place in range(self.factor):
            offset = (place + 0.5) / self.factor - 0.5
            neighbour = before if offset < 0 else after
            bins.append(x * (1.0 - abs(offset)) + neighbour * abs(offset))
        return ops.reshape(ops.concatenate(bins, axis=-1), (-1, frames, groups * self.factor, channels))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="tfbwe")
class Clip(keras.layers.Layer):  # type: ignore[misc]
    """Limit values to [minimum, maximum]; any shape."""

    def __init__(self, minimum: float, maximum: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.minimum = minimum
        self.maximum = maximum

    def call(self, x: Any) -> Any:
        """Limit; see the class."""
        return ops.clip(x, self.minimum, self.maximum)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of `__init__`."""
        return {**super().get_config(), "minimum": self.minimum, "maximum": self.maximum}
