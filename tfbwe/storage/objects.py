"""Files at addresses: what is there, fetched to a file of this machine, and put back."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import StorageError
from ..leftovers import remove_leftovers, temporary_name, temporary_prefix
from .addresses import HTTP, file_name, is_address, parent, protocol
from .stores import no_bucket, opened, reaching

ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "tos"})
"""Protocols of object stores: an object is there as a whole, or not at all."""
_LOCAL = ("file", "local")
_PART_BYTES, _MOST_PARTS = 2**23, 10000


@dataclass(frozen=True)
class Found:
    """A file at an address.

    Attributes
    ----------
    size : int
        In bytes.
    modified_s : int
        When it was changed, in seconds since 1970; 0 where the store does not tell.
    """

    size: int
    modified_s: int


def is_folder(name: str) -> bool:
    """Return whether there is a folder of a name, here or at an address.

    Raises
    ------
    StorageError
        If the store cannot be asked.
    """
    if not is_address(name):
        return os.path.isdir(name)
    if protocol(name) in HTTP:
        return False
    files, inner = opened(name)
    with reaching(name):
        return bool(files.isdir(inner))


def is_file(name: str) -> bool:
    """Return whether there is a file of a name, here or at an address; errors as of `is_folder`."""
    return _kind(name) == "file" if is_address(name) else os.path.isfile(name)


def identity(name: str) -> str:
    """Return the one name of a file that has several: of a link here the file it leads to."""
    if not is_address(name):
        return os.path.realpath(name)
    if protocol(name) in _LOCAL:
        return os.path.realpath(name.partition("://")[2])
    return f"{protocol(name)}{name[name.index('://') :].rstrip('/')}"


def files_below(top: str) -> Iterator[str]:
    """Yield the addresses of all files below a folder at an address, in order; errors as of `listed`."""
    return (f"{top.rstrip('/')}/{name}" for name in listed(top))


def listed(top: str) -> dict[str, Found]:
    """Return all files below a folder at an address by their names from there, in order.

    Raises
    ------
    StorageError
        If the store cannot be asked, or a name leads out of the folder.
    """
    files, inner = opened(top)
    with reaching(top):
        rows = files.find(inner, detail=True)
    found = {}
    for name in sorted(rows):
        below = name[len(inner.rstrip("/")) :].lstrip("/")
        if below and not below.endswith("/"):  # An object that stands for a folder.
            if ".." in below.split("/"):
                raise StorageError(f"{top}: {below}: a name that leads out of the folder; rename it there")
            found[below] = Found(int(rows[name]["size"]), _modified_s(rows[name]))
    return found


def found_at(address: str) -> Found:
    """Return size and time of change of a file at an address; errors as of `fetch`."""
    files, inner = opened(address)
    with reaching(address):
        row = files.info(inner)
    return Found(int(row["size"]), _modified_s(row))


def _modified_s(row: dict[str, Any]) -> int:
    """Return when a file was changed, in whole seconds; stores name it differently, and some do not tell."""
    for key in ("LastModified", "last_modified", "mtime", "modified", "updated", "created"):
        value = row.get(key)
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            value = value.timestamp()
        if isinstance(value, int | float):
            return int(value)
    return 0


def existing(names: Iterable[str]) -> set[str]:
    """Return those of many addresses at which there are files; each folder is listed once.

    Raises
    ------
    StorageError
        If the store cannot be asked.
    """
    folders = defaultdict(list)
    for name in names:
        folders[parent(name)].append(name)
    there: set[str] = set()
    for folder, members in folders.items():
        if len(members) == 1:
            there.update(name for name in members if is_file(name))
        elif is_folder(folder):
            files, inner = opened(folder)
            with reaching(folder):
                listed = {row["name"] for row in files.ls(inner, detail=True) if row["type"] == "file"}
            there.update(name for name in members if opened(name)[1] in listed)
    return there


def refuse_object(address: str, force: bool, source: str | os.PathLike[str] | None = None) -> None:
    """Refuse an address that must not or cannot be written, as far as that can be known before.

    Parameters
    ----------
    address : str
        Of the file to be written.
    force : bool
        Allow an existing file to be replaced.
    source : str or Path, optional
        File that must never be replaced.

    Raises
    ------
    StorageError
        If it exists and `force` is off, is the source or a folder, or cannot be asked for.
    """
    if protocol(address) in HTTP:
        raise StorageError(f"{address}: can be read, not written; choose a folder or another store with -o")
    if source is not None and identity(str(source)) == identity(address):
        raise StorageError(f"{address}: is the source itself; choose another name with -o")
    kind = "directory" if address.endswith("/") else _kind(address)
    if kind == "directory" and (address.endswith("/") or protocol(address) not in ATOMIC):
        raise StorageError(f"{address}: expected a file to write, received a folder")
    if kind == "file" and not force:
        raise StorageError(f"{address}: exists already; --force replaces it")


def fetch(address: str) -> str:
    """Copy a file at an address to a temporary one of this machine, of the same suffix.

    Returns
    -------
    str
        Its name; who asked for it removes it.

    Raises
    ------
    StorageError
        If it cannot be read, or there is no room for it. Nothing is left behind then.
    """
    path = temporary_for(address)
    try:
        fetch_to(address, path)
    except BaseException:
        os.unlink(path)
        raise
    return path


def temporary_for(address: str) -> str:
    """Make an empty temporary file of this machine, of the suffix that an address has; return its name."""
    _tidied()
    suffix = re.fullmatch(r"\.\w{1,9}", Path(file_name(address)).suffix)
    handle, path = tempfile.mkstemp(prefix=temporary_prefix(), suffix=suffix[0] if suffix else "")
    os.close(handle)
    return path


@functools.cache
def _tidied() -> None:
    """Remove what killed processes left, once: a worker of a cluster follows on one that was killed."""
    remove_leftovers(Path(tempfile.gettempdir()))


def fetch_to(address: str, path: str | os.PathLike[str]) -> None:
    """Copy a file at an address to a file of this machine; errors as of `fetch`."""
    files, inner = opened(address)
    with reaching(address):
        row = files.info(inner)
        if row["type"] == "directory":
            raise StorageError(f"{address}: expected a file, received a folder")
        files.get_file(inner, os.fspath(path), **_parts(address, row["size"] or 0))


def put(path: str | os.PathLike[str], address: str, force: bool) -> None:
    """Copy a finished file of this machine to an address, where it is whole or not at all.

    Parameters
    ----------
    path : str or Path
        The file.
    address : str
        Where it goes. Folders that are missing are made.
    force : bool
        Replace an existing file.

    Raises
    ------
    StorageError
        If it exists and `force` is off, or it cannot be written.
    """
    refuse_object(address, force)
    files, inner = opened(address)
    with reaching(address):
        if protocol(address) in ATOMIC:
            files.put_file(os.fspath(path), inner, **_parts(address, os.path.getsize(path)))
            return
        folder = inner.rpartition("/")[0]
        files.makedirs(folder, exist_ok=True)
        temporary = f"{folder}/{temporary_name()}"
        try:
            files.put_file(os.fspath(path), temporary)
            files.mv(temporary, inner)
        except BaseException:
            with contextlib.suppress(Exception):
                files.rm_file(temporary)
            raise


def _parts(address: str, size: int) -> dict[str, int]:
    """Return in which parts a file goes: s3fs by itself holds 500 MB of a large one in memory."""
    if protocol(address) not in ("s3", "s3a"):
        return {}
    return {"chunksize": max(_PART_BYTES, -(-size // _MOST_PARTS)), "max_concurrency": 4}


def _kind(address: str) -> str | None:
    """Return ``file`` or ``directory``, None where there is nothing; a bucket that is missing is an error."""
    files, inner = opened(address)
    with reaching(address):
        try:
            return str(files.info(inner)["type"])
        except FileNotFoundError as error:
            if no_bucket(error):
                raise
            return None
