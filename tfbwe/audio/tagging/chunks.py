"""Chunks of WAV, RF64, AIFF and CAF files that hold no sound: found, read, and added to another file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from .fields import Common, name_of, native_names, outdated
from .limits import LIMIT_BYTES, too_large

_MOST_32_BITS = 2**32 - 1


class Layout(NamedTuple):
    """How a kind of file lays out its chunks."""

    head: str
    first: int
    even: bool
    rate: tuple[bytes, int, str]


LAYOUTS = {
    b"RIFF": Layout("<4sI", 12, True, (b"fmt ", 4, "<I")),
    b"RF64": Layout("<4sI", 12, True, (b"fmt ", 4, "<I")),
    b"FORM": Layout(">4sI", 12, True, (b"COMM", 8, ">HQ")),
    b"caff": Layout(">4sq", 8, False, (b"desc", 0, ">d")),
}
"""By the first four bytes; the rate is in a chunk, at a place, in a form."""
_MADE_ANEW = {
    *(b"fmt ", b"data", b"fact", b"ds64", b"PEAK", b"JUNK", b"junk", b"PAD ", b"FLLR"),
    *(b"COMM", b"SSND", b"FVER"),
    *(b"desc", b"kuki", b"pakt", b"chan", b"free", b"peak"),
}
_AT_ANY_RATE = {
    *(b"bext", b"LIST", b"axml", b"chna", b"_PMX", b"DISP", b"acid", b"umid", b"ubxt", b"inst"),
    *(b"INST", b"MIDI", b"NAME", b"AUTH", b"(c) ", b"ANNO", b"APPL", b"COMT"),
    *(b"info", b"midi", b"uuid"),
}
_WORDS = {
    b"bext": "broadcast data (bext)",
    b"cue ": "cue points (cue)",
    b"smpl": "loops (smpl)",
    b"adtl": "labels of cue points (adtl)",
    b"iXML": "iXML",
    b"cart": "cart data",
    b"MARK": "markers (MARK)",
    b"mark": "markers (mark)",
    b"regn": "regions (regn)",
}
_AIFF_TEXTS = {b"NAME": "title", b"AUTH": "artist", b"(c) ": "copyright", b"ANNO": "comment"}
_INFO_NAMES = native_names("info")
_BEXT_TEXTS = {
    "bext_description": (0, 256),
    "bext_originator": (256, 288),
    "bext_originator_reference": (288, 320),
    "bext_origination_date": (320, 330),
    "bext_origination_time": (330, 338),
    "bext_coding_history": (602, None),
}
"""Places in broadcast data, by names that no other field has."""
_BEXT_TIME_AT, _BEXT_LOUDNESS_AT, _BEXT_END = 338, 412, 422
_NO_LOUDNESS = b"\xff\x7f" * 5


@dataclass(frozen=True)
class Chunk:
    """A chunk without its head."""

    kind: bytes
    data: bytes

    def __str__(self) -> str:
        kind = self.data[:4] if self.kind == b"LIST" else self.kind
        return _WORDS.get(kind) or f"chunk {kind.decode('latin-1').strip()}"


@dataclass(frozen=True)
class Chunks:
    """What a file holds beside sound and ID3.

    Attributes
    ----------
    magic : bytes
        The first four bytes of the file.
    rate : float
        Samples per second.
    held : tuple of Chunk
    """

    magic: bytes
    rate: float
    held: tuple[Chunk, ...] = ()

    def common(self) -> Common:
        """Return the texts among them, and name the rest."""
        common = Common.empty()
        for chunk in self.held:
            if chunk.kind == b"LIST" and chunk.data[:4] == b"INFO":
                for kind, text in _texts(chunk.data[4:]):
                    key = kind.decode("latin-1")
                    common.add(_INFO_NAMES.get(key) or name_of(key), [text])
            elif chunk.kind in _AIFF_TEXTS:
                common.add(_AIFF_TEXTS[chunk.kind], [_decoded(chunk.data)])
            elif chunk.kind == b"info" and self.magic == b"caff":
                for key, value in zip(*[iter(chunk.data[4:].split(b"\0"))] * 2, strict=False):
                    common.add(name_of(_decoded(key)), [_decoded(value)])
            elif chunk.kind == b"bext" and len(chunk.data) >= _BEXT_END:
                for name, (start, end) in _BEXT_TEXTS.items():
                    common.add(name, [_decoded(chunk.data[start:end])])
                common.lost.append("time, identifier and loudness of the broadcast data (bext)")
            elif not outdated(chunk.kind.decode("latin-1")):
                common.lost.append(str(chunk))
        return common


def read_chunks(file: BinaryIO) -> tuple[Chunks, int | None]:
    """Return what a file holds beside its sound, and where its ID3 tag begins.

    Raises
    ------
    TagsError
        If it is too large.
    """
    magic = _at(file, 0, 4)
    rate, id3_at, held = 0.0, None, []
    left = LIMIT_BYTES
    for kind, start, size in _walk(file, magic):
        rate = _rate(file, magic, start) if kind == LAYOUTS[magic].rate[0] else rate
        if kind in (b"id3 ", b"ID3 "):
            id3_at = start
        elif kind not in _MADE_ANEW:
            left -= size
            if left < 0:
                raise too_large()
            held.append(Chunk(kind, _at(file, start, size)))
    return Chunks(magic, rate, tuple(held)), id3_at


def carried(source: Chunks, out: Chunks) -> tuple[list[Chunk], list[str], list[str]]:
    """Return what of one file goes into another of the same kind.

    Returns
    -------
    chunks : list of Chunk
    lost : list of str
        In words, what cannot be kept: places in samples at another rate.
    gone : list of str
        In words, what no longer fits the sound.
    """
    chunks, lost, gone = [], [], []
    same_rate = source.rate == out.rate
    for chunk in source.held:
        labels = chunk.data[:4] == b"adtl"
        if label := outdated(chunk.kind.decode("latin-1")):
            gone.append(label)
        elif not same_rate and (chunk.kind not in _AT_ANY_RATE or labels):
            lost.append(f"{chunk}, as its places are those of another sample rate")
        elif chunk.kind == b"LIST" and chunk.data[:4] == b"INFO":
            fitting = [(kind, text) for kind, text in _pieces(chunk.data[4:]) if not _outdated(kind)]
            gone += [_outdated(kind) for kind, _ in _pieces(chunk.data[4:]) if _outdated(kind)]
            chunks += _info(fitting)
        elif chunk.kind == b"info" and source.magic == b"caff":
            fields = source.common().fields
            gone += [outdated(name) for name in fields if outdated(name)]
            chunks += info_chunks(source.common().fitting(), b"caff")[0]
        elif chunk.kind == b"bext" and len(chunk.data) >= _BEXT_END:
            data, had_loudness = _new_bext(chunk.data, out.rate / source.rate)
            gone += ["loudness (bext)"] if had_loudness else []
            chunks.append(Chunk(b"bext", data))
        else:
            chunks.append(chunk)
    return chunks, lost, gone


def info_chunks(common: Common, magic: bytes) -> tuple[list[Chunk], list[str]]:
    """Return texts as chunks of a kind of file, and in words what has no place there.

    What WAV and AIFF have no chunk for lies in their ID3 tag.
    """
    fields = {name: "; ".join(values) for name, values in common.with_totals().items()}
    if magic == b"caff":
        texts = b"".join(_encoded(f"{name}\0{value}\0") for name, value in fields.items())
        data = struct.pack(">I", len(fields)) + texts
        lost = [f"{name} as several values" for name, values in common.fields.items() if len(values) > 1]
        return [Chunk(b"info", data)] if fields else [], [*lost, *map(str, common.pictures)]
    if magic == b"FORM":
        return [
            Chunk(kind, _encoded(fields[name])) for kind, name in _AIFF_TEXTS.items() if name in fields
        ], []
    own = [(kind, _encoded(fields[name]) + b"\0") for kind, name in _INFO_NAMES.items() if name in fields]
    return _info([(kind.encode("ascii"), text) for kind, text in own]), []


def append_chunks(file: BinaryIO, magic: bytes, chunks: list[Chunk]) -> list[str]:
    """Add chunks to the end of a file, and correct its length; return what has no room, in words."""
    layout = LAYOUTS[magic]
    lost = []
    end = file.seek(0, os.SEEK_END)
    last = max((start + size for _, start, size in _walk(file, magic)), default=end)
    if magic == b"caff" and last == end - 1:
        end = last  # libsndfile makes the length even, which CAF does not
    file.seek(end)
    if layout.even and end % 2:
        end += file.write(b"\0")
    for chunk in chunks:
        packed = _packed(layout.head, chunk.kind, chunk.data, layout.even)
        if magic in (b"RIFF", b"FORM") and end + len(packed) > _MOST_32_BITS:
            lost.append(f"{chunk}, as the file is full")
            continue
        end += file.write(packed)
    if magic == b"RF64":
        file.seek(20)  # in the chunk ds64, which is the first
        file.write(struct.pack("<Q", end - 8))
    elif magic != b"caff":
        file.seek(4)
        file.write(struct.pack(layout.head[0] + "I", end - 8))
    return lost


def _walk(file: BinaryIO, magic: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and size of each chunk, as far as the file goes."""
    layout = LAYOUTS[magic]
    end, at, long_bytes = file.seek(0, os.SEEK_END), layout.first, 0
    while len(head := _at(file, at, struct.calcsize(layout.head))) == struct.calcsize(layout.head):
        kind, size = struct.unpack(layout.head, head)
        at += len(head)
        if kind == b"ds64":
            long_bytes = int.from_bytes(_at(file, at + 8, 8), "little")
        elif kind == b"data" and size == _MOST_32_BITS and long_bytes:
            size = long_bytes
        if size < 0 or at + size > end:
            return
        yield kind, at, size
        at += size + (size % 2 if layout.even else 0)


