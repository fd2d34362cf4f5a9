"""Files that are either the old or the new one, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .leftovers import temporary_name, works_for_another


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, of the same suffix, that takes its place in the end.

    What was written is flushed to the disk first. After an error the temporary file is gone and `path` as it
    was; after a kill it lies there until the next attempt, which takes the same name. In a worker
    of a cluster each attempt has a name of its own: one that is taken for lost may still be writing.
    """
    temporary = path.with_name(temporary_name(path.suffix) if works_for_another() else f".part-{path.name}")
    try:
        yield temporary
        replace_synced(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_synced(temporary: str | os.PathLike[str], destination: Path) -> None:
    """Flush a finished file to the disk, then rename it to its destination.

    Parameters
    ----------
    temporary : str or Path
        The finished file, in the destination's folder.
    destination : Path
        Its final name; an existing file is replaced.

    Raises
    ------
    OSError
        If the system refuses.
    """
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(temporary, destination)
    if os.name == "posix":
        folder = os.open(destination.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
