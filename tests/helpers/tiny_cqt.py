"""A model of the CQT that is small, untrained and real: a graph that the interpreter runs."""

import dataclasses
import functools
import tempfile

import numpy as np

from tests.helpers.decoding import CQT_MANIFEST
from tfbwe.model.bundle import Bundle, digest

FRAMES, BINS = 448, 400


@functools.cache
def network():
    """Return the graph as Keras has it: (1, frames, bins) to two heads that no weight leaves at zero."""
    import keras

    from tfbwe.network.autoencoder import AutoencoderConfig, autoencoder, block_graph

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
    whole = autoencoder(config)
    rng = np.random.default_rng(0)
    whole.set_weights([w + 0.2 * rng.standard_normal(w.shape) for w in whole.get_weights()])
    return block_graph(whole, config)


@functools.cache
def bundle(shape=(1, FRAMES, BINS), dtype="float32"):
    """Return the converted graph with its manifest; another shape or type makes a graph of sums instead."""
    import tensorflow as tf

    module = tf.Module()
    if (shape, dtype) == ((1, FRAMES, BINS), "float32"):
        graph = network()
        module.weights = [variable.value for variable in graph.variables]

        def heads(features):
            return graph({"features": features}, training=False)
    else:

        def heads(features):
            return {"log_gain": features + features, "log_residual": features + features + features}

    module.serve = tf.function(lambda features: heads(features))
    signature = module.serve.get_concrete_function(features=tf.TensorSpec(shape, dtype, name="features"))
    with tempfile.TemporaryDirectory(prefix="tfbwe-tiny-") as folder:
        tf.saved_model.save(module, folder, signatures=signature)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
        flatbuffer = bytes(converter.convert())
    manifest = dataclasses.replace(CQT_MANIFEST, sha256=digest(flatbuffer), size_bytes=len(flatbuffer))
    return Bundle("cqt.tflite", manifest, flatbuffer)
