"""Folders at addresses, copied to this machine: training reads music and shards in place, and many times.

A copy stays for the next command. A file is fetched again only if its size or its time of change is another.
It bears the time of the one at the address, so that what depends on it is the same on every machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from tfbwe.atomic import replacing
from tfbwe.console import counted, one_line, progress_bar
from tfbwe.errors import StorageError
from tfbwe.storage.addresses import file_name, joined
from tfbwe.storage.objects import Found, fetch_to, found_at, identity, listed, put

from ..arguments import command
from ..music.manifest import MANIFEST_NAME, read_manifest
from .shards import INDEX, SCHEMA

CACHE = "TFBWE_CACHE"
"""Variable of the environment: the folder in which copies lie."""
_AT_A_TIME = 8
_MB, _GB = 1e6, 1e9


def place_of(address: str) -> Path:
    """Return the folder in which the copy of a folder at an address lies, whether there is one or not."""
    cache = (
        os.environ.get(CACHE) or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "tfbwe").expanduser()
    )
    name = hashlib.sha256(identity(address).encode(errors="surrogateescape")).hexdigest()[:12]
    return Path(cache) / f"{file_name(address)}-{name}"


def brought_here(data: Path | str, *splits: str) -> Path:
    """Return a folder of this machine: the one given, or the copy of what lies at an address.

    Parameters
    ----------
    data : Path or str
        A folder, or the address of one: of shards, which are all fetched, or of music with a manifest.
    splits : str
        Of music the tracks of these are fetched.

    Raises
    ------
    StorageError
        As of `copied`, or if there is neither.
    ConfigError
        If the manifest cannot be read.
    """
    if isinstance(data, Path):
        return data
    there = _seen(data)
    if SCHEMA in there:
        return copied(data)
    if MANIFEST_NAME not in there:
        raise StorageError(
            f"{data}: expected a folder with shards or {MANIFEST_NAME}, found none; write one with "
            f"`{command('corpus')} scan {data}`"
        )
    _fetch(data, place_of(data), {MANIFEST_NAME: there[MANIFEST_NAME]})
    tracks = read_manifest(place_of(data))
    return copied(data, {MANIFEST_NAME, *(track.file for track in tracks if track.split in splits)})


@contextlib.contextmanager
def shards_at(out: Path | str) -> Iterator[Path]:
    """Give a folder to make shards in: the one given, or the copy of one at an address, put there in the end.

    What lies at the address already is fetched first, to go on with. The schema, which makes a folder one of
    shards, is put there last.

    Raises
    ------
    StorageError
        As of `copied` and `put_back`, or if other files lie at the address.
    """
    if isinstance(out, Path):
        yield out
        return
    there = _seen(out)
    if other := [name for name in there if name not in (SCHEMA, INDEX) and not name.endswith(".npy")]:
        raise StorageError(
            f"{out}: expected a new or empty folder, or one of shards; it holds other files, {other[0]}"
        )
    folder = copied(out, there) if SCHEMA in there else place_of(out)
    yield folder
    put_back(out, [*sorted(path.name for path in folder.glob("*.npy")), INDEX, SCHEMA])


def copied(address: str, names: Collection[str] | None = None) -> Path:
    """Make the copy of a folder at an address what the folder is, and say so in a line.

    Parameters
    ----------
    address : str
    names : collection of str, optional
        Files that are needed, from the folder on. By default all that do not lie hidden, and then of the copy
        what is no longer at the address is removed.

    Returns
    -------
    Path
        The folder of this machine.

    Raises
    ------
    StorageError
        If there is no such folder, a file that is needed is not in it or cannot be fetched, or there is no
        room.
    """
    there = _seen(address)
    if not there:
        raise StorageError(f"{address}: expected a folder of music or shards, there is none")
    folder = place_of(address)
    if names is None:
        for path in _own(folder):
            if path.relative_to(folder).as_posix() not in there:
                path.unlink()
    elif missing := sorted(set(names) - set(there)):
        raise StorageError(
            f"{address}: expected {missing[0]} as its manifest says, there is none; scan it again"
        )
    wanted = {name: found for name, found in there.items() if names is None or name in names}
    _fetch(
        address, folder, {name: found for name, found in wanted.items() if not _is_copy(folder / name, found)}
    )
    size = sum(found.size for found in wanted.values()) / _MB
    _say(f"{address}: {counted(len(wanted), 'file')}, {size:.1f} MB, copied to {folder}")
    return folder


def put_back(address: str, names: Iterable[str]) -> None:
    """Put files of the copy of a folder to its address, in their order, as far as they are not there.

    Parameters
    ----------
    address : str
    names : iterable of str
        From the folder on.

    Raises
    ------
    StorageError
        If one cannot be written. Those before it are there then.
    """
    folder, there = place_of(address), _seen(address)
    todo = [name for name in names if not (name in there and _is_copy(folder / name, there[name]))]
    with progress_bar(f"to {file_name(address)}", " files") as bar:
        for done, name in enumerate(todo, start=1):
            there_now = joined(address, PurePosixPath(name))
            put(folder / name, there_now, force=True)
            _dated(folder / name, found_at(there_now))
            bar(done, len(todo))
    _say(f"{address}: {counted(len(todo), 'file')} written")


def _seen(address: str) -> dict[str, Found]:
    """Return what lies at an address and not hidden; nothing where there is no such folder."""
    return {name: found for name, found in listed(address).items() if not _hidden(name)}


def _own(folder: Path) -> list[Path]:
    """Return the files of a copy; what is derived from them lies hidden."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if not _hidden(path.relative_to(folder).as_posix())]


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _is_copy(path: Path, found: Found) -> bool:
    if not path.is_file():
        return False
    status = path.stat()
    return (status.st_size, status.st_mtime_ns) == (found.size, found.modified_s * 10**9)


def _fetch(address: str, folder: Path, wanted: dict[str, Found]) -> None:
    """Fetch files, several at a time; each is whole under its name."""
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = sum(found.size for found in wanted.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{address}: expected {needed / _GB:.1f} GB of free disk in {folder}, there are "
            f"{free / _GB:.1f} GB; set {CACHE} to a folder with more"
        )

    def fetch(name: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            fetch_to(joined(address, PurePosixPath(name)), temporary)
            _dated(temporary, wanted[name])

    pool = ThreadPoolExecutor(_AT_A_TIME)
    try:
        with progress_bar(f"from {file_name(address)}", " files") as bar:
            for done, _ in enumerate(pool.map(fetch, wanted), start=1):
                bar(done, len(wanted))
    finally:
        pool.shutdown(cancel_futures=True)


def _dated(path: Path, found: Found) -> None:
    os.utime(path, ns=(found.modified_s * 10**9,) * 2)


def _say(message: str) -> None:
    print(one_line(message), file=sys.stderr)
