"""A Dask scheduler and its workers, as processes on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.helpers.paths import ROOT


class Cluster:
    """Processes, by name.

    Parameters
    ----------
    folder : Path
        Takes their logs and what the workers put on disk.
    settings : mapping
        Of Dask, by the names of its environment variables less their ``DASK_``.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self._folder = folder
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            **{f"DASK_{name}": value for name, value in (settings or {}).items()},
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start_scheduler(self) -> None:
        self._start("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--dashboard-address", ":0")

    def start_worker(self, name: str, *more: str, nanny: bool = False, **environment: str) -> None:
        """Start a worker; without a nanny the process that is killed or paused is the worker itself."""
        more = ("--nanny" if nanny else "--no-nanny", *(more or ("--nthreads", "1")))
        places = ("--no-dashboard", "--local-directory", str(self._folder / "dask"))
        self._start("worker", self.address, "--name", name, *places, *more, name=name, **environment)

    def _start(self, program: str, *arguments: str, name: str = "scheduler", **environment: str) -> None:
        with open(self._folder / f"{name}.log", "ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{program}", *arguments],
                env={**self._environment, **environment},
                stdout=log,
                stderr=log,
                cwd=self._folder,
            )

    def send(self, name: str, number: int) -> None:
        """Send a signal to one of them."""
        self._processes[name].send_signal(number)

    def stop(self, name: str) -> None:
        """End one of them, however it is."""
        process = self._processes.pop(name)
        for number in (signal.SIGCONT, signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(number)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log(self, name: str) -> str:
        """Return what one of them said."""
        return (self._folder / f"{name}.log").read_text(errors="replace")

    def stop_all(self) -> None:
        """End them."""
        for name in self._processes:
            for number in (signal.SIGCONT, signal.SIGTERM):
                self.send(name, number)
        for name in list(self._processes):
            self.stop(name)


@contextlib.contextmanager
def cluster_of(
    folder: Path, workers: int = 2, settings: Mapping[str, str] | None = None, nanny: bool = False
) -> Iterator[Cluster]:
    """Start a scheduler with workers of a thread each, ``worker-0`` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(folder, settings)
    cluster.start_scheduler()
    try:
        for number in range(workers):
            cluster.start_worker(f"worker-{number}", nanny=nanny)
        wait_for(lambda: all("Registered to" in cluster.log(f"worker-{i}") for i in range(workers)))
        yield cluster
    finally:
        cluster.stop_all()


def wait_for(happened, limit_s: float = 120.0) -> None:
    """Wait until something is so."""
    until = time.monotonic() + limit_s
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)
