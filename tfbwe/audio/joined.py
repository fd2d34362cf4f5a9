"""Streams of sound that follow each other in one file, read as one."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray


class Joined:
    """Sound files of one rate and number of channels, open as one behind the other.

    It reads, seeks and closes as a `soundfile.SoundFile` does. A file that cannot be decoded is left out, and
    what lies behind an error in it.

    Parameters
    ----------
    names : sequence of str or bytes
        One or more.

    Raises
    ------
    soundfile.SoundFileError
        If none of them can be decoded.
    """

    def __init__(self, names: Sequence[str | bytes]) -> None:
        files = []
        for name in names:
            try:
                files.append(soundfile.SoundFile(name))
            except soundfile.SoundFileError:
                if not files and name is names[-1]:
                    raise
        self._files = files
        self._number = 0
        self.samplerate: int = files[0].samplerate
        self.channels: int = files[0].channels
        self.frames: int = sum(file.frames for file in files)
        self.format: str = files[0].format
        self.subtype: str = files[0].subtype

    def read(self, frames: int, **form: Any) -> NDArray[np.float32]:
        """Return the next samples (samples, channels), fewer at the end of one of the files."""
        while True:
            x = np.zeros((0, self.channels), np.float32)
            with contextlib.suppress(soundfile.SoundFileError):
                x = self._files[self._number].read(frames, **form)
            if len(x) or self._number == len(self._files) - 1:
                return x
            self._number += 1
            self._files[self._number].seek(0)

    def seek(self, frame: int) -> int:
        """Go to a sample."""
        left = frame
        self._number = 0
        while self._number < len(self._files) - 1 and left >= self._files[self._number].frames:
            left -= self._files[self._number].frames
            self._number += 1
        self._files[self._number].seek(left)
        return frame

    def tell(self) -> int:
        """Return the place of the next sample."""
        before = sum(file.frames for file in self._files[: self._number])
        return int(before + self._files[self._number].tell())

    def close(self) -> None:
        """Close all of them."""
        for file in self._files:
            file.close()
