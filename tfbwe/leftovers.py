"""Temporary files say by their names whose they are, so that what a killed process left can be removed."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

_NAME = re.compile(r"\.?tfbwe-(?P<machine>[0-9a-f]{12})-(?P<process>[0-9]+)-.+")


_OWNER = contextvars.ContextVar("owner", default="")


def temporary_prefix() -> str:
    """Return how this process begins the names of its temporary files: they say whose they are."""
    return f"tfbwe-{_machine()}-{os.getpid()}-"


@contextlib.contextmanager
def owned_by(prefix: str) -> Iterator[None]:
    """Name files that this thread writes as those of another process, for which the work is done.

    Parameters
    ----------
    prefix : str
        What `temporary_prefix` returns there. That process removes them, on whatever machine they came about.
    """
    before = _OWNER.set(prefix)
    try:
        yield
    finally:
        _OWNER.reset(before)


def works_for_another() -> bool:
    """Whether files that this thread writes are named as those of another process."""
    return bool(_OWNER.get())


def temporary_name(suffix: str = ".part") -> str:
    """Return a new name, hidden, for a file that is being written."""
    return f".{_OWNER.get() or temporary_prefix()}{secrets.token_hex(8)}{suffix}"


def remove_leftovers(folder: Path, own: bool = False) -> int:
    """Remove from a folder the temporary files and folders of processes that were killed.

    Those of other machines and of living processes stay, and all of them where the system cannot tell.

    Parameters
    ----------
    folder : Path
        Need not exist.
    own : bool
        Also those of this process: what attempts left that were made for it, elsewhere, and were lost.

    Returns
    -------
    int
        How many were removed.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            if found and found["machine"] == _machine() and _ended(int(found["process"]), own):
                with contextlib.suppress(OSError):
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink()
                    removed += 1
    return removed


@functools.cache
def _machine() -> str:
    """Short hash of all that a process number means something in: the machine, and the container on it."""
    own = [platform.node()]
    try:
        own.append(Path("/etc/machine-id").read_text(encoding="ascii"))
    except (OSError, ValueError):
        own.append(str(uuid.getnode()))
    with contextlib.suppress(OSError):
        own.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(own).encode()).hexdigest()[:12]


def _ended(process: int, own: bool) -> bool:
    return own if process == os.getpid() else not _lives(process)


def _lives(process: int) -> bool:
    if os.name != "posix":  # There signal 0 is no question.
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return True
