"""Which layout a music folder has, which of its files are finished mixtures, and which split each belongs to.

Where a data set brings its own split, that holds; else a hash of the name of track, album or artist decides.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tfbwe.errors import ConfigError

from . import debian_music
from .splits import MUSDB_VALID, SPLIT_NAMES, held_out_artists, name_hash, split_by_hash

# A data set is found in the folder that holds it as well as in its own.
_MUSDB_MIX = re.compile(r"(?:[^/]+/)?(train|test)/([^/]+)/mixture\.wav")
_DSD_MIX = re.compile(r"(?:[^/]+/)?Mixtures/(Dev|Test)/([^/]+)/mixture\.wav")
_FMA_CLIP = re.compile(r"(?:[^/]+/)?(\d{3})/\1\d{3}\.mp3")
_JAMENDO_SONG = re.compile(r"(?:[^/]+/)?\d{2}/\d+(?:\.low)?\.mp3")


@dataclasses.dataclass(frozen=True)
class Source:
    """A mixture that a layout offers, before anything is measured on it.

    `file` is relative to the folder, with forward slashes; `track` names the group that must not be parted;
    `split` is `train`, `valid` or `test`; the rest is empty where it is not known.
    """

    file: str
    track: str
    split: str
    licence: str = ""
    artist: str = ""
    title: str = ""


def find_sources(directory: Path) -> tuple[str, list[Source]]:
    """List the mixtures of a folder.

    Parameters
    ----------
    directory : Path
        The folder of a data set as its authors unpack it, or any tree of sound files.

    Returns
    -------
    tuple of (str, list of Source)
        The layout's name, and the mixtures in the order of their file names. Stems are not among them.

    Raises
    ------
    ConfigError
        If the folder does not exist.
    """
    if not directory.is_dir():
        raise ConfigError(f"{directory}: expected a folder with music, found none")
    files = sound_files(directory)
    layout = recognise(directory, files)
    sources = sorted(LAYOUTS[layout](directory, files), key=lambda source: source.file)
    return layout, _with_valid(sources)


def sound_files(directory: Path) -> list[str]:
    """Return the sound files below a folder as sorted relative paths; hidden ones are passed over."""
    from tfbwe.audio.formats import LIBSNDFILE, read_by  # only now: help needs nothing heavy

    found = []
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if not name.startswith(".") and read_by(name, LIBSNDFILE):
                found.append((Path(folder) / name).relative_to(directory).as_posix())
    return sorted(found)


def _with_valid(sources: list[Source]) -> list[Source]:
    """Where two or more tracks would leave none to validate on, make the one with the lowest hash valid."""
    tracks = {source.track for source in sources if source.split == "train"}
    if len(tracks) < 2 or any(source.split == "valid" for source in sources):
        return sources
    chosen = min(tracks, key=name_hash)
    return [
        dataclasses.replace(source, split="valid")
        if source.split == "train" and source.track == chosen
        else source
        for source in sources
    ]


def recognise(directory: Path, files: list[str]) -> str:
    """Name the layout of a folder with these files: a data set of `LAYOUTS`, or `tree` for any other."""
    paths = [PurePosixPath(file) for file in files]
    listed = {row.file for row in debian_music.listed_files()}
    if listed.intersection(files):
        return debian_music.NAME
    if any(_DSD_MIX.fullmatch(file) for file in files):
        return "dsd100"
    if any(_MUSDB_MIX.fullmatch(file) for file in files):
        return "musdb18-hq"
    if _maestro_table(directory) is not None:
        return "maestro"
    if any(_is_medley_mix(path) for path in paths):
        return "medleydb"
    mp3 = [file for file in files if file.endswith(".mp3")]
    if mp3 and len(mp3) == len(files):
        if all(_FMA_CLIP.fullmatch(file) for file in mp3):
            return "fma"
        if all(_JAMENDO_SONG.fullmatch(file) for file in mp3):
            return "mtg-jamendo"
    return "tree"


def _debian_music(directory: Path, files: list[str]) -> Iterator[Source]:
    """The test list is the test split; of the others, `held_out_artists` says which artists are valid.

    Tracks of nobody named go by their package, those of the test list by themselves.
    """
    present = set(files)
    tracks = debian_music.listed_tracks(debian_music.listed_files())
    valid = held_out_artists(tracks)
    for row in tracks:
        if row.file in present:
            split = "test" if row.pool == "test" else "valid" if row.artist in valid else "train"
            path = PurePosixPath(row.file)
            name = str(path.parent if path.name == debian_music.MIX_NAME else path.with_suffix(""))
            group = name if row.pool == "test" else row.artist or row.package
            yield Source(row.file, group, split, row.licence, row.artist, row.title)


def _musdb18_hq(directory: Path, files: list[str]) -> Iterator[Source]:
    for mix in filter(None, map(_MUSDB_MIX.fullmatch, files)):
        split, track = mix.groups()
        artist, _, title = track.partition(" - ")
        split = "valid" if split == "train" and track in MUSDB_VALID else split
        yield Source(mix[0], track, split, artist=artist, title=title)


def _dsd100(directory: Path, files: list[str]) -> Iterator[Source]:
    for mix in filter(None, map(_DSD_MIX.fullmatch, files)):
        pool, track = mix.groups()
        split = "test" if pool == "Test" else split_by_hash(track)
        _, _, named = track.partition(" - ")
        artist, _, title = named.partition(" - ")
        yield Source(mix[0], track, split, artist=artist, title=title)


def _is_medley_mix(path: PurePosixPath) -> bool:
    return len(path.parts) > 1 and path.name == f"{path.parent.name}_MIX.wav"


def _medleydb(directory: Path, files: list[str]) -> Iterator[Source]:
    """Folders are Artist_Title; the data set names no split, so an artist's songs stay together."""
    for path in map(PurePosixPath, files):
        if _is_medley_mix(path):
            artist, _, title = path.parent.name.partition("_")
            yield Source(str(path), artist, split_by_hash(artist), artist=artist, title=title)