def _at(file: BinaryIO, start: int, size: int) -> bytes:
    file.seek(start)
    return file.read(size)


def _rate(file: BinaryIO, magic: bytes, start: int) -> float:
    _, place, form = LAYOUTS[magic].rate
    data = _at(file, start + place, struct.calcsize(form))
    if len(data) < struct.calcsize(form):
        return 0.0
    values = struct.unpack(form, data)
    # AIFF has a float of 80 bits: an exponent, and 64 bits of mantissa.
    return float(values[1] * 2.0 ** (values[0] - 16383 - 63)) if len(values) == 2 else float(values[0])


def _packed(head: str, kind: bytes, data: bytes, even: bool) -> bytes:
    return struct.pack(head, kind, len(data)) + data + (b"\0" if even and len(data) % 2 else b"")


def _info(texts: list[tuple[bytes, bytes]]) -> list[Chunk]:
    data = b"".join(_packed("<4sI", kind, text, even=True) for kind, text in texts)
    return [Chunk(b"LIST", b"INFO" + data)] if data else []


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _pieces(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        found.append((kind, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return found


def _texts(data: bytes) -> list[tuple[bytes, str]]:
    return [(kind, _decoded(text)) for kind, text in _pieces(data)]


def _outdated(kind: bytes) -> str:
    return outdated(kind.decode("latin-1"))


def _decoded(data: bytes) -> str:
    data = data.partition(b"\0")[0].rstrip(b" ")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _new_bext(data: bytes, factor: float) -> tuple[bytes, bool]:
    """Broadcast data with its time, in samples, at the new rate, without the loudness of the old sound."""
    (time,) = struct.unpack_from("<Q", data, _BEXT_TIME_AT)
    new = bytearray(data)
    struct.pack_into("<Q", new, _BEXT_TIME_AT, min(round(time * factor), 2**64 - 1))
    version = struct.unpack_from("<H", data, _BEXT_TIME_AT + 8)[0]
    had = version >= 2 and data[_BEXT_LOUDNESS_AT:_BEXT_END] not in (_NO_LOUDNESS, bytes(10))
    if version >= 2:
        new[_BEXT_LOUDNESS_AT:_BEXT_END] = _NO_LOUDNESS
    return bytes(new), had
