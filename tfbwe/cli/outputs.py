"""Which output each input gets: beside it, or in a folder with the tree kept."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..audio import ffmpeg
from ..audio.ffmpeg import INSTALL
from ..audio.formats import FFMPEG, SOUND_SUFFIXES, STANDARD, output_suffix, read_by, reason
from ..console import counted
from ..errors import AudioError, ConfigError

_NAMED = 5
"""So many files are named in a line."""


def into_folder(inputs: Sequence[str], output: str | None) -> bool:
    """Whether an output is a folder: there is one, its name ends in a slash, or one file is not enough."""
    if output is None or output == STANDARD:
        return False
    return os.path.isdir(output) or output.endswith(("/", os.sep)) or not _alone(inputs)


def _alone(inputs: Sequence[str]) -> bool:
    return len(inputs) == 1 and not os.path.isdir(inputs[0])


def plan_outputs(inputs: Sequence[str], output: str | None) -> list[tuple[str, str]]:
    """Return pairs of input file and output file.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, or ``"-"`` for standard input.
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
    folder = Path(output) if output is not None and into_folder(inputs, output) else None
    if output is not None and folder is None:
        if not _alone(inputs):
            raise ConfigError("-o -: many inputs cannot go to standard output; give a folder")
        return [(inputs[0], output)]
    if output is not None and folder is not None and not folder.is_dir():
        _refuse_file_name(inputs, output)
    pairs = []
    for name in inputs:
        if name == STANDARD:
            pairs.append((name, STANDARD if folder is None else str(folder / "stdin.wav")))
        elif os.path.isdir(name):
            found = list(sounds_below(Path(name), folder))
            readable = [path for path in found if not _unreadable(path)]
            if found and not readable:
                raise AudioError(f"{name}: the folder holds no sound files but {_needing_ffmpeg(found)}")
            if not found:
                raise AudioError(f"{name}: the folder holds no sound files")
            pairs += [(str(path), _beside_or_in(path, path.relative_to(name), folder)) for path in readable]
        else:
            pairs.append((name, _beside_or_in(Path(name), Path(Path(name).name), folder)))
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
    if output is None or not os.path.isdir(output):
        return []
    folder = Path(output).resolve()
    if not any(os.path.isdir(name) and folder.is_relative_to(Path(name).resolve()) for name in inputs):
        return []
    written = {os.path.realpath(destination) for _, destination in pairs}
    return [str(path) for path in sounds_below(Path(output), None) if os.path.realpath(path) not in written]


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
    path = Path(output)
    why = f"{inputs[0]} is a folder" if os.path.isdir(inputs[0]) else "its name ends in a slash"
    if len(inputs) > 1:
        why = f"there are {len(inputs)} inputs"
    if path.exists():
        raise ConfigError(f"{output}: a file, but {why}; give a folder")
    if path.suffix.lower() in SOUND_SUFFIXES and not asked:
        raise ConfigError(
            f"{output}: a file name, but {why}; give a folder, such as -o {path.with_suffix('')}/"
        )


def _beside_or_in(source: Path, below: Path, folder: Path | None) -> str:
    suffix = output_suffix(source)
    if folder is not None:
        return str(folder / below.with_suffix(suffix))
    return str(source.with_name(f"{source.stem}.extended{suffix}"))


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
    folder = Path(output) if output is not None and os.path.isdir(output) else None
    lines = []
    for name in filter(os.path.isdir, inputs):
        found = [path for path in sounds_below(Path(name), folder) if _unreadable(path)]
        if found:
            lines.append(f"{name}: left out {_needing_ffmpeg(found)}")
    return lines


def _unreadable(path: Path) -> bool:
    return read_by(path, FFMPEG) and bool(ffmpeg.missing())


def _needing_ffmpeg(paths: list[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_NAMED]) + (", ..." if len(paths) > _NAMED else "")
    need = "that needs" if len(paths) == 1 else "that need"
    return (
        f"{counted(len(paths), 'sound file')} {need} {FFMPEG}, which is not on the path ({names}): {INSTALL}"
    )


def sounds_below(top: Path, output: Path | None = None) -> Iterator[Path]:
    """Yield the sound files below a folder in order, without what lies hidden or in the output folder.

    Parameters
    ----------
    top : Path
        The folder.
    output : Path, optional
        The output folder. Without it outputs lie beside their inputs, and are left out too.

    Yields
    ------
    Path
    """
    avoided = None if output is None else output.resolve()
    for here, folders, files in os.walk(top):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (Path(here) / name).resolve() != avoided
        )
        for name in sorted(files):
            path = Path(here) / name
            made_here = output is None and path.stem.endswith(".extended")
            if path.suffix.lower() in SOUND_SUFFIXES and not name.startswith(".") and not made_here:
                yield path


def _refuse_overlap(pairs: list[tuple[str, str]]) -> None:
    inputs = {os.path.realpath(source) for source, _ in pairs if source != STANDARD}
    seen: dict[str, str] = {}
    for source, destination in pairs:
        real = os.path.realpath(destination)
        if real in seen and os.path.realpath(seen[real]) == os.path.realpath(source):
            raise ConfigError(f"{'standard input' if source == STANDARD else source}: is given twice")
        if real in seen:
            raise ConfigError(f"{destination}: both {seen[real]} and {source} would be written there")
        if source != STANDARD and real == os.path.realpath(source):
            raise ConfigError(f"{source}: would be written over itself; choose another folder with -o")
        if real in inputs:
            raise ConfigError(
                f"{destination}: is an input, and the output of {source}; choose another folder with -o"
            )
        seen[real] = source
