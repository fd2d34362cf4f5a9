"""TensorFlow without what it logs about itself."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

_LEVEL, _FATAL_ALONE = "TF_CPP_MIN_LOG_LEVEL", "3"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hold back what is written to standard error meanwhile; let it out if an exception ends it.

    For ``import tensorflow`` and for its converter, which both log whatever its settings are. From the first
    use on TensorFlow logs no more either; its errors are Python's exceptions. Who sets
    ``TF_CPP_MIN_LOG_LEVEL`` to 0, 1 or 2 sees everything.
    """
    if os.environ.setdefault(_LEVEL, _FATAL_ALONE) != _FATAL_ALONE:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
            held = stack.enter_context(tempfile.TemporaryFile())
            own = os.dup(2)
        except OSError:  # closed, or no room for a temporary file
            yield
            return
        stack.callback(os.close, own)
        try:
            with _in_place_of_stderr(held.fileno(), own):
                yield
        except Exception:
            held.seek(0)
            os.write(own, held.read())
            raise


@contextlib.contextmanager
def _in_place_of_stderr(other: int, own: int) -> Iterator[None]:
    os.dup2(other, 2)
    try:
        yield
    finally:
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(own, 2)
