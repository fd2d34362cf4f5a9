"""Wheel and source archive, made twice and compared: ``python -m release.archives``.

The two runs differ in folder, umask, time zone, language and seed of hashes. The wheel made from the source
archive must be the same bytes too. What stands in DIST in the end: both archives, a bill of materials
(`sbom`) and SHA256SUMS. All times are that of the last commit, or SOURCE_DATE_EPOCH.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.metadata
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .requirements import ROOT, version
from .sbom import bill

SETUPTOOLS = 77
"""The first that knows licence expressions (PEP 639)."""
RUNS = (
    {"folder": "a", "umask": 0o022, "TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
    {
        "folder": "a longer name/b",
        "umask": 0o077,
        "TZ": "Asia/Kathmandu",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "2",
    },
)


class ReleaseError(Exception):
    """A release that cannot be made, in one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write DIST; 1 where it cannot be made."""
    parser = argparse.ArgumentParser(prog="python -m release.archives", description=__doc__)
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="folder to write (default: dist)")
    parser.add_argument("--force", action="store_true", help="replace what is there of this version")
    parser.add_argument(
        "--uncommitted", action="store_true", help="take changes that are not committed, as tests do"
    )
    options = parser.parse_args(arguments)
    try:
        for path in release(options.dist, options.force, options.uncommitted):
            print(
                f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size:,} bytes"
            )
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def release(dist: Path, force: bool = False, uncommitted: bool = False) -> list[Path]:
    """Make, compare and write a release; return its files.

    Raises
    ------
    ReleaseError
        Something is not committed, the tools are too old, a file is there already, or bytes differ.
    """
    if int((there := importlib.metadata.version("setuptools")).split(".")[0]) < SETUPTOOLS:
        raise ReleaseError(
            f"expected setuptools {SETUPTOOLS} or later, received {there}; "
            "`make release` installs what release/requirements.txt names"
        )
    if not uncommitted and (changed := _git("status", "--porcelain")):
        raise ReleaseError(
            f"expected a commit of everything; not committed: {', '.join(changed.split()[1::2])}"
        )
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or _git("log", "-1", "--format=%ct").strip()
    with tempfile.TemporaryDirectory(prefix="tfbwe-release-") as folder:
        first, second = (_made(Path(folder), run, epoch) for run in RUNS)
        _hold(first, second, "two runs")
        (sdist,), (wheel,) = ([path for path in first if path.suffix == suffix] for suffix in (".gz", ".whl"))
        again = _wheel_of_archive(sdist, Path(folder) / "from the archive", epoch)
        _hold([wheel], [again], "the checkout and the source archive")
        return _written([sdist, wheel], dist, force, int(epoch))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise ReleaseError(f"expected a git checkout in {ROOT}, git said: {done.stderr.strip()}")
    return done.stdout


def sources() -> list[str]:
    """Return the files that git knows or would add."""
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted(name for name in listed if name and (ROOT / name).is_file())


def _made(folder: Path, run: Mapping[str, object], epoch: str) -> list[Path]:
    """Build both archives of a copy of the sources, with the modes of files that git has."""
    before = os.umask(int(str(run["umask"])))
    try:
        _copy(copy := folder / str(run["folder"]) / "source")
    finally:
        os.umask(before)
    out = folder / str(run["folder"]) / "out"
    _build(copy, out, epoch, "--sdist", "--wheel", **{key: str(run[key]) for key in run if key.isupper()})
    (sdist,) = out.glob("*.tar.gz")
    sdist.write_bytes(repacked(sdist.read_bytes(), int(epoch)))
    return sorted(out.iterdir())


def _copy(folder: Path) -> None:
    for name in sources():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target)
        target.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)


def _build(source: Path, out: Path, epoch: str, *what: str, **environment: str) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", out, source]
    done = subprocess.run(
        [str(part) for part in command],
        cwd=source.parent,
        env={**os.environ, "PYTHONPATH": "", "SOURCE_DATE_EPOCH": epoch, **environment},
        umask=0o022,  # of what setuptools writes itself, the modes go into the archives
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ReleaseError(f"the build failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def repacked(archive: bytes, epoch: int) -> bytes:
    """Return a .tar.gz with the same files in the order of their names, all of one time and of no owner."""
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as read,
        gzip.GzipFile("", "wb", 9, out, epoch) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as written,
    ):
        for member in sorted(read.getmembers(), key=lambda one: one.name):
            if not member.isfile():
                continue
            plain = tarfile.TarInfo(member.name)
            plain.size, plain.mtime = member.size, epoch
            plain.mode = 0o755 if member.mode & 0o100 else 0o644
            written.addfile(plain, read.extractfile(member))
    return out.getvalue()


def _wheel_of_archive(sdist: Path, folder: Path, epoch: str) -> Path:
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (source,) = folder.iterdir()
    _build(source, folder / "out", epoch, "--wheel")
    (wheel,) = (folder / "out").glob("*.whl")
    return wheel


def _hold(first: Sequence[Path], second: Sequence[Path], what: str) -> None:
    """Compare files by name and bytes."""
    for one, other in zip(first, second, strict=True):
        if one.name != other.name or one.read_bytes() != other.read_bytes():
            raise ReleaseError(
                f"{one.name}: {what} gave other bytes; they are kept nowhere, see release/archives.py"
            )


def _written(archives: Sequence[Path], dist: Path, force: bool, epoch: int) -> list[Path]:
    """Put archives, bill of materials and sums into a folder, each whole or not at all."""
    files = {path.name: path.read_bytes() for path in archives}
    name = f"tfbwe-{version()}.cdx.json"
    files[name] = bill(files, epoch).encode()
    sums = "".join(f"{hashlib.sha256(files[key]).hexdigest()}  {key}\n" for key in sorted(files))
    files["SHA256SUMS"] = sums.encode()
    there = [key for key in files if (dist / key).exists() and (dist / key).read_bytes() != files[key]]
    if there and not force:
        raise ReleaseError(f"{dist / there[0]} is there with other bytes; --force replaces it")
    dist.mkdir(parents=True, exist_ok=True)
    for key, data in files.items():
        temporary = dist / f".part-{key}"
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(dist / key)
    return [dist / key for key in sorted(files)]


if __name__ == "__main__":
    sys.exit(main())
