"""The restoring network: from long-term statistics in bands to the gain that undoes a condition."""

import keras
import numpy as np
import numpy.typing as npt

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


def equalised(network: keras.Model, statistics: npt.NDArray[np.float32]) -> keras.Model:
    """Scale the channels of all convolutions so that int8 serves them alike; what is returned stays the same.

    In int8 all channels of a tensor share one scale, which the loudest sets. A channel may be scaled as one
    likes where what reads it is scaled back, for a leaky ReLU scales along: cross-layer equalisation (Nagel
    et al., Data-free quantization through weight equalization and bias correction, ICCV 2019).

    Parameters
    ----------
    network : keras.Model
        As `restorer` builds it; left as it is.
    statistics : (excerpts, 155, 6) float32
        By which channels are measured.

    Returns
    -------
    keras.Model
        The same function but for rounding: each channel is half as far, in dB, from the loudest.
    """
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    blocks = [layer.name.removesuffix("_add") for layer in copy.layers if layer.name.endswith("_add")]
    summed = ["in", *blocks, *(f"{block}_add" for block in blocks)]
    outputs = keras.Model(copy.input, [copy.get_layer(name).output for name in summed])
    loudest = np.max([np.abs(one).max(axis=(0, 1)) for one in outputs.predict(statistics, verbose=0)], axis=0)
    most = max(loudest.max(), 1e-6)
    scale = np.sqrt(most / np.maximum(loudest, 1e-3 * most))
    for name in ["in", *blocks, *(f"{block}_widen" for block in blocks)]:
        kernel, bias = copy.get_layer(name).get_weights()
        copy.get_layer(name).set_weights([kernel * scale, bias * scale])
    for name in [*blocks, *(f"{block}_narrow" for block in blocks), "out"]:
        kernel, bias = copy.get_layer(name).get_weights()
        copy.get_layer(name).set_weights([kernel / scale[:, None], bias])
    return copy
