"""From trained networks to TFLite flatbuffers of the decoder's graphs, one for each quantisation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tfbwe.errors import ModelError
from tfbwe.model.interpreter import MAIN
from tfbwe.model.step_model import RESTORE
from tfbwe.network.autoencoder import decoder_graph
from tfbwe.network.restorer import equalised
from tfbwe.network.shapes import AutoencoderConfig
from tfbwe.restoration.statistics import FARTHEST

from .wave import WaveGraph

FloatArray = npt.NDArray[np.float32]
_NOTHING = np.zeros((0, 1, 1), np.float32)


def convert(
    network: keras.Model,
    config: AutoencoderConfig,
    restorer: keras.Model | None,
    quantisation: str,
    features: FloatArray = _NOTHING,
    statistics: FloatArray = _NOTHING,
) -> bytes:
    """Convert the networks into the graph that the decoder runs.

    Parameters
    ----------
    network : keras.Model
        As `tfbwe.network.autoencoder.autoencoder` builds it.
    config : AutoencoderConfig
    restorer : keras.Model or None
        As `tfbwe.network.restorer.restorer` builds it: becomes a signature of its own.
    quantisation : str
        One of `export.cli.QUANTISATIONS`. All have float inputs and outputs and static shapes.
    features : (excerpts, frames, bins) float32
    statistics : (excerpts, 155, 6) float32
        Training features of both networks that set the ranges of ``int8``.

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
    if quantisation == "int8" and restorer is not None:
        restorer = equalised(restorer, statistics)
    graphs = {MAIN: graph, **({} if restorer is None else {RESTORE: restorer})}

    def examples() -> Iterator[tuple[str, dict[str, FloatArray]]]:
        for inputs in representative(graph, features):
            yield MAIN, inputs
        for one in statistics if RESTORE in graphs else ():
            # One scale for all: the rare larger spreads of a logarithm would make levels coarse.
            yield RESTORE, {"statistics": one[None].clip(-FARTHEST, FARTHEST)}

    with tempfile.TemporaryDirectory(prefix="tfbwe-export-") as folder:
        _save(graphs, folder)
        return _flatbuffer(folder, quantisation, list(graphs), examples)


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
        return _flatbuffer(folder, quantisation, [MAIN])


def _flatbuffer(
    folder: str,
    quantisation: str,
    signatures: list[str],
    examples: Callable[[], Iterator[tuple[str, dict[str, FloatArray]]]] | None = None,
) -> bytes:
    """Convert a SavedModel; `examples` of inputs, each with its signature, set the ranges of ``int8``."""
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=signatures)
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


def _save(graphs: dict[str, keras.Model], folder: str) -> None:
    """Write a SavedModel with a signature for each graph, which has the names of its tensors."""
    module = tf.Module()
    # Keras' own tracking does not reach tf.Module: without this the converter would lose the weights.
    module.weights = [variable.value for graph in graphs.values() for variable in graph.variables]
    module.functions = {name: _function(graph) for name, graph in graphs.items()}
    signatures = {
        name: module.functions[name].get_concrete_function(
            **{t.name: tf.TensorSpec((1, *t.shape[1:]), tf.float32, name=t.name) for t in graph.inputs}
        )
        for name, graph in graphs.items()
    }
    tf.saved_model.save(module, folder, signatures=signatures)


def _function(graph: keras.Model) -> Any:
    """A graph as a function of tensors by name, to tensors by name."""
    names = [tensor.name for tensor in graph.inputs]

    def serve(**tensors: Any) -> Any:
        given = [tensors[name] for name in names]
        found = graph(dict(zip(names, given, strict=True)) if isinstance(graph.input, dict) else given[0])
        return found if isinstance(found, dict) else {"log_gain": found}

    return tf.function(serve)


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
