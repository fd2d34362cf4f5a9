"""The manifest of a music folder: one row for each sound file that can serve as a target."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tfbwe.atomic import replacing
from tfbwe.errors import ConfigError

from ..arguments import command

MANIFEST_NAME = "manifest.csv"
SPLITS = ("train", "valid", "test")


@dataclasses.dataclass(frozen=True)
class Track:
    """One sound file and what was measured on it.

    Attributes
    ----------
    file : str
        Path relative to the manifest's folder, with forward slashes.
    track : str
        What the split goes by. Files of one track, album or artist share it and never part.
    split : str
        `train`, `valid` or `test`.
    bandwidth_hz : float
        Where the spectrum ends; half the sample rate where it does not end before.
    sample_rate : int
        In Hz.
    channels : int
        At least 1.
    seconds : float
        Length of the file.
    loudness_lufs : float
        Integrated loudness (ITU-R BS.1770) of excerpts spread over the file; -inf for one below the gate.
    licence, artist, title : str
        As far as known, else empty.
    size_bytes, mtime_ns : int
        Size and time of change of the file that was measured; a later scan reuses the row while both hold.
    """

    file: str
    track: str
    split: str
    bandwidth_hz: float
    sample_rate: int
    channels: int
    seconds: float
    loudness_lufs: float
    licence: str = ""
    artist: str = ""
    title: str = ""
    size_bytes: int = 0
    mtime_ns: int = 0

    def __post_init__(self) -> None:
        path = PurePosixPath(self.file)
        if not self.file or path.is_absolute() or ".." in path.parts:
            raise ConfigError(f"file: expected a path inside the music folder, received {self.file!r}")
        if self.split not in SPLITS:
            raise ConfigError(f"split: expected one of {', '.join(SPLITS)}, received {self.split!r}")
        for name in ("bandwidth_hz", "sample_rate", "channels", "seconds"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name}: expected a positive number, received {getattr(self, name)}")


COLUMNS = tuple(field.name for field in dataclasses.fields(Track))
_CONVERT = {"str": str, "float": float, "int": int}
_TYPES = {field.name: _CONVERT[str(field.type)] for field in dataclasses.fields(Track)}


def write_manifest(path: Path, tracks: Iterable[Track]) -> None:
    """Write a manifest in one step: whoever reads sees the old rows or all of the new ones.

    Parameters
    ----------
    path : Path
        The file to write; its folder must exist. A temporary file beside it is flushed to disk and renamed.
    tracks : iterable of Track
        Rows, written in the order of their file names.
    """
    with (
        replacing(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as stream,
    ):
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for track in sorted(tracks, key=lambda row: row.file):
            writer.writerow(dataclasses.asdict(track))


def read_manifest(path: Path) -> list[Track]:
    """Read a manifest.

    Parameters
    ----------
    path : Path
        The manifest, or the folder that holds one.

    Returns
    -------
    list of Track
        Its rows, in file order.

    Raises
    ------
    ConfigError
        If there is none, a column is missing or unknown, or a value is out of range.
    """
    if not path.exists() and path.name != MANIFEST_NAME:
        raise ConfigError(f"{path}: expected a music folder, there is none")
    if path.is_dir():
        path = path / MANIFEST_NAME
    if not path.is_file():
        raise ConfigError(
            f"{path}: expected a manifest, found none; write one with "
            f"`{command('corpus')} scan {path.parent}`"
        )
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ConfigError(
                    f"expected the columns {','.join(COLUMNS)}, received "
                    f"{','.join(reader.fieldnames or ['nothing'])}; scan the folder again"
                )
            return [_track(row, reader.line_num) for row in reader]
    except (ConfigError, csv.Error) as error:
        raise ConfigError(f"{path}: {error}") from error


def _track(row: dict[str, str], line: int) -> Track:
    if None in row or None in row.values():
        raise ConfigError(f"line {line}: expected {len(COLUMNS)} values; scan the folder again")
    try:
        return Track(**{name: _TYPES[name](value) for name, value in row.items()})
    except ValueError as error:
        raise ConfigError(f"line {line}: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"line {line}: {error}") from error
