"""Work in forked processes, which start with all that is imported and can be killed at any moment.

The parent must not compute with TensorFlow: its threads would not be there after a fork.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
"""Audit events of what alters a folder, beside a file opened for writing."""


class Ended(Exception):
    """A process that ended otherwise than it should."""


def done(work: Callable[[], Any], log: Path) -> Any:
    """Do some work in a process of its own; return what it returns, as JSON has it."""
    answer = log.with_suffix(".json")
    answer.unlink(missing_ok=True)

    def answered() -> int:
        answer.write_text(json.dumps(work()))
        return 0

    status = wait(start(answered, log))
    if status != 0:
        raise Ended(f"status {status}: {log.read_text(errors='replace')[-2000:]}")
    return json.loads(answer.read_text())


def start(work: Callable[[], int], log: Path, folder: Path | None = None, event: int | None = None) -> int:
    """Start some work in a process of its own.

    Parameters
    ----------
    work : callable
        Returns an exit status.
    log : Path
        Takes what it prints.
    folder : Path, optional
        Changes below it are counted, in ``LOG.events``.
    event : int, optional
        Of which change the process dies, just before it.

    Returns
    -------
    int
        The process.
    """
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(file, 1)
        os.dup2(file, 2)
        count = None if folder is None else _counted(folder, event)
        status = work()
        if count is not None:
            log.with_suffix(".events").write_text(str(count[0]))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(process: int, kill_after_s: float | None = None) -> int:
    """Wait for a process, or kill it; return its exit status, or minus the signal that ended it."""
    if kill_after_s is not None:
        until = time.monotonic() + kill_after_s
        while time.monotonic() < until:
            ended, status = os.waitpid(process, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        os.kill(process, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return status


def _counted(folder: Path, event: int | None) -> list[int]:
    """Count changes below a folder from now on, and die before one of them."""
    count, below = [0], os.fspath(folder)

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            written = bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            written = name in CHANGES
        if (
            written
            and isinstance(arguments[0], (str, os.PathLike))
            and os.fspath(arguments[0]).startswith(below)
        ):
            count[0] += 1
            if count[0] == event:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    return count
