"""A model of the CQT that is small, untrained and real: a graph that the interpreter runs."""

import dataclasses
import functools
import tempfile

import numpy as np

from tests.helpers.decoding import CQT_MANIFEST
from tfbwe.model.bundle import Bundle, digest

FRAMES, BINS = 448, 400


@functools.cache
def networks():
    """Return an extending network, its configuration and a restoring network; no weight is zero."""
    import keras

    from tfbwe.network.autoencoder import autoencoder
    from tfbwe.network.restorer import restorer
    from tfbwe.network.shapes import AutoencoderConfig, RestorerConfig

    config = AutoencoderConfig(
        bins=BINS,
        frames=FRAMES,
        time_stride=4,
        channels=(4, 4),
        kernels=(5, 5),
        strides=(4, 4),
        bottleneck=8,
        dilations=(1,),
        causal=False,
    )
    keras.utils.set_random_seed(0)
    found = autoencoder(config), restorer(RestorerConfig(channels=4, dilations=(1, 2), pooled=4))
    rng = np.random.default_rng(0)
    for one in found:
        one.set_weights([w + 0.2 * rng.standard_normal(w.shape) for w in one.get_weights()])
    found[0].get_layer("log_residual_groups").bias.assign([7.0])
    return found[0], config, found[1]


@functools.cache
def bundle(shape=(1, FRAMES, BINS), dtype="float32", whole=True):
    """Return the converted graph with its manifest; unless `whole`, one of a sum that restores nothing."""
    if whole:
        from export.convert import convert

        flatbuffer, restoring = convert(*networks(), "none"), CQT_MANIFEST.restoring
    else:
        flatbuffer, restoring = _sum(shape, dtype), {}
    manifest = dataclasses.replace(
        CQT_MANIFEST, sha256=digest(flatbuffer), size_bytes=len(flatbuffer), restoring=restoring
    )
    return Bundle("cqt.tflite", manifest, flatbuffer)


def _sum(shape, dtype):
    import tensorflow as tf

    module = tf.Module()
    module.serve = tf.function(lambda features: {"log_residual": features + features + features})
    signature = module.serve.get_concrete_function(features=tf.TensorSpec(shape, dtype, name="features"))
    with tempfile.TemporaryDirectory(prefix="tfbwe-tiny-") as folder:
        tf.saved_model.save(module, folder, signatures=signature)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        return bytes(converter.convert())
