"""Opening Debian packages and the zip archives inside them with the standard library alone.

A .deb is an `ar` archive that holds `debian-binary`, `control.tar.*` and `data.tar.*` (deb(5)); a .pk3 is a
zip. Nothing is unpacked by the names in the archive: members are handed out as bytes, the caller decides
where they go. Even so, an archive with a name that points outside of itself is refused as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, BinaryIO, cast

from tfbwe.errors import TfbweError

MAX_MEMBER_BYTES = 1 << 28
"""A larger member is passed over: it is no music of these lists, and members are read into memory."""

_AR_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
# What tarfile, zipfile and the decompressors were seen to raise on damaged archives.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    struct.error,
    ArithmeticError,
    LookupError,
    RuntimeError,
    ValueError,
)


class PackageError(TfbweError):
    """A package that cannot be fetched, opened or trusted."""


class _Slice(io.RawIOBase):
    """Read-only view of `size` bytes of a file from its present position on."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream = stream
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self._stream.read(min(len(view), self._left))
        view[: len(data)] = data
        self._left -= len(data)
        return len(data)


def ar_members(stream: BinaryIO, size: int) -> Iterator[tuple[str, int]]:
    """Walk through an `ar` archive.

    Parameters
    ----------
    stream : binary file
        At its beginning. When a member is yielded it stands at that member's first byte.
    size : int
        Bytes in the archive.

    Yields
    ------
    tuple of (str, int)
        Name and size in bytes of a member.

    Raises
    ------
    PackageError
        If it is no `ar` archive, or it ends before its last member does.
    """
    if stream.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise PackageError("expected a Debian package (an ar archive), received something else")
    at = len(_AR_MAGIC)
    while at < size:
        stream.seek(at)
        header = stream.read(_HEADER_BYTES)
        digits = header[48:58].strip()
        if len(header) < _HEADER_BYTES or header[58:60] != b"`\n" or not digits.isdigit():
            raise PackageError("damaged ar header")
        length = int(digits)
        at += _HEADER_BYTES + length
        if at > size:
            raise PackageError(f"cut short: expected at least {at} bytes, received {size}")
        yield header[:16].decode("ascii", "replace").rstrip().rstrip("/"), length
        at += at % 2


def is_complete(package: Path) -> bool:
    """Tell whether a .deb is all there: a well-formed archive whose data part ends inside the file."""
    try:
        with open(package, "rb") as stream:
            names = [name for name, _ in ar_members(stream, package.stat().st_size)]
    except (OSError, PackageError):
        return False
    return any(name.startswith("data.tar") for name in names)


def package_files(package: Path, scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Hand out every regular file in a package, those inside a .pk3 as `outer.pk3!inner`.

    Parameters
    ----------
    package : Path
        A .deb file with data.tar, .gz, .bz2, .xz, or .zst where Python or dpkg-deb can open that.
    scratch : Path
        Folder for the temporary copy of a .pk3 while it is read.

    Yields
    ------
    tuple of (str, bytes)
        Path inside the package and content. Links, devices and members above `MAX_MEMBER_BYTES` are left out.

    Raises
    ------
    PackageError
        If the package is damaged, or a member's name points outside of it.
    """
    try:
        with _open_data(package) as data, tarfile.open(fileobj=data, mode="r|") as archive:
            for member in archive:
                name = safe_name(member.name)
                if not member.isfile():
                    continue
                content = archive.extractfile(member)
                if content is None:
                    continue
                if name.endswith(".pk3"):
                    for inner, inside in _zip_files(content, scratch):
                        yield f"{name}!{inner}", inside
                elif member.size <= MAX_MEMBER_BYTES:
                    yield name, content.read()
    except PackageError as error:
        raise PackageError(f"{package}: {error}") from error
    except _DAMAGE as error:
        raise _damaged(package, error) from error
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(package, error) from error


def _damaged(package: Path, error: Exception) -> PackageError:
    return PackageError(f"{package}: damaged ({error}); delete it and fetch again")


def safe_name(name: str) -> str:
    """Return a member's name without a leading `./`; one that leaves the archive raises PackageError."""
    path = PurePosixPath(name)
    as_windows = PureWindowsPath(name)
    if path.is_absolute() or as_windows.is_absolute() or as_windows.drive or ".." in as_windows.parts:
        raise PackageError(f"refused: member {name!r} points outside of the archive")
    return str(path)


def inside(directory: Path, relative: str) -> Path:
    """Return `directory / relative`; a result outside of the folder, links followed, raises PackageError."""
    root = directory.resolve()
    path = (root / relative).resolve()
    if path == root or not path.is_relative_to(root):
        raise PackageError(f"{relative}: refused, it points outside of {directory}")
    return path


@contextlib.contextmanager
def _open_data(package: Path) -> Iterator[IO[bytes]]:
    """Open the uncompressed data.tar of a package as a stream."""
    with open(package, "rb") as stream:
        for name, length in ar_members(stream, package.stat().st_size):
            if not name.startswith("data.tar"):
                continue
            raw = cast(BinaryIO, io.BufferedReader(_Slice(stream, length)))
            if name.endswith(".zst"):
                with _open_zst(package, raw) as data:
                    yield data
            else:
                with _decompressed(name, raw) as data:
                    yield data
            return
    raise PackageError("expected a member data.tar.*, found none")


def _decompressed(name: str, raw: BinaryIO) -> IO[bytes]:
    if name == "data.tar":
        return raw
    if name == "data.tar.gz":
        return cast(IO[bytes], gzip.GzipFile(fileobj=raw))
    if name == "data.tar.xz":
        return lzma.LZMAFile(raw)
    raise PackageError(f"expected data.tar, data.tar.gz, data.tar.xz or data.tar.zst, received {name}")


@contextlib.contextmanager
def _open_zst(package: Path, raw: BinaryIO) -> Iterator[IO[bytes]]:
    """Zstandard is in the standard library from Python 3.14 on; before, dpkg-deb where there is one."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        tool = shutil.which("dpkg-deb")
        if tool is None:
            raise PackageError(
                "data.tar.zst needs Python 3.14 or dpkg-deb; or take the package from Debian, which uses xz"
            ) from None
        with subprocess.Popen([tool, "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            yield process.stdout
        return
    with zstd.ZstdFile(raw) as data:
        yield data


def _zip_files(content: IO[bytes], scratch: Path) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryFile(dir=scratch) as copy:
        shutil.copyfileobj(content, copy)
        with zipfile.ZipFile(copy) as archive:
            for member in archive.infolist():
                name = safe_name(member.filename)
                if not member.is_dir() and member.file_size <= MAX_MEMBER_BYTES:
                    yield name, archive.read(member)