def _maestro_table(directory: Path) -> Path | None:
    tables = sorted([*directory.glob("maestro-v*.csv"), *directory.glob("*/maestro-v*.csv")])
    return tables[-1] if tables else None


def _maestro(directory: Path, files: list[str]) -> Iterator[Source]:
    """The csv file names each recording's split; others are left out."""
    present = set(files)
    table = _maestro_table(directory)
    if table is None:
        return
    for row in _table(table, ("audio_filename", "split", "canonical_composer", "canonical_title")):
        file = (table.parent.relative_to(directory) / row["audio_filename"]).as_posix()
        if file in present and row["split"] in SPLIT_NAMES:
            yield Source(
                file,
                f"{row['canonical_composer']} - {row['canonical_title']}",
                SPLIT_NAMES[row["split"]],
                licence="CC-BY-NC-SA-4.0",
                artist=row["canonical_composer"],
                title=row["canonical_title"],
            )


def _fma(directory: Path, files: list[str]) -> Iterator[Source]:
    """Split, licence, artist and title come from fma_metadata/tracks.csv, in or beside the folder, if any."""
    known = {}
    for folder in (directory, directory / "fma_metadata", directory.parent / "fma_metadata"):
        if (folder / "tracks.csv").is_file():
            known = _fma_tracks(folder / "tracks.csv")
            break
    for file in files:
        number = str(int(PurePosixPath(file).stem))
        split, licence, artist, title = known.get(number, ("", "", "", ""))
        track = artist or number
        yield Source(file, track, SPLIT_NAMES.get(split, split_by_hash(track)), licence, artist, title)


def _fma_tracks(table: Path) -> dict[str, tuple[str, str, str, str]]:
    """Read the columns of interest from tracks.csv, whose header is two lines of group and name."""
    with open(table, encoding="utf-8", errors="replace", newline="") as stream:
        rows = csv.reader(stream)
        try:
            header = list(zip(next(rows), next(rows), strict=True))
            wanted = (("set", "split"), ("track", "license"), ("artist", "name"), ("track", "title"))
            split, licence, artist, title = (header.index(column) for column in wanted)
        except (StopIteration, ValueError):
            raise ConfigError(
                f"{table}: expected the tracks.csv of fma_metadata, received other columns"
            ) from None
        return {
            row[0]: (row[split], row[licence], row[artist], row[title])
            for row in rows
            if len(row) == len(header)
        }


def _mtg_jamendo(directory: Path, files: list[str]) -> Iterator[Source]:
    """The authors' split 0, which is by artist, if its lists lie in the folder; else a hash of the artist."""
    artists, splits = {}, {}
    for table in sorted(directory.rglob("*.tsv")):
        own = re.fullmatch(r"autotagging-(train|validation|test)\.tsv", table.name)
        if table.name in ("raw_30s.tsv", "raw.tsv", "autotagging.tsv") or (
            own and table.parent.name == "split-0"
        ):
            with open(table, encoding="utf-8", errors="replace") as stream:
                for line in stream:
                    values = line.rstrip("\n").split("\t")
                    if len(values) > 3 and values[0].startswith("track_"):
                        number = values[0].removeprefix("track_").lstrip("0") or "0"
                        artists[number] = values[1]
                        if own:
                            splits[values[1]] = SPLIT_NAMES[own[1]]
    for file in files:
        number = PurePosixPath(file).name.split(".")[0]
        track = artists.get(number, number)
        yield Source(file, track, splits.get(track) or split_by_hash(track), artist=artists.get(number, ""))


def _tree(directory: Path, files: list[str]) -> Iterator[Source]:
    """Any folder: top folders named train, valid or test decide; else a first folder's files stay together.

    The first folder below those that all files share is an artist or an album. Files with no folder of their
    own are tracks each; song.wav and song.mp3 side by side are one.
    """
    by_split: dict[str, list[str]] = {}
    for file in files:
        top = SPLIT_NAMES.get(PurePosixPath(file).parts[0].lower(), "") if "/" in file else ""
        by_split.setdefault(top, []).append(file)
    has_valid = "valid" in by_split
    for own, members in by_split.items():
        folders = [PurePosixPath(file).parent for file in members]
        shared = len(PurePosixPath(os.path.commonpath([str(folder) for folder in folders])).parts)
        for file in members:
            below = PurePosixPath(file).with_suffix("").parts[shared:]
            track = below[0]
            hashed = not own or (own == "train" and not has_valid)
            yield Source(file, track, split_by_hash(track) if hashed else own)


def _table(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Read a table with a header; rows of another length are left out."""
    with open(path, encoding="utf-8", errors="replace", newline="") as stream:
        reader = csv.DictReader(stream)
        for column in columns:
            if column not in (reader.fieldnames or ()):
                received = ", ".join(reader.fieldnames or ["nothing"])
                raise ConfigError(f"{path}: expected a column {column}, received {received}")
        return [row for row in reader if None not in row and None not in row.values()]


LAYOUTS = {
    debian_music.NAME: _debian_music,
    "musdb18-hq": _musdb18_hq,
    "dsd100": _dsd100,
    "medleydb": _medleydb,
    "maestro": _maestro,
    "fma": _fma,
    "mtg-jamendo": _mtg_jamendo,
    "tree": _tree,
}
