"""How long a coded sound is by its container's own figures, and how much of that is there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import BinaryIO

SLACK_S = 0.1
"""Shorter than this is what encoders and decoders count differently."""
_PIECE = 1 << 18
_OVERLAP = 16


@dataclass(frozen=True)
class Lengths:
    """What a file of coded sound holds, and what it should.

    Attributes
    ----------
    held_s : float
        Seconds of sound whose frames or packets are there and whole.
    lost_s : float
        Seconds that are missing, as far as the container tells.
    or_more : bool
        Whether sound is missing at a place where the container does not tell how much.
    cut : bool
        Whether the end is missing, and the container does not tell how much.
    mend : bool
        Whether a decoder needs a copy without the damage, or one for each stream, to give all that is there.
    """

    held_s: float
    lost_s: float = 0.0
    or_more: bool = False
    cut: bool = False
    mend: bool = False

    @property
    def damage(self) -> str:
        """What is missing, in words; an empty string where nothing is."""
        if not (self.lost_s > 0 or self.or_more or self.cut):
            return ""
        if self.or_more and self.lost_s < SLACK_S:
            part = "the end and more" if self.cut else "sound"
            return f"damaged: {part} is missing, how much is unknown, {self.held_s:.1f} s are there"
        if self.lost_s <= 0:
            return f"damaged: the end is missing, {self.held_s:.1f} s are there"
        lost = f"{self.lost_s:.2f}" if self.lost_s < 1 else f"{self.lost_s:.1f}"
        more = " or more" if self.or_more else ""
        end = ", and the end is missing" if self.cut else ""
        whole_s = self.held_s + self.lost_s
        return f"damaged: {lost} s{more} of {whole_s:.1f} s could not be decoded and are left out{end}"

    def decoded(self, seconds: float) -> Lengths:
        """Return these lengths after decoding gave ``seconds``, which may be less than what is there."""
        failed_s = self.held_s - seconds
        if failed_s <= SLACK_S:
            return self
        return replace(self, held_s=seconds, lost_s=self.lost_s + failed_s)


class Window:
    """The bytes of a file at any place, read in large pieces.

    Parameters
    ----------
    file : binary file
        Open for reading; its position changes.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        self._start, self._held = 0, b""

    def at(self, place: int, length: int) -> bytes:
        """Return ``length`` bytes from a place on, fewer at the end of the file."""
        first = place - self._start
        if first < 0 or (first + length > len(self._held) and self._start + len(self._held) < self.size):
            self._file.seek(place)
            self._start, first = place, 0
            self._held = self._file.read(max(length, _PIECE))
        return self._held[first : first + length]

    def find(self, pattern: re.Pattern[bytes], place: int) -> int:
        """Return where a pattern of at most 16 bytes first begins from a place on, else the file's size."""
        while place < self.size:
            self.at(place, _OVERLAP)
            found = pattern.search(self._held, place - self._start)
            if found is not None:
                return self._start + found.start()
            end = self._start + len(self._held)
            if end >= self.size:
                break
            place = max(place + 1, end - _OVERLAP)
        return self.size

    def copy(self, start: int, stop: int, into: BinaryIO) -> None:
        """Write the bytes from ``start`` to ``stop`` to another file."""
        while start < stop:
            piece = self.at(start, min(_PIECE, stop - start))
            if not piece:
                break
            into.write(piece)
            start += len(piece)
