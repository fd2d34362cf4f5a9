"""Work on many files, in this process or in several: one that is killed costs its file, not the run.

The executors of the standard library fail as a whole when one of their processes is killed, and do not say
what it worked on; so each process here has a pipe of its own.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NoReturn, TypeVar, cast

Task = TypeVar("Task")
Result = TypeVar("Result")
Tell = Callable[[float, float], None]
"""Takes how much of a task is done, and how much there is to be done in all."""

_STOPPING_S = 10.0


@dataclass(frozen=True)
class Killed:
    """Stands for the result of a task whose process ended before it gave one.

    Attributes
    ----------
    how : str
        Such as ``its process was killed (SIGKILL)``.
    """

    how: str


@dataclass(frozen=True)
class _Progress:
    done: float
    total: float


@dataclass(frozen=True)
class _Failure:
    trace: str


def processor_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(
    work: Callable[[Task, Tell], Result],
    tasks: Iterable[Task],
    jobs: int,
    tell: Callable[[Task, float, float], None],
) -> Generator[tuple[Task, Result | Killed], None, None]:
    """Do tasks, several at a time; leaving it early stops all of them.

    Parameters
    ----------
    work : callable
        Takes a task, and a function to be called while it goes on. For several jobs it must be picklable,
        as tasks and results must.
    tasks : iterable
        One is taken from it when a process is free for it.
    jobs : int
        Processes, which are started when they are needed; with 1 the work is done in this process.
    tell : callable
        Called in this process with a task, how much of it is done and how much there is in all.

    Yields
    ------
    task, result
        As they come, in any order.
    """
    waiting = iter(tasks)
    if jobs == 1:
        for task in waiting:
            yield task, work(task, functools.partial(tell, task))
        return
    crew: dict[Connection, _Worker[Task]] = {}
    try:
        for task in waiting:
            worker = _Worker(work, task)
            crew[worker.pipe] = worker
            if len(crew) == jobs:
                break
        while crew:
            for pipe in wait(list(crew)):
                worker = crew[cast("Connection", pipe)]
                received = worker.received()
                if isinstance(received, _Progress):
                    tell(worker.task, received.done, received.total)
                    continue
                task = worker.task
                del crew[worker.pipe]
                following = next(waiting, None)
                if following is not None:
                    worker = worker.given(following) or _Worker(work, following)
                    crew[worker.pipe] = worker
                else:
                    worker.terminate()
                    worker.join()
                if isinstance(received, _Failure):
                    raise RuntimeError(f"{task}: in its process:\n{received.trace}")
                yield task, received
    finally:
        for worker in crew.values():
            worker.terminate()
        for worker in crew.values():
            worker.join()


class _Worker(Generic[Task]):
    """A process, its end of the pipe, and the task that it is at."""

    def __init__(self, work: Callable[[Task, Tell], Any], task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()  # The only other end is now the process's own: what ends it closes the pipe.
        self.task = task
        with contextlib.suppress(ConnectionError):  # It ended already: `received` will say so.
            self.pipe.send(task)

    def given(self, task: Task) -> _Worker[Task] | None:
        """Hand over the next task; None if the process is no more."""
        self.task = task
        try:
            self.pipe.send(task)
        except OSError:
            self.join()
            return None
        return self

    def received(self) -> Any:
        """Progress, a failure or a result."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            self.join()
            code = self._process.exitcode or 0
            if code < 0:
                return Killed(f"its process was killed ({signal.Signals(-code).name})")
            return Killed(f"its process ended with exit status {code}")

    def terminate(self) -> None:
        """Ask it to remove what is unfinished, and to end."""
        with contextlib.suppress(OSError):
            self._process.terminate()

    def join(self) -> None:
        """Wait for its end, not for ever."""
        self._process.join(_STOPPING_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.pipe.close()


def _serve(pipe: Connection, work: Callable[[Any, Tell], Any]) -> None:
    """Do what comes through a pipe, in a process of its own, until the other end is closed."""
    # Ctrl-C reaches all processes of a terminal: the one that started them stops them.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            task = pipe.recv()
            try:
                result = work(task, lambda done, total: pipe.send(_Progress(done, total)))
            except ConnectionError:
                raise
            except Exception:
                result = _Failure(traceback.format_exc())
            pipe.send(result)


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)
