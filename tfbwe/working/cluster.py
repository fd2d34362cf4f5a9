"""Work on many files in the workers of a Dask cluster; nothing else knows of Dask.

A task goes to whichever worker is free, under a name made of all that it depends on; what a lost worker was
at is done again by another. So a lost worker, which may be slow alone, can still be writing: temporary files
bear the name of the process here and of one attempt, and only what came back gets a final name, here.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import hashlib
import itertools
import logging
import os
import queue
import re
import time
import warnings
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from importlib import import_module
from typing import Any

from ..console import counted
from ..errors import ConfigError, TfbweError
from ..leftovers import owned_by, temporary_prefix
from .likeness import depends_on, difference, package_of
from .processes import Killed, Result, Task, Tell

EXTRA = "needs {}: pip install 'tfbwe[cluster]'"
_CONNECTING_S, _FIRST_WORKER_S, _NO_WORKER_S = 10.0, 30.0, 60.0
_TICK_S, _TELLING_S = 1.0, 1.0
_TOPIC = "tfbwe"


def add_option(parser: argparse._ActionsContainer) -> None:
    """Add ``--cluster`` to a command line."""
    parser.add_argument(
        "--cluster",
        type=_address,
        metavar="tcp://HOST:PORT",
        help="work on this Dask scheduler's cluster, such as tcp://10.0.0.1:8786 (needs tfbwe[cluster])",
    )


def _address(text: str) -> str:
    if not re.fullmatch(r"(tcp|tls)://([^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", text):
        raise argparse.ArgumentTypeError(f"expected tcp://HOST:PORT or tls://HOST:PORT, received {text!r}")
    return text


@contextlib.contextmanager
def connected(scheduler: str, say: Callable[[str], None]) -> Iterator[Any]:
    """Connect with a scheduler, and say in a line what it has.

    Parameters
    ----------
    scheduler : str
        ``tcp://HOST:PORT``, or ``tls://HOST:PORT`` with the certificates of Dask's configuration.
    say : callable
        Takes the line.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ConfigError
        If distributed is not installed, no scheduler answers there, or it has no worker for half a minute.
    """
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise ConfigError(EXTRA.format(error.name)) from None
    with _without_logs(), contextlib.ExitStack() as stack:
        try:
            client = stack.enter_context(
                distributed.Client(scheduler, timeout=_CONNECTING_S, set_as_default=False)
            )
        except (OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(
                f"{scheduler}: expected a Dask scheduler, none answers ({reason}); start one: dask scheduler"
            ) from None
        try:
            client.wait_for_workers(1, _FIRST_WORKER_S)
        except (TimeoutError, OSError):
            raise ConfigError(
                f"{scheduler}: expected a worker, the scheduler has none; start one: dask worker {scheduler}"
            ) from None
        threads = client.nthreads().values()
        workers = f"{counted(len(threads), 'worker')}, {counted(sum(threads), 'thread')}"
        say(f"{scheduler}: {workers}; {_dashboard(client)}")
        yield client


def _dashboard(client: Any) -> str:
    with contextlib.suppress(KeyError):
        if link := client.dashboard_link:
            return f"dashboard {link}"
    return "no dashboard"


def each(
    work: Callable[[Task, Tell], Result],
    tasks: Iterable[Task],
    client: Any,
    tell: Callable[[Task, float, float], None],
    sees: Callable[[Task], Collection[str | os.PathLike[str]]] = lambda task: (),
) -> Generator[tuple[Task, Result | Killed], None, None]:
    """Do tasks in the workers; leaving it early cancels those that are not done.

    Parameters
    ----------
    work : callable
        Takes a task, and a function to be called while it goes on, which ends a task that nobody waits for
        any more. All are sent with every task: what is large travels by its name, as a model does.
    tasks : iterable
        Two for each thread are with the scheduler at a time, whatever workers come and go.
    client : distributed.Client
        As `connected` gives it.
    tell : callable
        Called in this process with a task, how much of it is done and how much there is in all.
    sees : callable
        Takes a task, returns files and folders: those that are here its worker must see by the same names.

    Yields
    ------
    task, result
        As they come, in any order. A task whose workers end, each of them and that beside no other task, is
        `Killed`.

    Raises
    ------
    ConfigError
        If a worker has another tfbwe or other packages than this process, or does not see a file; if the
        scheduler is gone, or all workers are for a minute. It names the worker.
    """
    import concurrent.futures

    from distributed import KilledWorker

    waiting, told = iter(tasks), queue.SimpleQueue[dict[str, Any]]()
    given: dict[str, Task] = {}
    pending: dict[concurrent.futures.Future[Any], str] = {}
    deadly: list[str] = []
    executor, crew = client.get_executor(), _Crew(client)
    client.subscribe_topic(_TOPIC, lambda event: told.put(event[1]))
    submit = functools.partial(_submit, executor, work, sees)
    try:
        while True:
            for task in itertools.islice(waiting, max(0, 2 * max(1, crew.threads()) - len(pending))):
                future, key = submit(task)
                pending[future], given[key] = key, task
            if not pending:
                if not deadly:
                    return
                # Whose fault was it? Alone, a task ends its own workers.
                task = given.pop(deadly.pop())
                future, key = submit(task, alone=True)
                pending[future], given[key] = key, task
            done, _ = concurrent.futures.wait(pending, _TICK_S, concurrent.futures.FIRST_COMPLETED)
            while not told.empty():
                said = told.get()
                if said["key"] in given:
                    tell(given[said["key"]], said["done"], said["total"])
            for future in done:
                key = pending.pop(future)
                try:
                    result = future.result()
                except KilledWorker as error:
                    if not key.endswith(_ALONE):
                        deadly.append(key)
                        continue
                    ended, last = counted(error.allowed_failures + 1, "worker"), error.last_worker.address
                    result = Killed(f"ended {ended} while nothing else was done, the last one {last}")
                except concurrent.futures.CancelledError:
                    raise ConfigError(f"{client.scheduler.address}: the scheduler is gone") from None
                except ModuleNotFoundError as error:
                    raise _without_module(client, error) from None
                yield given.pop(key), result
    finally:
        with contextlib.suppress(Exception):  # The scheduler may be gone.
            client.unsubscribe_topic(_TOPIC)
            executor.shutdown(wait=False)


_ALONE = "-alone"


def _submit(
    executor: Any,
    work: Callable[[Task, Tell], Any],
    sees: Callable[[Task], Collection[str | os.PathLike[str]]],
    task: Task,
    alone: bool = False,
) -> tuple[Any, str]:
    """Hand a task to the scheduler; return what becomes of it, and its name."""
    from distributed.protocol import serialize_bytes

    function = work
    while isinstance(function, functools.partial):
        function = function.func
    package = package_of(function.__module__)
    sent = serialize_bytes((work, task), on_error="raise")
    names = [os.path.abspath(path) for path in sees(task) if os.path.exists(path)]
    name = hashlib.sha256(sent).hexdigest()[:32]
    key = f"{function.__name__}-{name}{_ALONE if alone else ''}"
    future = executor.submit(
        _attempt, sent, package, depends_on(package), names, temporary_prefix(), key=key, pure=False
    )
    return future, key


class _Crew:
    """How many threads the workers have now, asked once a second.

    Raises `ConfigError` if there are none for a minute, or the scheduler is gone.
    """

    def __init__(self, client: Any) -> None:
        self._client, self._threads = client, 0
        self._asked_s, self._there_s = -_TICK_S, time.monotonic()

    def threads(self) -> int:
        now_s = time.monotonic()
        if now_s - self._asked_s < _TICK_S:
            return self._threads
        scheduler = self._client.scheduler.address
        try:
            self._threads = sum(self._client.nthreads().values())
        except OSError:
            raise ConfigError(f"{scheduler}: the scheduler is gone") from None
        self._asked_s = now_s
        if self._threads:
            self._there_s = now_s
        elif now_s - self._there_s > _NO_WORKER_S:
            raise ConfigError(f"{scheduler}: expected a worker, all are gone for {_NO_WORKER_S:.0f} s")
        return self._threads


def _attempt(sent: bytes, package: str, there: dict[str, str], sees: list[str], owner: str) -> Any:
    """Do a task, in a worker."""
    from distributed import get_worker
    from distributed.protocol import deserialize_bytes

    worker = get_worker()
    if unlike := difference(depends_on(package), there):
        raise ConfigError(f"worker {worker.address}: {unlike}; install the same there")
    for path in sees:
        if not os.path.exists(path):
            raise ConfigError(f"{path}: worker {worker.address} does not see it; share its folder")
    key = worker.get_current_task()
    try:
        work, task = deserialize_bytes(sent)
        with owned_by(owner):
            return work(task, _Telling(worker, key))
    except TfbweError as error:
        raise ConfigError(f"worker {worker.address}: {error}") from None


class _Telling:
    """Says how far a task is, once a second, in a worker; ends it when nobody waits for it any more."""

    def __init__(self, worker: Any, key: str) -> None:
        self._worker, self._key, self._said_s = worker, key, -_TELLING_S

    def __call__(self, done: float, total: float) -> None:
        from distributed import Reschedule

        state = self._worker.state.tasks.get(self._key)
        if state is None or state.state == "cancelled" or self._worker.status.name in ("closing", "closed"):
            raise Reschedule  # If somebody waits for it again just now, it is begun anew.
        now_s = time.monotonic()
        if now_s - self._said_s >= _TELLING_S or done >= total:
            self._said_s = now_s
            self._worker.log_event(_TOPIC, {"key": self._key, "done": done, "total": total})


def _without_module(client: Any, error: ModuleNotFoundError) -> ConfigError:
    """Find the workers that lack a module of ours."""
    package = str(error.name).partition(".")[0]
    found = client.run(_lacks, package, on_error="return")
    lacking = [worker for worker, lacks in found.items() if lacks is not False]
    where = f"worker {lacking[0]}" if lacking else "a worker"
    return ConfigError(f"{where}: has no module {error.name}; install tfbwe there as it is here")


def _lacks(package: str) -> bool:
    try:
        import_module(package)
    except ModuleNotFoundError:
        return True
    return False


@contextlib.contextmanager
def _without_logs() -> Iterator[None]:
    """Keep off the terminal what Dask logs and warns of: what matters of it is an error of ours."""
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _LOGGING]
    levels = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"distributed\b")
        try:
            for name in names:
                logging.getLogger(name).setLevel(logging.CRITICAL + 1)
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


_LOGGING = ("distributed", "tornado", "asyncio")
