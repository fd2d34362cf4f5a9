"""Containers whose tags are not read: what of them is lost, so that it can be said."""

from __future__ import annotations

import struct
from typing import BinaryIO

_AU_HEAD = 24
_W64_HEAD, _W64_CHUNK_HEAD = 40, 24
_NIST_HEAD_BYTES = 1024
_FORMAT = frozenset({"fmt", "data", "fact", "PEAK", "JUNK", "PAD"})
_MOST_CHUNKS = 1000


def lost_of(file: BinaryIO) -> list[str]:
    """Return in words what an AU, W64, RIFX, NIST or Matroska file holds beside its sound."""
    file.seek(0)
    magic = file.read(4)
    if magic == b"\x1a\x45\xdf\xa3":
        return ["all tags, as those of Matroska and WebM cannot be read"]
    if magic in (b".snd", b"dns."):
        (start,) = struct.unpack(">I" if magic == b".snd" else "<I", file.read(4))
        file.seek(_AU_HEAD)
        note = file.read(max(0, min(start - _AU_HEAD, 4096)))
        return ["annotation"] if note.strip(b"\0 ") else []
    if magic == b"NIST":
        lines = file.read(_NIST_HEAD_BYTES).decode("latin-1").splitlines()[2:]
        names = [line.split()[0] for line in lines if len(line.split()) == 3 and line.split()[1][:1] == "-"]
        return [name for name in names if not name.startswith(("sample_", "channel_", "end_"))]
    layout = {b"riff": (_W64_HEAD, "<4s12xQ", 8), b"RIFX": (12, ">4sI", 2)}.get(magic)
    return [] if layout is None else _chunks(file, *layout)


def _chunks(file: BinaryIO, at: int, head: str, even: int) -> list[str]:
    found, length = [], struct.calcsize(head)
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        packed = file.read(length)
        if len(packed) < length:
            break
        kind, size = struct.unpack(head, packed)
        name = kind.decode("latin-1").strip()
        found += [] if name in _FORMAT else [f"chunk {name}"]
        at += -(-(size if even == 8 else size + length) // even) * even  # of W64 the size counts the head
        if size < (length if even == 8 else 0) or at >= 2**62:
            break
    return found
