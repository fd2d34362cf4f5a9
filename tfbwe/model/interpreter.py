"""Opening a model's graph with whatever TFLite interpreter is installed, and checking what it is."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ModelError
from ..quiet import without_notes
from ..transform import TRANSFORMS, Transform
from .bundle import Bundle
from .features import Normalisation

MAIN = "serving_default"
"""Signature of the graph that runs for every frame, block or hop."""


_HELD, _WAITS, _WAIT_S = "reference to internal data", 1000, 1e-3


def unheld(call: Callable[[], None]) -> None:
    """Call what an interpreter refuses as long as something else holds on to it.

    A profiler that looks at the stack of this thread, as each worker of Dask has one, keeps for a moment
    what was let go; then the interpreter takes it for an array of its own memory.
    """
    for _ in range(_WAITS):
        try:
            return call()
        except RuntimeError as error:
            if _HELD not in str(error):
                raise
            time.sleep(_WAIT_S)
    return call()


def _interpreter_class() -> Any:
    """Return whatever TFLite interpreter is installed."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        try:
            from tflite_runtime.interpreter import Interpreter
        except ImportError:
            try:
                from tensorflow.lite import Interpreter
            except ImportError:
                raise ModelError("no TFLite interpreter is installed; pip install ai-edge-litert") from None
    return Interpreter


def interpreter_name() -> str:
    """Package and version of the installed interpreter, as ``ai-edge-litert 2.3.0``."""
    package = _interpreter_class().__module__.split(".")[0].replace("_", "-")
    return f"{package} {importlib.metadata.version(package)}"


def opened(bundle: Bundle) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Interpreter of a bundle's graph, one thread, with the details of its inputs and outputs by name.

    Raises
    ------
    ModelError
        If the interpreter refuses it, or none is installed.
    """
    # The runner must not be kept: with one about, the interpreter refuses to run.
    interpreter, runner = _signature(bundle, MAIN)
    return interpreter, runner.get_input_details(), runner.get_output_details()


def opened_signature(bundle: Bundle, name: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Runner of another signature of a bundle's graph, called with its inputs by name; else as `opened`."""
    _, runner = _signature(bundle, name)
    return runner, runner.get_input_details(), runner.get_output_details()


def _signature(bundle: Bundle, name: str) -> tuple[Any, Any]:
    try:
        with without_notes():
            interpreter = _interpreter_class()(model_content=bundle.flatbuffer, num_threads=1)
            unheld(interpreter.allocate_tensors)
            return interpreter, interpreter.get_signature_runner(name)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{bundle.name}: the interpreter refuses it: {error}") from None


def check_tensors(
    bundle: Bundle, side: str, found: dict[str, Any], expected: dict[str, tuple[int, ...]]
) -> None:
    """Refuse a graph whose inputs or outputs are not those expected; all float32."""
    received = {name: tuple(int(n) for n in details["shape"]) for name, details in found.items()}
    if received != expected:
        raise ModelError(f"{bundle.name}: expected the {side}s {expected}, the graph has {received}")
    for name, details in found.items():
        if details["dtype"] is not np.float32:
            raise ModelError(
                f"{bundle.name}: expected float32 for the {side} {name}, the graph has {details['dtype']}"
            )


def check_signal(bundle: Bundle) -> Transform:
    """Refuse another signal than ours; return its transform."""
    _check_normalisation(bundle)
    manifest = bundle.manifest
    received = dict(manifest.transform)
    bins, kind = received.pop("bins", None), received.get("kind")
    transform = TRANSFORMS.get(kind) if isinstance(kind, str) else None
    if transform is None:
        raise ModelError(
            f"{bundle.name}: expected the transform {' or '.join(TRANSFORMS)}, received {kind!r}"
        )
    most = len(transform.frequencies)
    if received != transform.parameters or type(bins) is not int or not 0 < bins <= most:
        raise ModelError(
            f"{bundle.name}: expected the transform {transform.parameters} and bins up to {most},"
            f" received {manifest.transform}"
        )
    top_hz = transform.frequencies[bins - 1]
    if manifest.highest_hz > top_hz:
        raise ModelError(
            f"{bundle.name}: expected highest_hz up to {top_hz:g} for {bins} bins,"
            f" received {manifest.highest_hz:g}"
        )
    if manifest.graph["kind"] == "step" and transform.frames is not None and manifest.states:
        raise ModelError(
            f"{bundle.name}: expected no states, each block stands alone, received {manifest.states}"
        )
    return transform


def _check_normalisation(bundle: Bundle) -> None:
    normalisation = bundle.manifest.normalisation
    numbers = {name: value for name, value in normalisation.items() if type(value) in (int, float)}
    if set(numbers) != {field.name for field in dataclasses.fields(Normalisation)} or not (
        numbers["epsilon"] > 0 < numbers["scale"] and np.isfinite(list(numbers.values())).all()
    ):
        raise ModelError(
            f"{bundle.name}: expected the normalisation epsilon, offset and scale, received {normalisation}"
        )
