"""A stream of batches, drawn ahead on threads, with or without processes of their own, in a fixed order."""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tfbwe.errors import ConfigError

Batch = dict[str, npt.NDArray[np.float32]]
Draw = Callable[[int], Batch]

ENVIRONMENT = {
    # glibc: keep freed memory instead of asking the system for it again with every example; a fifth faster.
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}
"""What processes that degrade music start with."""
_PARSING = threading.Lock()


def mapped(file: Path) -> npt.NDArray[Any]:
    """Open an array in a file, from any thread: Python 3.11 may fail where two parse headers (gh-106905)."""
    with _PARSING:
        array: npt.NDArray[Any] = np.load(file, mmap_mode="r")
    return array


class Batches(Iterator[Batch]):
    """Endless batches, drawn ahead, in a fixed order.

    Parameters
    ----------
    draw : callable
        Returns the batch of a step, a function of its number alone. Processes get it pickled: it should hold
        little.
    first_step : int
        Number of the first batch: a resumed run gets those that it would have got.
    workers : int
        How many batches are drawn at the same time; they do not change the batches.
    processes : bool
        Whether several workers are processes, for a `draw` that computes, where threads wait for each other;
        else they are threads, for one that copies. Processes end with this one, or with `close`.

    Attributes
    ----------
    failure : Exception or None
        What ended the stream, if anything did: whoever reads it through TensorFlow gets an error of its own.
    """

    def __init__(self, draw: Draw, first_step: int, workers: int, processes: bool = False) -> None:
        self._draw, self._step, self._depth = draw, first_step, 2 * workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
        self._ahead: collections.deque[Future[Batch]] = collections.deque()
        self._closed = False
        self._processes: list[_Process] = []
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self.failure: Exception | None = None
        if processes and workers > 1:
            self._draw = self._drawn_elsewhere
            for name, value in ENVIRONMENT.items():
                os.environ.setdefault(name, value)
            for _ in range(workers):
                self._processes.append(_Process(draw))
                self._idle.put(self._processes[-1])

    def __next__(self) -> Batch:
        """Return the next batch; the iteration ends once it is closed.

        Raises
        ------
        ConfigError
            If a process was killed.
        """
        try:
            while len(self._ahead) < self._depth:
                self._ahead.append(self._pool.submit(self._draw, self._step))
                self._step += 1
            return self._ahead.popleft().result()
        except Exception as error:
            if self._closed and isinstance(error, (RuntimeError, CancelledError, ConfigError)):
                raise StopIteration from None
            self.failure = error
            raise

    def close(self) -> None:
        """Stop drawing; may be called while another thread waits for a batch."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in self._processes:
            process.stop()

    def _drawn_elsewhere(self, step: int) -> Batch:
        process = self._idle.get()
        try:
            return process.batch(step)
        finally:
            self._idle.put(process)


class _Process:
    """A process that draws, and this end of its pipe."""

    def __init__(self, draw: Draw) -> None:
        context = multiprocessing.get_context("spawn")  # a copy of TensorFlow's threads would not work
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, draw), daemon=True)
        self._process.start()
        theirs.close()  # The only other end is now the process's own: what ends it closes the pipe.

    def batch(self, step: int) -> Batch:
        """Draw the batch of a step there; what it raises there is raised here."""
        try:
            self._pipe.send(step)
            found = self._pipe.recv()
        except (EOFError, OSError):
            raise ConfigError(
                "a process that draws examples was ended from outside, for want of memory perhaps; "
                "take fewer --workers, go on with --resume"
            ) from None
        if isinstance(found, Exception):
            raise found
        return cast("Batch", found)

    def stop(self) -> None:
        """End it, whatever it is at."""
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection, draw: Draw) -> None:
    """Draw the batches of the steps that come through a pipe, until the other end is closed."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all of a terminal; the parent stops this one
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            step = pipe.recv()
            try:
                found: Batch | Exception = draw(step)
            except Exception as error:
                found = error
            pipe.send(found)
