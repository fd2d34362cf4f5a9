"""Which licence a file has: the statements of REUSE.toml, and the archives that they are held to."""

from __future__ import annotations

import dataclasses
import io
import re
import tarfile
import zipfile
from pathlib import Path

import tomllib

from .requirements import ROOT

# The wheel holds `training` and `export` inside `tfbwe`, and what setuptools makes of setup.cfg.
_MOVED = {"tfbwe/training/": "training/", "tfbwe/export/": "export/"}
_MADE = re.compile(r"PKG-INFO|tfbwe\.egg-info/.+|tfbwe-[^/]+\.dist-info/(METADATA|RECORD|WHEEL|[a-z_]+\.txt)")
_LICENCES = re.compile(r"tfbwe-[^/]+\.dist-info/licenses/(.+)")


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement of REUSE.toml.

    Attributes
    ----------
    paths : tuple of str
        As there: ``*`` stands for anything in a folder, ``**`` for anything below it too.
    holder, licence : str
        Whose it is, and an SPDX expression.
    """

    paths: tuple[str, ...]
    holder: str
    licence: str

    def covers(self, name: str) -> bool:
        """Whether a file is one of these."""
        return any(_expression(path).fullmatch(name) for path in self.paths)


def _expression(path: str) -> re.Pattern[str]:
    parts = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(parts.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", path)))


def statements(table: Path = ROOT / "REUSE.toml") -> list[Statement]:
    """Return the statements in their order."""
    found = []
    for one in tomllib.loads(table.read_text(encoding="utf-8"))["annotations"]:
        paths = (one["path"],) if isinstance(one["path"], str) else tuple(one["path"])
        found.append(Statement(paths, one["SPDX-FileCopyrightText"], one["SPDX-License-Identifier"]))
    return found


def statement(name: str, table: list[Statement]) -> Statement:
    """Return the one statement that covers a file; `ValueError` if there is none, or more than one."""
    covering = [one for one in table if one.covers(name)]
    if len(covering) != 1:
        raise ValueError(f"{name}: expected one statement of licence in REUSE.toml, received {len(covering)}")
    return covering[0]


def contents(name: str, archive: bytes) -> dict[str, bytes]:
    """Return the files of a wheel or source archive by their names in the checkout, but made ones."""
    if name.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(archive)) as wheel:
            found = {entry: wheel.read(entry) for entry in wheel.namelist() if not entry.endswith("/")}
    else:
        found = {}
        with tarfile.open(fileobj=io.BytesIO(archive)) as sdist:
            for member in sdist.getmembers():
                if (file := sdist.extractfile(member)) is not None:
                    found[member.name.split("/", 1)[1]] = file.read()
    return {_source(entry): data for entry, data in found.items() if not _MADE.fullmatch(entry)}


def _source(entry: str) -> str:
    if licence := _LICENCES.fullmatch(entry):
        return licence[1]
    moved = next((prefix for prefix in _MOVED if entry.startswith(prefix)), "")
    return _MOVED.get(moved, "") + entry.removeprefix(moved)
