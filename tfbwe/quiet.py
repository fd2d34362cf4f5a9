"""C libraries without what they log about themselves: they write past Python, to file descriptor 2."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import IO

_LEVEL, _FATAL_ALONE = "TF_CPP_MIN_LOG_LEVEL", "3"
_NOTES = (b"INFO: ", b"I0000 ", b"WARNING: All log messages before absl::InitializeLog()")
_ONE_AT_A_TIME = threading.RLock()


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
    with _held_back() as (held, own):
        try:
            yield
        except Exception:
            if held is not None:
                held.seek(0)
                os.write(own, held.read())
            raise


@contextlib.contextmanager
def without_notes() -> Iterator[None]:
    """Hold back what is written to standard error meanwhile; let out all but notes in the end.

    For an interpreter that is being made, which says ``INFO: Created TensorFlow Lite XNNPACK delegate``.
    Warnings, errors and lines of other threads are late by these milliseconds, and not lost. Who sets
    ``TF_CPP_MIN_LOG_LEVEL`` to 0 sees notes too.
    """
    if os.environ.get(_LEVEL) == "0":
        yield
        return
    with _held_back() as (held, own):
        try:
            yield
        finally:
            if held is not None:
                held.seek(0)
                for line in held:
                    if not line.startswith(_NOTES):
                        os.write(own, line)


@contextlib.contextmanager
def _held_back() -> Iterator[tuple[IO[bytes] | None, int]]:
    """Put a temporary file in the place of standard error, for one thread at a time.

    Yields
    ------
    held : file or None
        What holds it back; None where there is no standard error, or no room for a temporary file.
    own : int
        File descriptor of standard error itself.
    """
    with _ONE_AT_A_TIME, contextlib.ExitStack() as stack:
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
            held = stack.enter_context(tempfile.TemporaryFile())
            own = os.dup(2)
        except OSError:
            yield None, 2
            return
        stack.callback(os.close, own)
        stack.callback(_restore, own)
        os.dup2(held.fileno(), 2)
        yield held, own


def _restore(own: int) -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
    os.dup2(own, 2)
