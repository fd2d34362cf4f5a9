"""Which output each input gets: beside it, or in a folder with the tree kept."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from ..audio import ffmpeg
from ..audio.ffmpeg import INSTALL
from ..audio.formats import FFMPEG, SOUND_SUFFIXES, STANDARD, output_suffix, read_by, reason
from ..console import counted
from ..errors import AudioError, ConfigError
from ..storage.addresses import HTTP, below, file_name, is_address, joined, parent, protocol
from ..storage.objects import files_below, identity, is_folder

_NAMED = 5
"""So many files are named in a line."""


def into_folder(inputs: Sequence[str], output: str | None) -> bool:
    """Whether an output is a folder: there is one, its name ends in a slash, or one file is not enough."""
    if output is None or output == STANDARD:
        return False
    return output.endswith(("/", os.sep)) or is_folder(output) or not _alone(inputs)


def _alone(inputs: Sequence[str]) -> bool:
    return len(inputs) == 1 and not is_folder(inputs[0])


def plan_outputs(inputs: Sequence[str], output: str | None) -> list[tuple[str, str]]:
    """Return pairs of input file and output file.

    Parameters
    ----------
    inputs : sequence of str
        Files and folders, here or at addresses, or ``"-"`` for standard input.
    output : str, optional
        A file, for one input file; a folder, in which names and the tree below each input folder are kept,
        and which need not exist; or ``"-"``. Without it an output lies beside its input as
        ``NAME.extended.EXT``. Of what cannot be written as it is ``EXT`` is that of FLAC.

    Returns
    -------
    list of (str, str)
        In order. Input files need not exist: that is found when they are read.

    Raises
    ------
    AudioError
        If an input folder holds no sound.
    ConfigError
        If two inputs would have the same output, many go to one, or an output would replace an input.
    """
    folder = output if output is not None and into_folder(inputs, output) else None
    if output is not None and folder is None:
        if not _alone(inputs):
            raise ConfigError("-o -: many inputs cannot go to standard output; give a folder")
        return [(inputs[0], output)]
    if output is not None and folder is not None and not is_folder(output):
        _refuse_file_name(inputs, output)
    pairs = []
    for name in inputs:
        if name == STANDARD:
            written = STANDARD if folder is None else joined(folder, PurePosixPath("stdin.wav"))
            pairs.append((name, written))
        elif is_folder(name):
            found = list(sounds_below(name, folder))
            readable = [path for path in found if not _unreadable(path)]
            if found and not readable:
                raise AudioError(f"{name}: the folder holds no sound files but {_needing_ffmpeg(found)}")
            if not found:
                raise AudioError(f"{name}: the folder holds no sound files")
            pairs += [(path, _beside_or_in(path, below(path, name), folder)) for path in readable]
        else:
            pairs.append((name, _beside_or_in(name, PurePosixPath(file_name(name)), folder)))
    _refuse_overlap(pairs)
    return pairs


def left_out(inputs: Sequence[str], output: str | None, pairs: list[tuple[str, str]]) -> list[str]:
    """Return sounds below input folders that are no inputs, as they lie in the output folder.

    Parameters
    ----------
    inputs, output
        As given to `plan_outputs`.
    pairs : list of (str, str)
        What it returned.

    Returns
    -------
    list of str
        Those that are not outputs themselves.
    """
    if output is None or not is_folder(output):
        return []
    folder = Path(identity(output))
    if not any(is_folder(name) and folder.is_relative_to(Path(identity(name))) for name in inputs):
        return []
    written = {identity(destination) for _, destination in pairs}
    return [path for path in sounds_below(output, None) if identity(path) not in written]


class MadeFolders:
    """Makes folders, and in the end takes away those of them in which nothing was written.

    Use it as a context manager.
    """

    def __init__(self) -> None:
        self._made: list[Path] = []

    def make(self, folder: Path) -> None:
        """Make a folder, and those above it, that do not exist.

        Raises
        ------
        AudioError
            If the system refuses.
        """
        for new in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            try:
                new.mkdir()
            except OSError as error:
                raise AudioError(f"{new}: the folder cannot be made: {reason(error)}") from None
            self._made.append(new)

    def __enter__(self) -> MadeFolders:
        return self

    def __exit__(self, *error: object) -> None:
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):  # It is not empty.
                folder.rmdir()


def _refuse_file_name(inputs: Sequence[str], output: str) -> None:
    """Refuse the name of a file where a folder is needed, one that exists or one that is to be made."""
    asked = output.endswith(("/", os.sep))
    suffix = Path(file_name(output)).suffix
    why = f"{inputs[0]} is a folder" if is_folder(inputs[0]) else "its name ends in a slash"
    if len(inputs) > 1:
        why = f"there are {len(inputs)} inputs"
    if not is_address(output) and Path(output).exists():
        raise ConfigError(f"{output}: a file, but {why}; give a folder")
    if suffix.lower() in SOUND_SUFFIXES and not asked:
        raise ConfigError(
            f"{output}: a file name, but {why}; give a folder, such as -o {output.removesuffix(suffix)}/"
        )


def _beside_or_in(source: str, below: PurePosixPath, folder: str | None) -> str:
    suffix = output_suffix(below)
    if folder is not None:
        return joined(folder, below.with_suffix(suffix))
    if is_address(source) and protocol(source) in HTTP:
        raise ConfigError(f"{source}: can be read, not written beside; choose a folder with -o")
    return joined(parent(source), PurePosixPath(f"{below.stem}.extended{suffix}"))


def unreadable_here(inputs: Sequence[str], output: str | None) -> list[str]:
    """Return a line for each input folder with sounds that need ffmpeg, where that is not installed.

    Parameters
    ----------
    inputs, output
        As given to `plan_outputs`.

    Returns
    -------
    list of str
    """
    folder = output if output is not None and is_folder(output) else None
    lines = []
    for name in filter(is_folder, inputs if ffmpeg.missing() else ()):
        found = [path for path in sounds_below(name, folder) if _unreadable(path)]
        if found:
            lines.append(f"{name}: left out {_needing_ffmpeg(found)}")
    return lines


def _unreadable(path: str) -> bool:
    return read_by(path, FFMPEG) and bool(ffmpeg.missing())


def _needing_ffmpeg(paths: list[str]) -> str:
    names = ", ".join(file_name(path) for path in paths[:_NAMED]) + (", ..." if len(paths) > _NAMED else "")
    need = "that needs" if len(paths) == 1 else "that need"
    return (
        f"{counted(len(paths), 'sound file')} {need} {FFMPEG}, which is not on the path ({names}): {INSTALL}"
    )


def sounds_below(top: str, output: str | None = None) -> Iterator[str]:
    """Yield the sound files below a folder in order, without what lies hidden or in the output folder.

    Parameters
    ----------
    top : str
        The folder, here or at an address.
    output : str, optional
        The output folder. Without it outputs lie beside their inputs, and are left out too.

    Yields
    ------
    str
    """
    avoided = None if output is None else identity(output)
    for name in _seen_below(top, avoided):
        path = PurePosixPath(file_name(name))
        made_here = output is None and path.stem.endswith(".extended")
        if path.suffix.lower() in SOUND_SUFFIXES and not made_here:
            yield name


def _seen_below(top: str, avoided: str | None) -> Iterator[str]:
    """Yield all files below a folder in order, without what lies hidden or in a folder to be avoided."""
    if is_address(top):
        inside = None if avoided is None or avoided == identity(top) else f"{avoided}/"
        for name in files_below(top):
            hidden = any(part.startswith(".") for part in below(name, top).parts)
            if not hidden and not (inside and identity(name).startswith(inside)):
                yield name
        return
    for here, folders, files in os.walk(top):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and identity(os.path.join(here, name)) != avoided
        )
        yield from (str(Path(here) / name) for name in sorted(files) if not name.startswith("."))


def _refuse_overlap(pairs: list[tuple[str, str]]) -> None:
    inputs = {identity(source) for source, _ in pairs if source != STANDARD}
    seen: dict[str, str] = {}
    for source, destination in pairs:
        real = identity(destination)
        if real in seen and identity(seen[real]) == identity(source):
            raise ConfigError(f"{'standard input' if source == STANDARD else source}: is given twice")
        if real in seen:
            raise ConfigError(f"{destination}: both {seen[real]} and {source} would be written there")
        if source != STANDARD and real == identity(source):
            raise ConfigError(f"{source}: would be written over itself; choose another folder with -o")
        if real in inputs:
            raise ConfigError(
                f"{destination}: is an input, and the output of {source}; choose another folder with -o"
            )
        seen[real] = source
