"""What is an address, and what its parts are; nothing is fetched, and nothing imported.

A name is an address if it begins with a protocol of two letters or more and ``://``: ``C:\\x`` is none. The
rest is taken as it stands: a space, ``#``, ``%20`` or ``?`` is part of the name. Of HTTP alone what follows
``?`` is none, but what a signed link is signed with.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_SECRETS = re.compile(
    r"(?P<user>[A-Za-z][\w+.-]+://[^\s/:@]*:)[^\s/]+@|(?P<link>https?://[^\s?]*\?)[^\s'\"]*[^\s'\":,;]"
)
HTTP = ("http", "https")
"""Protocols that are read alone, and have no folders."""


def is_address(name: str | os.PathLike[str]) -> bool:
    """Return whether a name is an address."""
    return isinstance(name, str) and _ADDRESS.match(name) is not None


def protocol(address: str) -> str:
    """Return the protocol of an address in small letters, such as ``s3``."""
    found = _ADDRESS.match(address)
    if found is None:
        raise ValueError(f"expected an address, received {address!r}")
    return found[1].lower()


def file_name(name: str) -> str:
    """Return the last part of the name of a file, here or at an address."""
    if not is_address(name):
        return Path(name).name
    below = name.partition("://")[2]
    if protocol(name) in HTTP:
        below = below.partition("?")[0].partition("#")[0]
    return below.rstrip("/").rpartition("/")[2]


def parent(name: str) -> str:
    """Return the folder that a file lies in, of an address with the slash at its end."""
    if not is_address(name):
        return str(Path(name).parent)
    top = name.index("://") + 3
    return name[: max(top, name.rstrip("/").rfind("/") + 1)]


def joined(folder: str, below: PurePosixPath) -> str:
    """Return the name of what lies below a folder, here or at an address."""
    if not is_address(folder):
        return str(Path(folder) / below)
    return f"{folder}{'' if folder.endswith('/') else '/'}{below}"


def below(name: str, top: str) -> PurePosixPath:
    """Return the part of a name that lies below a folder, here or at an address."""
    if not is_address(top):
        return PurePosixPath(Path(name).relative_to(top).as_posix())
    return PurePosixPath(name[len(top.rstrip("/")) :].lstrip("/"))


def without_secrets(text: str) -> str:
    """Return a text in which addresses show no password, and of signed links not what follows ``?``."""
    return _SECRETS.sub(
        lambda found: f"{found['user']}***@" if found["user"] else f"{found['link']}...", text
    )
