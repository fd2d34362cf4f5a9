"""Tags that are too large, or made to keep a reader busy: refused before they are parsed."""

from __future__ import annotations

import os
import struct
from collections.abc import Container, Iterator
from typing import Any, BinaryIO

LIMIT_BYTES = 15 * 2**20
"""Tags beyond are not kept, so that memory and time stay bounded; FLAC has 16 MB for a picture."""
MOST_VALUES = 1000
"""Values of one field; more are made to keep a reader busy."""
_MOST_PIECES = 50_000
_MOST_WORK = 2**33
_MOST_LISTED_BYTES = 2**18
_LINEAR = frozenset(
    {"APIC", "GEOB", "PRIV", "MCDI", "USLT", "UFID", "COMR", "PIC", "GEO", "ULT", "MCI", "UFI"}
)
"""Frames that are parsed in a time that grows as their length, not as its square."""
_COMPRESSED = {2: 0, 3: 0x80, 4: 0x08}
_ID3V1_BYTES = 128
_OGG_HEAD_BYTES, _OGG_COMMENTS = 27, (b"\x03vorbis", b"OpusTags")
_APE_FOOT_BYTES, _LONGEST_APE_NAME = 32, 255


class TagsError(ValueError):
    """Tags that cannot be read; the message says why."""


