"""Damaged files of coded sound: what is missing is told, and what is there is decoded.

Sound that is missing is left out: silence in its place would be a statement about music that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import mpeg, ogg
from .lengths import Lengths, Window

_CODED: dict[str, tuple[Callable[[Window], Lengths | None], Callable[[Window, Path], list[Path]]]] = {
    "MP3": (mpeg.lengths, mpeg.mend),
    "OGG": (ogg.lengths, ogg.mend),
}
"""By libsndfile's name of a container: what tells its lengths, and what copies it without the damage."""


def examine(location: str, container: str) -> Lengths | None:
    """Return what a file of coded sound holds, and what it should.

    Parameters
    ----------
    location : str
        The file.
    container : str
        libsndfile's name of its container.

    Returns
    -------
    Lengths or None
        None where its container is not one of coded sound, or nothing of it is found.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    if container not in _CODED:
        return None
    with open(location, "rb") as file:
        return _CODED[container][0](Window(file))


def mend(location: str, container: str, folder: str) -> list[Path]:
    """Copy what is whole of a file, so that a decoder does not stop at what is not.

    Parameters
    ----------
    location, container : str
        A file of which `examine` found the lengths.
    folder : str
        Where the copies go.

    Returns
    -------
    list of Path
        The copies, one for each stream of sound, in their order.

    Raises
    ------
    OSError
        If it cannot be read, or a copy not be written.
    """
    with open(location, "rb") as file:
        return _CODED[container][1](Window(file), Path(folder))
