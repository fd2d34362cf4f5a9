"""Temporary files say by their names whose they are, so that what a killed process left can be removed."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import secrets
import shutil
import uuid
from pathlib import Path

_NAME = re.compile(r"\.?tfbwe-(?P<machine>[0-9a-f]{12})-(?P<process>[0-9]+)-.+")


def temporary_prefix() -> str:
    """Return how this process begins the names of its temporary files: they say whose they are."""
    return f"tfbwe-{_machine()}-{os.getpid()}-"


def temporary_name() -> str:
    """Return a new name, hidden, for a file that is being written."""
    return f".{temporary_prefix()}{secrets.token_hex(8)}.part"


def remove_leftovers(folder: Path) -> int:
    """Remove from a folder the temporary files and folders of processes that were killed.

    Those of other machines and of living processes stay, and all of them where the system cannot tell.

    Parameters
    ----------
    folder : Path
        Need not exist.

    Returns
    -------
    int
        How many were removed.
    """
    removed = 0
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            found = _NAME.fullmatch(path.name)
            if found and found["machine"] == _machine() and not _lives(int(found["process"])):
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
