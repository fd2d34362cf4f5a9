"""Files that must not or cannot be written are refused before any work; temporary ones lie beside them."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import AudioError
from ..leftovers import temporary_name
from ..storage.addresses import is_address
from ..storage.objects import refuse_object
from .formats import reason


def refuse_output(
    destination: str | os.PathLike[str], *, force: bool, source: str | os.PathLike[str] | None
) -> None:
    """Refuse a file to write as `refuse_destination` does, or one at an address as `refuse_object` does."""
    if is_address(destination):
        refuse_object(str(destination), force, source)
    else:
        refuse_destination(Path(destination), force=force, source=source)


def refuse_destination(
    destination: Path, *, force: bool = False, source: str | os.PathLike[str] | None = None
) -> Path:
    """Refuse a destination that must not or cannot be written.

    Parameters
    ----------
    destination : Path
        File to be written.
    force : bool
        Allow an existing file to be replaced.
    source : str or Path, optional
        File that must never be replaced.

    Returns
    -------
    Path
        The file itself, which is another than the destination if that is a link.

    Raises
    ------
    AudioError
        If the destination is a folder, a device, a pipe or the source, exists and ``force`` is off, or its
        folder does not exist.
    """
    try:
        real = Path(os.path.realpath(destination))
        if destination.is_dir():
            raise AudioError(f"{destination}: expected a file to write, received a folder")
        for folder in (destination.parent, real.parent):
            if not folder.is_dir():
                raise AudioError(
                    f"{destination}: the folder {folder} does not exist; create it or choose another"
                )
        if destination.exists() and not destination.is_file():
            raise AudioError(f"{destination}: expected a file to write, received a device or a pipe")
        if os.path.lexists(destination):
            if source is not None and os.path.exists(source) and os.path.samefile(source, destination):
                raise AudioError(f"{destination}: is the source itself; choose another name with -o")
            if not force:
                raise AudioError(f"{destination}: exists already; --force replaces it")
    except OSError as error:
        raise AudioError(f"{destination}: cannot be written: {reason(error)}") from None
    return real


def temporary_beside(destination: Path) -> str:
    """Create an empty file in a destination's folder, to be renamed once it is whole.

    Parameters
    ----------
    destination : Path
        The file that it becomes.

    Returns
    -------
    str
        Its name.

    Raises
    ------
    AudioError
        If the folder cannot be written.
    """
    temporary = str(destination.parent / temporary_name())
    try:
        # Created plainly, not by tempfile, so that the file gets the permissions that the umask says.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    except OSError as error:
        raise AudioError(f"{destination}: cannot be written: {reason(error)}") from None
    return temporary