class Watched:
    """A file that reads no more than the limit, and knows whether it was written to.

    Parameters
    ----------
    file : file object
    limited : bool
        Refuse to read more in all than `LIMIT_BYTES` take in the base64 of Ogg, and what is around them.
    """

    def __init__(self, file: BinaryIO, limited: bool) -> None:
        self._file = file
        self._left = 3 * LIMIT_BYTES // 2 if limited else None
        self._reads_left = 2 * _MOST_PIECES
        self.changed = False

    def read(self, size: int = -1) -> bytes:
        """Read; TagsError beyond the limit."""
        if self._left is not None:
            held = max(0, os.fstat(self._file.fileno()).st_size - self._file.tell())
            self._left -= held if size is None or size < 0 else min(size, held)
            self._reads_left -= 1
            if self._left < 0:
                raise too_large()
            if self._reads_left < 0:
                raise too_many()
        return self._file.read(size)

    def write(self, data: bytes) -> int:
        """Write."""
        self.changed |= bool(data)
        return self._file.write(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut."""
        self.changed = True
        return self._file.truncate(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def too_large() -> TagsError:
    """Return the error of tags beyond the limit."""
    return TagsError(f"larger than {LIMIT_BYTES // 2**20} MB")


def too_many() -> TagsError:
    """Return the error of tags of more pieces than any song has."""
    return TagsError("more fields or values than any song has")


def id3_at(file: BinaryIO, start: int = 0) -> bytes:
    """Return the ID3v2 tag at a place of a file, empty if there is none; TagsError beyond the limit."""
    file.seek(start)
    head = file.read(10)
    if len(head) < 10 or head[:3] != b"ID3":
        return b""
    size = _synchsafe(head[6:])
    if size > LIMIT_BYTES:
        raise too_large()
    return head + file.read(size)


def id3v1_of(file: BinaryIO) -> bytes:
    """Return the ID3v1 tag at the end of a file, empty if there is none."""
    file.seek(0, os.SEEK_END)
    file.seek(-min(_ID3V1_BYTES, file.tell()), os.SEEK_END)
    tail = file.read(_ID3V1_BYTES)
    return tail if len(tail) == _ID3V1_BYTES and tail.startswith(b"TAG") else b""


def frames_of(data: bytes, known: Container[str]) -> list[str]:
    """Return the frames that an ID3v2 tag holds, and refuse those made to keep a reader busy.

    Parameters
    ----------
    data : bytes
        The tag.
    known : container of str
        Names of frames. Sizes in ID3v2.4 have seven bits a byte, but old writers took eight: those count by
        which more known frames are found, both where it is not clear.

    Raises
    ------
    TagsError
        If it is compressed, which may unfold to any size, or holds too many or too long frames.
    """
    if not data:
        return []
    version, flags = data[3], data[5]
    body = data[10:]
    if version < 4 and flags & 0x80:
        body = body.replace(b"\xff\x00", b"\xff")
    if flags & 0x40 and version >= 3 and len(body) > 4 and not body[:4].isalnum():
        length = _synchsafe(body[:4]) if version == 4 else struct.unpack(">I", body[:4])[0] + 4
        body = body[length:]
    ways = (False, True) if version == 4 else (True,)
    found = {plain: [name for name, _, _ in _frames(body, version, plain) if name in known] for plain in ways}
    most = max(map(len, found.values()))
    for plain in ways:
        if len(found[plain]) == most:
            _refuse_busy_frames(body, version, plain)
    return max(found.values(), key=len)


def _frames(body: bytes, version: int, plain: bool) -> Iterator[tuple[str, int, int]]:
    """Name, place and size of frames; of ID3v2.4 ``plain`` sizes have eight bits a byte."""
    at, head = 0, 6 if version == 2 else 10
    while at + head <= len(body) and any(body[at : at + (3 if version == 2 else 4)]):
        name = body[at : at + (3 if version == 2 else 4)].decode("latin-1")
        sized = body[at + 3 : at + 6] if version == 2 else body[at + 4 : at + 8]
        size = int.from_bytes(sized, "big") if plain else _synchsafe(sized)
        if size:
            yield name, at + head, size
        at += head + size


def _refuse_busy_frames(body: bytes, version: int, plain: bool, depth: int = 0) -> None:
    if depth > 8:
        raise TagsError("frames in frames in frames")
    for count, (kind, at, size) in enumerate(_frames(body, version, plain), 1):
        inside = body[at : at + size]
        if count * len(body) > _MOST_WORK:
            raise too_many()
        if body[at - 1] & _COMPRESSED[version] and version > 2:
            raise TagsError("its frames are compressed")
        _refuse_busy(kind, inside)
        if kind in ("CHAP", "CTOC"):
            _refuse_busy_frames(_embedded(kind, inside), version, plain, depth + 1)


def _refuse_busy(kind: str, inside: bytes) -> None:
    if kind in _LINEAR or kind in ("CHAP", "CTOC"):
        return
    if kind.startswith(("T", "C", "W")):
        ends = inside.count(b"\0\0" if inside[:1] in (b"\1", b"\2") else b"\0")
        if (ends + 1) * len(inside) > _MOST_WORK:
            raise too_many()
    elif len(inside) > _MOST_LISTED_BYTES:
        raise TagsError(f"frame {kind} is longer than {_MOST_LISTED_BYTES // 1024} kB")


def _embedded(kind: str, inside: bytes) -> bytes:
    """Frames inside a chapter or a table of chapters."""
    rest = inside.partition(b"\0")[2]
    if kind == "CHAP":
        return rest[16:]
    children = rest[1] if len(rest) > 1 else 0
    rest = rest[2:]
    for _ in range(children):
        rest = rest.partition(b"\0")[2]
    return rest


def ape_of(file: BinaryIO) -> bytes:
    """Return the APE tag at the end of a file, empty if there is none.

    Raises
    ------
    TagsError
        If it is too large, or holds names that have no end.
    """
    end = file.seek(0, os.SEEK_END) - len(id3v1_of(file))
    file.seek(max(0, end - _APE_FOOT_BYTES))
    foot = file.read(_APE_FOOT_BYTES)
    if foot[:8] != b"APETAGEX":
        return b""
    size, count, flags = struct.unpack_from("<III", foot, 12)
    if size > LIMIT_BYTES:
        raise too_large()
    if count > _MOST_PIECES:
        raise too_many()
    file.seek(max(0, end - size))
    items = file.read(min(size, end))
    at = 0
    for _ in range(count):
        if at + 8 > len(items) - _APE_FOOT_BYTES:
            break
        name_end = items.find(b"\0", at + 8, at + 8 + _LONGEST_APE_NAME + 1)
        if name_end < 0:
            raise TagsError("its APE tag is damaged")
        at = name_end + 1 + int(struct.unpack_from("<I", items, at)[0])
    head = foot[:20] + struct.pack("<I", flags | 1 << 29) + foot[24:]
    return head + items if flags & 1 << 31 else items


def refuse_many_comments(file: BinaryIO) -> None:
    """Refuse Ogg files with more comments than any song has, which would fill memory; TagsError."""
    at, packet, start, serial, flac = 0, b"", 0, b"", False
    while at < LIMIT_BYTES:
        file.seek(at)
        head = file.read(_OGG_HEAD_BYTES)
        if len(head) < _OGG_HEAD_BYTES or head[:4] != b"OggS":
            return
        sizes = file.read(head[26])
        payload = file.read(sum(sizes))
        at = file.tell()
        flac |= payload.startswith(b"\x7fFLAC")
        begins = next((len(mark) for mark in _OGG_COMMENTS if payload.startswith(mark)), 0)
        begins = begins or (4 if flac and payload[:1] in (b"\x04", b"\x84") else 0)
        if begins and not packet:
            packet, start, serial = payload, begins, head[14:18]
        elif packet and head[14:18] == serial:
            packet += payload
        place = start + 4 + int.from_bytes(packet[start : start + 4], "little")
        if packet and len(packet) >= place + 4:
            if int.from_bytes(packet[place : place + 4], "little") > _MOST_PIECES:
                raise too_many()
            return


def _synchsafe(data: bytes) -> int:
    size = 0
    for byte in data:
        size = size << 7 | byte & 0x7F
    return size
