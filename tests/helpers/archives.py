"""Building small Debian packages and zip archives for tests."""

import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

COMPRESS = {"": lambda data: data, ".gz": lambda data: gzip.compress(data, mtime=0), ".xz": lzma.compress}


def make_tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def make_ar(members: dict[str, bytes]) -> bytes:
    out = b"!<arch>\n"
    for name, content in members.items():
        out += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode() + content
        out += b"\n" * (len(content) % 2)
    return out


def make_deb(path: Path, files: dict[str, bytes], suffix: str = ".xz") -> Path:
    data = COMPRESS[suffix](make_tar(files))
    path.write_bytes(
        make_ar({"debian-binary": b"2.0\n", "control.tar.gz": b"odd", f"data.tar{suffix}": data})
    )
    return path


def make_pk3(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()
