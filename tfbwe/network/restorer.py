"""The restoring network: from long-term statistics in bands to the gain that undoes a condition."""

import keras

from ..restoration.statistics import BANDS, FEATURES
from .layers import Clip, LinearInterpolation
from .shapes import RestorerConfig

LOG_GAIN_RANGE = (-1.0, 7.0)
KERNEL = 5


def restorer(config: RestorerConfig) -> keras.Model:
    """Build the network.

    Returns
    -------
    keras.Model
        Functional, from `tfbwe.restoration.statistics.features` (batch, 155, 6) float32 to ``log_gain``
        (batch, 155) float32, nepers; 0 everywhere while it is untrained.
    """
    layers = keras.layers
    x = keras.Input((BANDS, FEATURES), name="statistics")
    h = layers.Conv1D(config.channels, KERNEL, config.stride, padding="same", name="in")(x)
    groups = h.shape[1]
    for i, dilation in enumerate(config.dilations):
        inner = layers.LeakyReLU(0.1, name=f"block_{i}_in")(h)
        inner = layers.Conv1D(
            config.channels, KERNEL, padding="same", dilation_rate=dilation, name=f"block_{i}"
        )(inner)
        pooled = layers.GlobalAveragePooling1D(keepdims=True, name=f"block_{i}_mean")(inner)
        pooled = layers.Dense(config.pooled, name=f"block_{i}_narrow")(pooled)
        pooled = layers.LeakyReLU(0.1, name=f"block_{i}_activation")(pooled)
        pooled = layers.Dense(config.channels, name=f"block_{i}_widen")(pooled)
        h = layers.Add(name=f"block_{i}_add")([h, inner, pooled])
    h = layers.LeakyReLU(0.1, name="out_activation")(h)
    h = layers.Conv1D(1, KERNEL, padding="same", kernel_initializer="zeros", name="out")(h)
    h = layers.Reshape((1, groups, 1), name="groups")(h)
    h = LinearInterpolation(config.stride, name="bands")(h)
    h = Clip(*LOG_GAIN_RANGE, name="clip")(h)
    h = layers.Reshape((groups * config.stride, 1), name="row")(h)
    if groups * config.stride > BANDS:
        h = layers.Cropping1D((0, groups * config.stride - BANDS), name="crop")(h)
    return keras.Model(x, layers.Reshape((BANDS,), dtype="float32", name="log_gain")(h), name="restorer")


def macs(config: RestorerConfig) -> float:
    """Multiply-accumulate operations of one run."""
    groups = -(-BANDS // config.stride)
    blocks = len(config.dilations)
    convolutions = groups * KERNEL * config.channels * (FEATURES + blocks * config.channels + 1)
    return convolutions + blocks * 2 * config.channels * config.pooled
