"""What the result of work on a file depends on beside the file: two processes with the same give the same."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import shutil
import subprocess
from importlib import import_module, metadata
from pathlib import Path

PACKAGES = ("numpy", "scipy", "soxr", "soundfile", "ai-edge-litert", "mutagen", "visqol-python")
_OURS = __name__.partition(".")[0]
_WITHIN = ("training", "export")
"""Packages that an installed tfbwe holds; in a checkout they lie beside it."""


def package_of(module: str) -> str:
    """Package of a module: that of ``training.fit`` is ``training``; installed, ``tfbwe.training``."""
    first, *rest = module.split(".")
    return f"{first}.{rest[0]}" if rest and rest[0] in _WITHIN else first


@functools.cache
def depends_on(package: str) -> dict[str, str]:
    """Return versions of Python, packages and ffmpeg, and a hash of our code, as far as they are here.

    Parameters
    ----------
    package : str
        Whose code works, beside that of tfbwe.

    Returns
    -------
    dict
        By a name for messages.
    """
    found = {"Python": ".".join(platform.python_version_tuple()[:2])}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    if shutil.which("ffmpeg"):
        said = subprocess.run(
            ["ffmpeg", "-version"], stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        found["ffmpeg"] = " ".join(said.stdout.split()[2:3])
    for name in dict.fromkeys((_OURS, package)):
        found[f"code of {name}"] = _code_of(name)
    return found


def difference(own: dict[str, str], there: dict[str, str]) -> str:
    """Say what is not as it is there, as ``has numpy 1.26, here it is 2.2``; empty where all is the same."""
    for name, version in there.items():
        if own.get(name) != version:
            has = f"has {name} {own[name]}" if name in own else f"lacks {name}"
            return f"{has}, here it is {version}"
    return ""


def _code_of(package: str) -> str:
    folder = Path(str(import_module(package).__file__)).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name.partition("/")[0] not in _WITHIN:
            digest.update(f"{name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
