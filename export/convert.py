"""From a trained network to TFLite flatbuffers of the decoder's graph, one for each quantisation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfbwe.errors import ModelError
from tfbwe.network.autoencoder import AutoencoderConfig, decoder_graph

from .wave import WaveGraph

FloatArray = npt.NDArray[np.float32]


def convert(
    network: keras.Model, config: AutoencoderConfig, features: FloatArray, quantisation: str
) -> bytes:
    """Convert a network into the graph that the decoder runs.

    Parameters
    ----------
    network : keras.Model
        As `tfbwe.network.autoencoder.autoencoder` builds it.
    config : AutoencoderConfig
    features : (excerpts, frames, bins) float32
        Training features that set the ranges of ``int8``.
    quantisation : str
        One of `export.cli.QUANTISATIONS`. All have float inputs and outputs and static shapes.

    Returns
    -------
    bytes
        The flatbuffer.

    Raises
    ------
    ModelError
        If the converter fails, for example on an operation that is not built in.
    """
    graph = decoder_graph(network, config)
    with tempfile.TemporaryDirectory(prefix="tfbwe-export-") as folder:
        _save(graph, folder)
        return _flatbuffer(folder, quantisation, lambda: representative(graph, features))


def convert_wave(graph: WaveGraph, quantisation: str) -> bytes:
    """Convert the whole decoder.

    Parameters
    ----------
    graph : WaveGraph
    quantisation : str
        ``none``, ``float16`` or ``dynamic``: in these the signal path stays in float32.

    Returns
    -------
    bytes
        The flatbuffer.

    Raises
    ------
    ModelError
        If the converter fails.
    """
    with tempfile.TemporaryDirectory(prefix="tfbwe-export-") as folder:
        tf.saved_model.save(graph, folder, signatures=graph.function())
        return _flatbuffer(folder, quantisation)


def _flatbuffer(
    folder: str, quantisation: str, examples: Callable[[], Iterator[dict[str, FloatArray]]] | None = None
) -> bytes:
    """Convert a SavedModel; `examples` set the ranges of ``int8``."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantisation != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantisation == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantisation == "int8":
        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        return bytes(converter.convert())
    except Exception as error:  # the converter has errors of many classes of its own
        raise ModelError(f"cannot be converted to {quantisation}: {error}") from None


def _save(graph: keras.Model, folder: str) -> None:
    """Write a SavedModel whose signature has the names of the graph's tensors."""
    names = [tensor.name for tensor in graph.inputs]
    module = tf.Module()
    # Keras' own tracking does not reach tf.Module: without this the converter would lose the weights.
    module.weights = [variable.value for variable in graph.variables]

    def serve(**tensors: Any) -> Any:
        return graph({name: tensors[name] for name in names}, training=False)

    specs = {t.name: tf.TensorSpec(t.shape, tf.float32, name=t.name) for t in graph.inputs}
    module.serve = tf.function(serve)
    tf.saved_model.save(module, folder, signatures=module.serve.get_concrete_function(**specs))


def representative(graph: keras.Model, features: FloatArray) -> Iterator[dict[str, FloatArray]]:
    """Yield inputs of the graph, states included, as they occur while it runs over excerpts.

    Of frames every fourth is enough, since neighbours are much alike.
    """
    run = tf.function(lambda inputs: graph(inputs, training=False))
    frames = next(t.shape[1] for t in graph.inputs if t.name == "features")
    for excerpt in features:
        states = {t.name: np.zeros(t.shape, np.float32) for t in graph.inputs if t.name != "features"}
        for i, step in enumerate(excerpt.reshape(-1, 1, frames, excerpt.shape[-1])):
            inputs = {"features": step, **states}
            if i % 4 == 3 or not states:
                yield inputs
            if states:
                outputs = run({name: tf.constant(value) for name, value in inputs.items()})
                states = {name: outputs[f"next_{name}"].numpy() for name in states}
