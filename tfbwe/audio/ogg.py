"""Ogg streams of Vorbis and Opus: what their pages promise, and copies without what lies damaged in between.

Pages are those of RFC 3533: a page whose checksum is wrong counts as missing, as it does for every decoder.
Granule positions say how much sound lay in the pages that are missing.
"""

from __future__ import annotations

import itertools
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .durations import block_sizes, opus_samples
from .lengths import Lengths, Window

_MAGIC = re.compile(rb"OggS\x00")
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_NO_GRANULE = -1
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_HEADERS = {"VORBIS": (b"\x01vorbis", b"\x03vorbis", b"\x05vorbis"), "OPUS": (b"OpusHead", b"OpusTags")}
_OPUS_RATE = 48000
_LONGEST_SETUP = 1 << 18
"""Bytes; no encoder writes more than a few thousand."""


@dataclass(frozen=True)
class _Page:
    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes
    torn: bool = False  # whether bytes that are of no whole page lie before it


def _checksum(data: bytes) -> int:
    """Return the CRC-32 of Ogg, which is that of zlib with mirrored bits, without its inversions."""
    mirrored = zlib.crc32(data.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _packed(page: _Page) -> bytes:
    head = struct.pack("<4sBBqII", b"OggS", 0, page.flags, page.granule, page.serial, page.sequence)
    rest = bytes([len(page.lacing)]) + page.lacing + page.body
    return head + struct.pack("<I", _checksum(head + bytes(4) + rest)) + rest


def _pages(window: Window) -> Iterator[_Page]:
    """Yield the pages that are whole."""
    place = end = 0
    while (place := window.find(_MAGIC, place)) < window.size:
        head = window.at(place, 27)
        lacing = window.at(place + 27, head[26]) if len(head) == 27 else b""
        length = 27 + len(lacing) + sum(lacing)
        data = window.at(place, length)
        flags, granule, serial, sequence, checksum = struct.unpack_from("<BqIII", data.ljust(27), 5)
        whole = len(head) == 27 and len(lacing) == head[26] and len(data) == length
        if whole and _checksum(data[:22] + bytes(4) + data[26:]) == checksum:
            yield _Page(flags, granule, serial, sequence, lacing, data[27 + len(lacing) :], place > end)
            place = end = place + length
        else:
            place += 1


def _packets(page: _Page) -> list[tuple[int, int, bool]]:
    """Return where each packet of a page begins in its body, its bytes there, and whether it ends there."""
    found, start, length = [], 0, 0
    for segment in page.lacing:
        length += segment
        if segment < 255:
            found.append((start, length, True))
            start, length = start + length, 0
    if page.lacing and page.lacing[-1] == 255:
        found.append((start, length, False))
    return found


def _without_start(page: _Page) -> _Page:
    """Leave out the end of a packet whose beginning is missing."""
    short = next((place for place, segment in enumerate(page.lacing) if segment < 255), len(page.lacing))
    cut = sum(page.lacing[: short + 1])
    return replace(
        page, flags=page.flags & ~_CONTINUED, lacing=page.lacing[short + 1 :], body=page.body[cut:]
    )


def _without_end(page: _Page) -> _Page:
    """Leave out the beginning of a packet whose end is missing."""
    kept = len(page.lacing.rstrip(b"\xff"))
    return replace(page, lacing=page.lacing[:kept], body=page.body[: sum(page.lacing[:kept])])


class _Stream:
    """One stream of a file: its pages go in as they come, and out without gaps, a page late."""

    def __init__(self, page: _Page) -> None:
        body = page.body
        self.serial = page.serial
        self.codec = next((name for name, heads in _HEADERS.items() if body.startswith(heads[0])), "")
        self.rate = _OPUS_RATE
        self.skipped, self.kind = 0, (self.codec, b"")
        if self.codec == "VORBIS" and len(body) >= 30:
            self.kind = (self.codec, body[11:16])
            self.rate = struct.unpack_from("<I", body, 12)[0] or 1
        elif self.codec == "OPUS" and len(body) >= 19:
            self.kind = (self.codec, body[9:10] + body[12:16])
            self.skipped = struct.unpack_from("<H", body, 10)[0]
        else:
            self.codec = ""
        self._headers = list(_HEADERS.get(self.codec, ()))
        self.header_broken = self.ended = self.or_more = False
        self.lost = self.held = 0
        self._identification, self._setup, self._blocks = body, b"", [0]
        self._block: int | None = None
        self._sequence, self._granule, self._since = page.sequence - 1, 0, 0
        self._open = 0  # of the packet that goes on in the next page
        self._gap = self._begun = False
        self._waiting: _Page | None = None
        self._number = 0

    @property
    def readable(self) -> bool:
        """Whether its headers are there."""
        return bool(self.codec) and not self._headers and not self.header_broken

    def take(self, page: _Page, torn: bool) -> Iterator[_Page]:
        """Take the next page, and yield the one before; ``torn``: bytes of no whole page lie before this."""
        ahead = page.sequence - self._sequence - 1 & 0xFFFFFFFF
        if self.ended:  # no longer of it; or of the next one, which has lost its headers
            self.or_more |= ahead > 0
            self._sequence = page.sequence
            return
        if ahead >= 2**31 and page.granule <= self._granule:
            return  # had before
        gap = ahead > 0
        self._sequence = page.sequence
        self.ended = bool(page.flags & _LAST)
        if self._headers:
            self.header_broken |= gap and bool(page.flags & _CONTINUED)
            self._take_header(page)
        else:
            if gap:
                if self._waiting is not None:
                    self._waiting = _without_end(self._waiting)
                if page.flags & _CONTINUED:
                    page = _without_start(page)
                # A recording of a running stream begins anywhere, right behind its headers.
                self._gap = self._begun or torn
            page = self._take_sound(page)
        yield from self._settle(_LAST)
        self._waiting = page if page.lacing or not self._begun else None

    def finish(self) -> Iterator[_Page]:
        """Yield the last page."""
        if not self.ended and self._waiting is not None:
            self._waiting = _without_end(self._waiting)
        yield from self._settle(0, _LAST)

    def _settle(self, off: int, on: int = 0) -> Iterator[_Page]:
        page, self._waiting = self._waiting, None
        if page is not None:
            yield replace(page, flags=page.flags & ~off | on, sequence=self._number)
            self._number += 1

    def _take_header(self, page: _Page) -> None:
        for number, (start, length, ends) in enumerate(_packets(page)):
            if not self._headers:
                break
            packet = page.body[start : start + length]
            if number > 0 or not page.flags & _CONTINUED:
                self.header_broken |= not packet.startswith(self._headers[0])
            if len(self._headers) == 1 and len(self._setup) < _LONGEST_SETUP:
                self._setup += packet
            if ends:
                self._headers.pop(0)
        if not self._headers and self.codec == "VORBIS":
            self._blocks = block_sizes(self._identification, self._setup) or [0]

    def _take_sound(self, page: _Page) -> _Page:
        if not page.flags & _CONTINUED:
            self._open = 0
        for number, (start, _, ends) in enumerate(_packets(page)):
            if number > 0 or not page.flags & _CONTINUED:
                self._open = self._duration(page.body[start : start + 2])
            if ends:
                self._since, self._open = self._since + self._open, 0
        if page.granule == _NO_GRANULE:
            return page
        if not self._begun and not self._gap:
            self._granule = max(0, page.granule - self._since)
        missing = page.granule - self._granule - self._since
        if self._gap and missing > 0:
            self.lost += missing
        elif self._gap:
            self.or_more = True
        # A granule position is less than the packets make where decoders trim, at both ends.
        self.held += max(0, min(self._since, page.granule - self._granule))
        self._granule, self._since = max(self._granule, page.granule), 0
        self._gap, self._begun = False, True
        return replace(page, granule=page.granule - self.lost)

    def _duration(self, packet: bytes) -> int:
        """Return how many samples a packet adds, by its first two bytes."""
        if not packet:
            return 0
        if self.codec == "OPUS":
            return opus_samples(packet)
        modes = self._blocks
        mode = packet[0] >> 1 & (1 << (len(modes) - 1).bit_length()) - 1
        if packet[0] & 1 or mode >= len(modes):
            return 0
        before, self._block = self._block, modes[mode]
        return 0 if before is None else (before + modes[mode]) // 4


class _Walk:
    """The streams of sound of a file, one behind the other, with their pages."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.streams: list[_Stream] = []
        self.orphans = False
        self._serials: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, _Page]]:
        in_heads = torn = False
        for page in _pages(self._window):
            torn |= page.torn
            if page.flags & _FIRST:
                self._serials.add(page.serial)
                stream = _Stream(page)
                if stream.codec and not (in_heads and self.streams):
                    yield from self._finish()
                    self.streams.append(stream)
                    in_heads, torn = True, False
            else:
                in_heads = False
                self.orphans |= page.serial not in self._serials
            if self.streams and page.serial == self.streams[-1].serial:
                for done in self.streams[-1].take(page, torn):
                    yield len(self.streams) - 1, done
        yield from self._finish()

    def _finish(self) -> Iterator[tuple[int, _Page]]:
        if self.streams:
            for done in self.streams[-1].finish():
                yield len(self.streams) - 1, done


def lengths(window: Window) -> Lengths | None:
    """Return what a file of Vorbis or Opus holds and what is missing; None if it holds neither."""
    walk = _Walk(window)
    for _ in walk:
        pass
    if not walk.streams:
        return None
    held_s = lost_s = 0.0
    first = _first(walk)
    or_more = walk.orphans or first is None
    for stream in walk.streams:
        own_s = max(0, stream.held - stream.skipped) / stream.rate
        follows = stream.readable and first is not None and stream.kind == first.kind
        held_s += own_s if follows else 0.0
        lost_s += stream.lost / stream.rate + (0.0 if follows else own_s)
        or_more |= stream.or_more or not stream.readable
    cut = not all(stream.ended for stream in walk.streams)
    mended = lost_s > 0 or or_more or cut or len(walk.streams) > 1
    return Lengths(held_s, lost_s, or_more, cut, mended)


def _first(walk: _Walk) -> _Stream | None:
    """Return the first stream whose headers are there; those that follow must be of its kind."""
    return next((stream for stream in walk.streams if stream.readable), None)


def mend(window: Window, folder: Path) -> list[Path]:
    """Write each stream that can follow the first to a copy of its own, of whole pages, numbered anew."""
    walk = _Walk(window)
    paths: list[Path] = []
    for number, pages in itertools.groupby(walk, key=lambda item: item[0]):
        paths.append(folder / f"{number}.ogg")
        with open(paths[-1], "wb") as into:
            into.writelines(_packed(page) for _, page in pages)
    first = _first(walk)
    alike = [stream.readable and first is not None and stream.kind == first.kind for stream in walk.streams]
    return [path for path, follows in zip(paths, alike, strict=True) if follows]
