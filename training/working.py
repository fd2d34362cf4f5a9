"""Work on many tasks, in processes on this machine or on a Dask cluster: one way for every command."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any, TypeAlias

from tfbwe.errors import ConfigError
from tfbwe.working import cluster
from tfbwe.working.processes import Killed, Tell

Task: TypeAlias = tuple[Any, ...]
"""Arguments of a function."""
Each: TypeAlias = Callable[
    [Callable[..., Any], Sequence[Task], Callable[[Task], list[Path]]], Iterator[tuple[int, Any]]
]
_WATCH_S = 0.5


@contextlib.contextmanager
def crew(jobs: int, scheduler: str | None = None, threads: bool = False) -> Iterator[Each]:
    """Give a function that has tasks done, wherever the command line says.

    Parameters
    ----------
    jobs : int
        Processes on this machine.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers take their place.
    threads : bool
        Whether threads do on this machine.

    Yields
    ------
    callable
        Takes a function, tasks, and a function that gives the files and folders that a worker must see for
        one. Yields number and result of each task as they come, in any order; `Killed` stands for the result
        of one that ends workers of a cluster.

    Raises
    ------
    ConfigError
        If a process here is ended from outside, or as `tfbwe.working.cluster` has it.
    """
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            ways: Any = functools.partial(_here, jobs, threads)
        else:
            client = stack.enter_context(
                cluster.connected(scheduler, lambda line: print(line, file=sys.stderr))
            )
            ways = functools.partial(_there, client)
        yield lambda *given: stack.enter_context(contextlib.closing(ways(*given)))


def on_cluster(path: Path, scheduler: str | None) -> Path:
    """Return a path as workers take it, who work in other folders."""
    return path if scheduler is None else path.absolute()


def _there(
    client: Any, function: Callable[..., Any], tasks: Sequence[Task], sees: Callable[[Task], list[Path]]
) -> Generator[tuple[int, Any | Killed], None, None]:
    work = functools.partial(_unpacked, function)
    numbered = enumerate(tasks)
    for (number, _), result in cluster.each(
        work, numbered, client, lambda *_: None, lambda task: sees(task[1])
    ):
        yield number, result


def _unpacked(function: Callable[..., Any], task: tuple[int, Task], tell: Tell) -> Any:
    return function(*task[1])


def _here(
    jobs: int,
    threads: bool,
    function: Callable[..., Any],
    tasks: Iterable[Task],
    sees: Callable[[Task], list[Path]],
) -> Generator[tuple[int, Any], None, None]:
    from joblib import Parallel, delayed

    parallel = Parallel(
        n_jobs=jobs, prefer="threads" if threads else None, return_as="generator_unordered", batch_size=1
    )
    try:
        yield from parallel(
            delayed(_work_for)(os.getpid(), function, number, task) for number, task in enumerate(tasks)
        )
    except BrokenExecutor:
        raise ConfigError(
            "a process was ended from outside, for want of memory perhaps; take fewer --jobs"
        ) from None


def _work_for(parent: int, function: Callable[..., Any], number: int, task: Task) -> tuple[int, Any]:
    """Do a task in a process that ends when the one that gave it the work, `parent`, is killed."""
    if os.getppid() == parent:
        _end_with(parent)
    return number, function(*task)


@functools.cache
def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
