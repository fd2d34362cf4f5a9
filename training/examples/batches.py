"""A stream of batches, drawn ahead on threads, in a fixed order."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

Batch = dict[str, npt.NDArray[np.float32]]


class Batches(Iterator[Batch]):
    """Endless batches, drawn ahead on threads, in a fixed order.

    Parameters
    ----------
    draw : callable
        Returns the batch of a step, a function of its number alone.
    first_step : int
        Number of the first batch: a resumed run gets those that it would have got.
    workers : int
        Threads; they do not change the batches.
    """

    def __init__(self, draw: Callable[[int], Batch], first_step: int, workers: int) -> None:
        self._draw, self._step = draw, first_step
        self._depth = 2 * workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
        self._ahead: collections.deque[Future[Batch]] = collections.deque()
        self._closed = False

    def __next__(self) -> Batch:
        """Return the next batch; the iteration ends once it is closed."""
        try:
            while len(self._ahead) < self._depth:
                self._ahead.append(self._pool.submit(self._draw, self._step))
                self._step += 1
            return self._ahead.popleft().result()
        except (RuntimeError, CancelledError):
            if self._closed:
                raise StopIteration from None
            raise

    def close(self) -> None:
        """Stop drawing; may be called while another thread waits for a batch."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)
