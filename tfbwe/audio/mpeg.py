"""MPEG audio (MP3 and its elder layers): frames counted, and copied without what lies damaged between them.

Headers are those of ISO/IEC 11172-3 and 13818-3. The number of frames is that of the Xing, Info or VBRI
header; a file without one is measured by its frames alone, and what is missing by the bytes between them.
What is damaged within a frame, behind its header, cannot be told from sound, and is the decoder's.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .lengths import SLACK_S, Lengths, Window

_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44100, 48000, 32000)
_IN_A_ROW = 3
"""Frames that must follow each other for a place to be the beginning of sound."""
_LEADING_BYTES = 4096
_DECODER_DELAY = 529
_LAME = b"LAME3.100"
_BEGINNING = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]|ID3|TAG|APETAGEX|LYRICSBEGIN")
_LYRICS_END = re.compile(rb"LYRICS200|LYRICSEND")
_SOUND, _TAG, _JUNK, _PART = "sound", "tag", "junk", "part of a frame"


class _Stream(NamedTuple):
    """What all frames of a file have in common; a decoder stops where it changes."""

    version: int
    layer: int
    rate: int
    mono: bool


class _Frame(NamedTuple):
    stream: _Stream
    length: int
    samples: int
    info_place: int


class _Run(NamedTuple):
    kind: str
    start: int
    stop: int
    frames: int = 0


class _Info(NamedTuple):
    frames: int
    delay: int
    padding: int
    length: int


@functools.lru_cache(4096)
def _frame(head: bytes) -> _Frame | None:
    """Read a frame's header: version, layer and rate, bytes, samples, where an Info tag would lie."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version = {0: 3, 2: 2, 3: 1}.get(head[1] >> 3 & 3)
    layer = 4 - (head[1] >> 1 & 3)
    bits, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version is None or layer == 4 or bits in (0, 15) or rate_index == 3:
        return None
    rate = _RATES[rate_index] >> version - 1
    kbits = _KBITS[min(version, 2), layer if version == 1 else min(layer, 2)][bits - 1]
    samples = 384 if layer == 1 else 576 if layer == 3 and version > 1 else 1152
    if layer == 1:
        length = 4 * (12000 * kbits // rate + padding)
    else:
        length = samples // 8 * 1000 * kbits // rate + padding
    mono = head[3] >> 6 == 3
    side = (17 if mono else 32) if version == 1 else (9 if mono else 17)
    return _Frame(_Stream(version, layer, rate, mono), length, samples, 4 + side)


def _info(frame: bytes, head: _Frame) -> _Info | None:
    """Read what a frame without sound says of those behind it; None for a frame of sound."""
    place = head.info_place
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return _Info(struct.unpack_from(">I", frame, 50)[0], 0, 0, head.length)
    if frame[place : place + 4] not in (b"Xing", b"Info") or len(frame) < place + 12:
        return None
    flags, frames = struct.unpack_from(">II", frame, place + 4)
    lame = place + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
    delays = frame[lame + 21 : lame + 24] if frame[lame : lame + 4].isalnum() else b""
    both = int.from_bytes(delays, "big") if len(delays) == 3 else 0
    return _Info(frames if flags & 1 else 0, both >> 12, both & 0xFFF, head.length)


def _tag_bytes(window: Window, place: int) -> int:
    """Return how long the tag at a place is, 0 if there is none."""
    head = window.at(place, 32)
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 0x80:
        length = sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        whole = 10 + length + (10 if head[5] & 0x10 else 0)
    elif head[:4] == b"TAG+":
        whole = 227
    elif head[:3] == b"TAG":
        whole = 128
    elif head[:8] == b"APETAGEX" and len(head) >= 24:
        length, _, flags = struct.unpack_from("<III", head, 12)
        whole = 32 + (length if flags >> 29 & 1 else 0)
    elif head[:11] == b"LYRICSBEGIN":
        whole = window.find(_LYRICS_END, place + 11) + 9 - place
    else:
        return 0
    return whole if place + whole <= window.size else 0


def _begins(window: Window, place: int, stream: _Stream | None) -> bool:
    """Return whether frames of a stream follow each other from a place on, to the end or far enough."""
    for number in range(_IN_A_ROW):
        head = _frame(window.at(place, 4))
        if head is None or (stream is not None and head.stream != stream):
            return number > 0 and (place == window.size or _tag_bytes(window, place) > 0)
        if place + head.length > window.size:
            return number > 0
        stream = head.stream
        place += head.length
    return True


def _runs(window: Window) -> Iterator[_Run]:
    """Yield what lies one behind the other: frames in a row, tags, and what is neither."""
    place, stream = 0, None
    while place < window.size:
        tag = _tag_bytes(window, place)
        if tag:
            yield _Run(_TAG, place, place + tag)
            place += tag
            continue
        start, frames, last = place, 0, place
        if stream is not None or _begins(window, place, None):
            while (head := _frame(window.at(place, 4))) and head.stream == (stream or head.stream):
                if place + head.length > window.size:
                    break
                stream, last, frames, place = head.stream, place, frames + 1, place + head.length
            rest = window.at(place, 4)
            broken_off = head.stream == stream if head is not None else len(rest) < 4 and rest[:1] == b"\xff"
            if broken_off:
                if frames:
                    yield _Run(_SOUND, start, place, frames)
                yield _Run(_PART, place, window.size)
                return
        if frames and (place == window.size or _tag_bytes(window, place)):
            yield _Run(_SOUND, start, place, frames)
            continue
        # The last frame may have lost its own end: sound may begin again within it.
        found = _next(window, last + 1 if frames else place, stream)
        if frames and found < place:
            frames, place = frames - 1, last
        if frames:
            yield _Run(_SOUND, start, place, frames)
        if place < found:
            last_one = found == window.size and _holds_frame(window, place, stream)
            yield _Run(_PART if last_one else _JUNK, place, found)
        place = found


def _holds_frame(window: Window, place: int, stream: _Stream | None) -> bool:
    """Return whether a frame of a stream seems to begin behind a place."""
    while (place := window.find(_BEGINNING, place)) < window.size:
        head = _frame(window.at(place, 4))
        if head is not None and head.stream == stream:
            return True
        place += 1
    return False


def _next(window: Window, place: int, stream: _Stream | None) -> int:
    """Return where sound or a tag begins from a place on."""
    while (place := window.find(_BEGINNING, place)) < window.size:
        if _begins(window, place, stream) or _tag_bytes(window, place):
            break
        place += 1
    return place


class _Count:
    """What a file's runs come to."""

    def __init__(self, window: Window) -> None:
        self.first: _Frame | None = None
        self.head = b""
        self.frames = self.sound_bytes = self.leading = self.inner = self.trailing = 0
        self.told: int | None = None
        self.delay = self.padding = 0
        self.cut = self.joined = False
        self._leading_head = b""
        for run in _runs(window):
            length = run.stop - run.start
            if run.kind == _SOUND:
                self._add_sound(run, length, info_at(window, run), window.at(run.start, 4))
            elif run.kind == _JUNK and self.first is None:
                self.leading += length
                self._leading_head = self._leading_head or window.at(run.start, 4)
                info = info_at(window, run)
                self.told = info.frames if info is not None and info.frames else self.told
            elif run.kind == _JUNK:
                self.trailing += length
            self.cut |= run.kind == _PART

    @property
    def end_padding(self) -> int:
        """Samples to leave out at the end, where that is there."""
        return 0 if self.cut else self.padding

    def _add_sound(self, run: _Run, length: int, info: _Info | None, head: bytes) -> None:
        if self.first is None:
            self.first, self.head = _frame(head), head
            before = _frame(self._leading_head)
            if before is not None and self.first is not None and before.stream == self.first.stream:
                self.inner = self.leading  # sound whose frames do not follow each other is no junk
            self.told = info.frames if info is not None and info.frames else self.told
            self.delay = info.delay if info is not None else 0
        elif info is not None and self.told is not None:
            self.told, self.joined = self.told + info.frames, True
        self.inner, self.trailing = self.inner + self.trailing, 0
        self.padding = info.padding if info is not None else self.padding
        self.frames += run.frames - (info is not None)
        self.sound_bytes += length - (info.length if info is not None else 0)


def info_at(window: Window, run: _Run) -> _Info | None:
    """Return what the frame at the beginning of a run says, if it is one without sound."""
    head = _frame(window.at(run.start, 4))
    return None if head is None else _info(window.at(run.start, head.length), head)


def lengths(window: Window) -> Lengths | None:
    """Return what a file of MPEG audio holds and what is missing; None if no frames are found in it."""
    count = _Count(window)
    if count.first is None or count.frames == 0:
        return None
    rate = count.first.stream.rate
    frame_s = count.first.samples / rate
    trimmed = count.delay + max(count.end_padding, _DECODER_DELAY if count.delay else 0)
    held_s = max(0.0, count.frames * frame_s - trimmed / rate)
    broken = count.inner > 0 or count.cut
    mended = broken or count.joined or count.leading > 0 or count.trailing > 0
    if count.told is not None and count.frames <= count.told:
        lost_s = (count.told - count.frames) * frame_s
        lost_s = lost_s if broken or lost_s > SLACK_S else 0.0
        return Lengths(held_s, lost_s, mend=mended or lost_s > 0)
    byte_s = count.frames * frame_s / count.sound_bytes
    leading_s = count.leading * byte_s if count.leading > _LEADING_BYTES else 0.0
    outer_s = sum(seconds for seconds in (leading_s, count.trailing * byte_s) if seconds > SLACK_S)
    lost_s = count.inner * byte_s + outer_s
    # A decoder makes of the first frame's rate how long a file without a header is, and stops there.
    uncounted = count.told is None and count.first.stream.layer == 3
    return Lengths(held_s, lost_s, lost_s > 0, count.cut, mended or uncounted or count.told is not None)


def mend(window: Window, folder: Path) -> list[Path]:
    """Write a copy that holds the tags, a header with the true number of frames, and the frames alone."""
    count = _Count(window)
    path = folder / "sound.mp3"
    with open(path, "wb") as into:
        begun = False
        for run in _runs(window):
            if run.kind == _SOUND:
                info = info_at(window, run)
                if not begun:
                    into.write(_beginning(count))
                begun = True
                window.copy(run.start + (info.length if info else 0), run.stop, into)
            elif run.kind == _TAG and window.at(run.start, 3) == (b"TAG" if begun else b"ID3"):
                window.copy(run.start, run.stop, into)
    return [path]


def _beginning(count: _Count) -> bytes:
    """Return frames without sound that tell the number of frames, and what to trim at both ends."""
    first = count.first
    if first is None or first.stream.layer != 3:
        return b""
    # 128 kbit/s hold it at every rate; without a checksum and without padding.
    bits = 9 if first.stream.version == 1 else 12
    head = bytes([0xFF, count.head[1] | 1, bits << 4 | count.head[2] & 0x0C, count.head[3]])
    own = _frame(head)
    assert own is not None
    empty = head.ljust(own.length, b"\0")
    # mpg123 trims its own delay where a header is: an empty frame takes the place of what had none.
    delay, frames, filler = count.delay, count.frames, b""
    if delay == 0:
        delay, frames, filler = first.samples - _DECODER_DELAY, frames + 1, empty
    trims = (delay << 12 | count.end_padding).to_bytes(3, "big")
    told = b"Xing" + struct.pack(">II", 1, frames) + _LAME + bytes(12) + trims
    return (empty[: own.info_place] + told).ljust(own.length, b"\0") + filler
