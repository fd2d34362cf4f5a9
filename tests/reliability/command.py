"""What a command is that is killed, and which of its files are final."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes
    ----------
    name : str
    run : callable
        Given the folder and whether it runs again; returns an exit status.
    prepare : callable
        Makes what it works on, once. Imports what it needs, so that kills do not fall on imports.
    check : callable
        Reads every file that bears a final name; raises if one is damaged.
    made : callable
        What must be the same each time, by name.
    begin : callable
        Makes ``out`` as it is before the command, if it must be there.
    share : float
        Of all kills.
    """

    name: str
    run: Callable[..., int]
    prepare: Callable[[Path], None]
    check: Callable[[Path], None]
    made: Callable[[Path], dict[str, str]]
    begin: Callable[[Path], None] = lambda folder: None
    share: float = 1.0


def final_files(out: Path) -> Iterator[Path]:
    """Files that bear a final name."""
    for path in sorted(out.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(out).parts)
        if path.is_file() and not hidden:
            yield path


def leftovers(out: Path) -> list[str]:
    """Files and folders that were to become others."""
    marks = (".part-", ".tfbwe-", ".work-", ".download", ".manifest.partial")
    return [path.name for path in out.rglob("*") if path.name.startswith(marks)]


def hashes(out: Path) -> dict[str, str]:
    """SHA-256 of each of them, by name."""
    return {path.relative_to(out).as_posix(): sha256(path.read_bytes()) for path in final_files(out)}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fix_revision() -> None:
    """A commit meanwhile is no difference."""
    from training import provenance

    provenance.git_revision = lambda: "one revision"


def all_files(folder: Path) -> dict[str, str]:
    return hashes(folder / "out")
