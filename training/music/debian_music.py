"""debian-music: a corpus of freely licensed music in twelve Debian packages, selected by sha256."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from tfbwe.atomic import replacing

from .packages import PackageError, inside, is_complete, package_files

NAME = "debian-music"
MIX_NAME = "mix.wav"
_STEMS = {"song.ogg", "guitar.ogg"}
_LISTS = tuple(Path(__file__).parent / "lists" / f"{NAME}-{name}.csv" for name in ("train", "more", "test"))
_ARTISTS = Path(__file__).parent / "lists" / f"{NAME}-artists.csv"


@dataclasses.dataclass(frozen=True)
class Listed:
    """One row of the lists: a file of a package, where it goes, and whose it is.

    `artist` is empty where nobody is named; several who made a track together are joined by ` & `.
    """

    pool: str
    package: str
    file: str
    licence: str
    artist: str
    title: str
    sha256: str

    @property
    def is_stem(self) -> bool:
        """Whether the file is one of the two stems of a Frets on Fire song."""
        return PurePosixPath(self.file).name in _STEMS


@dataclasses.dataclass
class Report:
    """What a fetch came to: files in place, list rows whose hash no package held, packages not to be had."""

    kept: int = 0
    written: int = 0
    missing: list[Listed] = dataclasses.field(default_factory=list)
    unavailable: dict[str, str] = dataclasses.field(default_factory=dict)


def listed_files() -> list[Listed]:
    """Read the lists in their order, every artist under one name.

    The lists hold what tags, file names and copyright files say; the table of artists says who is meant.
    """
    names = [field.name for field in dataclasses.fields(Listed)]
    meant = {(row["package"], row["written"]): row["artist"] for row in _table(_ARTISTS)}
    rows = [Listed(**{name: row[name] for name in names}) for path in _LISTS for row in _table(path)]
    return [dataclasses.replace(row, artist=meant.get((row.package, row.artist), row.artist)) for row in rows]


def _table(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def listed_tracks(rows: Sequence[Listed]) -> list[Listed]:
    """Return one row for each track: the two stems of a song become their mix, which has no hash."""
    tracks = {}
    for row in rows:
        file = row.file
        if row.is_stem:
            file = str(PurePosixPath(row.file).with_name(MIX_NAME))
            title = re.sub(r" \((guitar|song) stem\)$", "", row.title)
            row = dataclasses.replace(row, file=file, title=title, sha256="")
        tracks[file] = row
    return list(tracks.values())


def fetch(
    directory: Path,
    rows: Sequence[Listed] | None = None,
    download: Callable[[str, Path], Path] | None = None,
) -> Report:
    """Bring the listed files into a folder; files that are there with the right hash are kept.

    Parameters
    ----------
    directory : Path
        Where everything goes: packages in `packages`, music in `train` and `test`. Made if need be.
    rows : sequence of Listed, optional
        What to fetch, by default all lists.
    download : callable, optional
        Takes a package's name and a folder, returns the .deb it put there; by default `apt_download`.

    Returns
    -------
    Report
        Missing hashes and packages do not stop the rest.

    Raises
    ------
    PackageError
        If a package is damaged or a member points outside of it, or a target lies outside `directory`.
    """
    rows = listed_files() if rows is None else rows
    targets = {row.file: inside(directory, row.file) for row in rows}
    packages = inside(directory, "packages")
    packages.mkdir(parents=True, exist_ok=True)
    report = Report()
    with _progress(len(rows)) as progress:
        for package in dict.fromkeys(row.package for row in rows):
            of_package = [row for row in rows if row.package == package]
            wanted = [row for row in of_package if not _holds(targets[row.file], row.sha256)]
            report.kept += len(of_package) - len(wanted)
            progress(package, len(of_package) - len(wanted))
            if wanted:
                lacking = _fetch_package(package, wanted, targets, packages, download or apt_download, report)
                report.missing += lacking
                progress(package, len(wanted) - len(lacking))
    _mix_songs(directory, rows)
    return report


def _fetch_package(
    package: str,
    wanted: Sequence[Listed],
    targets: dict[str, Path],
    packages: Path,
    download: Callable[[str, Path], Path],
    report: Report,
) -> list[Listed]:
    """Unpack one package from the .deb files at hand, or from a downloaded one; return what is missing."""
    at_hand = [path for path in sorted(packages.glob(f"{package}_*.deb")) if is_complete(path)]
    if not at_hand:
        try:
            at_hand = [download(package, packages)]
        except PackageError as error:
            report.unavailable[package] = str(error)
            return []
    by_hash = {row.sha256: row for row in wanted}
    for deb in at_hand:
        for _, content in package_files(deb, packages):
            row = by_hash.pop(hashlib.sha256(content).hexdigest(), None)
            if row is not None:
                _write(targets[row.file], content)
                report.written += 1
            if not by_hash:
                return []
    return list(by_hash.values())


def apt_download(package: str, folder: Path) -> Path:
    """Download one package with `apt-get download`, which checks its signature chain, into a folder.

    Raises
    ------
    PackageError
        If there is no apt-get, or it fails.
    """
    tool = shutil.which("apt-get")
    if tool is None:
        raise PackageError(f"no apt-get here; put {package}_*.deb into {folder}")
    partial = folder / ".download"
    partial.mkdir(exist_ok=True)
    try:
        run = subprocess.run(
            [tool, "download", "-q", package],
            cwd=partial,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        found = sorted(partial.glob(f"{package}_*.deb"))
        if run.returncode or not found or not is_complete(found[-1]):
            said = [line for line in run.stderr.splitlines() if line.startswith("E:")] or ["no package came"]
            raise PackageError(
                f"apt-get download {package}: {said[-1]}; run `apt-get update`, or put {package}_*.deb "
                f"into {folder}"
            )
        os.replace(found[-1], folder / found[-1].name)
        return folder / found[-1].name
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _holds(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest() == sha256


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _mix_songs(directory: Path, rows: Sequence[Listed]) -> None:
    for track in listed_tracks([row for row in rows if row.is_stem]):
        mix = inside(directory, track.file)
        stems = [mix.with_name(name) for name in sorted(_STEMS)]
        if all(stem.is_file() for stem in stems):
            mix_stems(stems, mix)


def mix_stems(stems: Sequence[Path], mix: Path) -> None:
    """Add sound files up into a 32-bit float WAV file, nothing clipped; a mix of the right length is kept.

    Written with SciPy and not libsndfile, which stamps the time of writing into float WAV files: so the same
    stems give the same bytes.
    """
    import numpy as np
    import soundfile
    from scipy.io import wavfile

    try:
        infos = [soundfile.info(stem) for stem in stems]
    except soundfile.LibsndfileError as error:
        raise PackageError(
            f"{mix.parent}: stems not readable ({error}); is libsndfile built with Vorbis?"
        ) from None
    frames = max(info.frames for info in infos)
    if mix.is_file() and mix.stat().st_mtime_ns >= max(stem.stat().st_mtime_ns for stem in stems):
        with contextlib.suppress(soundfile.LibsndfileError):
            if soundfile.info(mix).frames == frames:
                return
    total = np.zeros((frames, max(info.channels for info in infos)), dtype=np.float32)
    for stem in stems:
        x, rate = soundfile.read(stem, dtype="float32", always_2d=True)
        if rate != infos[0].samplerate:
            raise PackageError(
                f"{stem}: expected {infos[0].samplerate} Hz as its other stem, received {rate}"
            )
        total[: len(x)] += x
    with replacing(mix) as temporary:
        wavfile.write(temporary, infos[0].samplerate, total)


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    from tqdm import tqdm

    with tqdm(total=total, unit="file", file=sys.stderr, disable=None) as bar:

        def step(package: str, files: int) -> None:
            bar.set_description(package)
            bar.update(files)

        yield step
