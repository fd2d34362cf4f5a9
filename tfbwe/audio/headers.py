"""Headers that libsndfile does not stand: it plays what it finds where one promises more, or never ends."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from ..errors import AudioError

_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}
_AU_ORDERS = {b".snd": ">", b"dns.": "<"}
_LARGEST_ITEM = 2**31
"""Bytes of an item in a chunk ``LIST``; of one near 4 GB libsndfile jumps back, and reads it for ever."""
_W64_HEAD = 40  # identifier, size, identifier
_W64_CHUNK_HEAD = 24  # identifier of 16 bytes, size that counts this head too


def refuse_cut_file(location: str, name: str) -> None:
    """Hold a RIFF, RF64, AIFF, AU or W64 file to the bytes its header promises, and refuse endless lists.

    Parameters
    ----------
    location : str
        The file.
    name : str
        What the message calls it.

    Raises
    ------
    AudioError
        If it holds fewer, or has an item of 2 GB or more in a list.
    OSError
        If it cannot be read.
    """
    with open(location, "rb") as file:
        magic = file.read(4)
        if magic in _ORDERS:
            if _has_endless_list(file, _ORDERS[magic]):
                raise AudioError(f"{name}: damaged: a list in its header does not end; get the whole file")
            expected = _chunk_bytes(file, _ORDERS[magic])
        elif magic in _AU_ORDERS:
            expected = _au_bytes(file, _AU_ORDERS[magic])
        elif magic == b"riff":
            expected = _w64_bytes(file)
        else:
            return
        held = os.path.getsize(location) - file.tell()
    if expected is not None and expected > held:
        raise AudioError(
            f"{name}: cut short: its header says {expected} bytes of sound, it holds {held};"
            " get the whole file"
        )


def _has_endless_list(file: BinaryIO, order: str) -> bool:
    """Whether a chunk ``LIST``, before or after the sound, has an item larger than any can be."""
    at, long_bytes = 12, 0
    size = file.seek(0, os.SEEK_END)
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        kind, length = head[:4], int(struct.unpack(order + "I", head[4:])[0])
        if kind == b"ds64":
            sizes = file.read(16)
            long_bytes = struct.unpack("<Q", sizes[8:])[0] if len(sizes) == 16 else 0
        elif kind == b"data" and length == 0xFFFFFFFF:
            length = long_bytes
        elif kind == b"LIST" and _has_endless_item(file, at + 12, min(at + 8 + length, size), order):
            return True
        at += 8 + length + length % 2
    return False


def _has_endless_item(file: BinaryIO, at: int, end: int, order: str) -> bool:
    while at + 8 <= end:
        file.seek(at)
        length = int(struct.unpack(order + "I", file.read(8)[4:])[0])
        if length >= _LARGEST_ITEM:
            return True
        at += 8 + length + length % 2
    return False


def _chunk_bytes(file: BinaryIO, order: str) -> int | None:
    """Length of the sound as the header has it; the file's position is then its start."""
    file.seek(12)
    long_bytes: int | None = None
    while len(chunk := file.read(8)) == 8:
        kind, length = chunk[:4], int(struct.unpack(order + "I", chunk[4:])[0])
        if kind == b"ds64":
            sizes = file.read(min(length, 16))
            long_bytes = struct.unpack("<Q", sizes[8:])[0] if len(sizes) == 16 else None
            file.seek(length - len(sizes), os.SEEK_CUR)
        elif kind in (b"data", b"SSND"):
            # A stream written to a pipe leaves its length open: about 0xFFFFFFFF or about 0x7FFFFFFF.
            left_open = length >= 0xFFFFF000 or 0x7FFFF000 <= length <= 0x80000100
            return long_bytes if left_open else length
        else:
            file.seek(length + length % 2, os.SEEK_CUR)
    return None


def _au_bytes(file: BinaryIO, order: str) -> int | None:
    head = file.read(8)
    if len(head) < 8:
        return None
    start, length = struct.unpack(order + "II", head)
    file.seek(start)
    return None if length == 0xFFFFFFFF else int(length)


def _w64_bytes(file: BinaryIO) -> int | None:
    file.seek(_W64_HEAD)
    while len(chunk := file.read(_W64_CHUNK_HEAD)) == _W64_CHUNK_HEAD:
        length = int(struct.unpack("<Q", chunk[16:])[0]) - _W64_CHUNK_HEAD
        if chunk[:4] == b"data":
            return length
        if not 0 <= length < 2**62:
            return None
        file.seek(-(-length // 8) * 8, os.SEEK_CUR)
    return None
