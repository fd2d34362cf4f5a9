"""Opening a sound file with libsndfile, around what it makes of names and of codecs that cannot seek."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from .formats import BLOCK_FRAMES


def opened(location: str) -> soundfile.SoundFile | Sequential:
    """Open a sound file for reading.

    Parameters
    ----------
    location : str

    Returns
    -------
    soundfile.SoundFile or Sequential

    Raises
    ------
    soundfile.SoundFileError
        If libsndfile cannot read it.
    OSError
        If the system cannot open it.
    """
    file = _opened(location)
    if file.seekable():
        return file
    file.close()
    return Sequential(location)


def _opened(location: str) -> soundfile.SoundFile:
    """Open by descriptor: by name libsndfile takes ``._NAME``, which a Mac leaves beside it, for a part."""
    if os.name != "posix":
        return soundfile.SoundFile(location)
    return soundfile.SoundFile(os.open(location, os.O_RDONLY | os.O_CLOEXEC), closefd=True)


class Sequential:
    """A file whose codec cannot seek, such as GSM 6.10: to go back it is decoded from its start.

    It reads, seeks and closes as a `soundfile.SoundFile` does.

    Parameters
    ----------
    location : str
    """

    def __init__(self, location: str) -> None:
        self._location, self._position = location, 0
        self._file = _opened(location)
        self.samplerate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        self.format: str = self._file.format
        self.subtype: str = self._file.subtype

    def read(self, frames: int, **form: Any) -> NDArray[np.float32]:
        """Return the next samples (samples, channels)."""
        x: NDArray[np.float32] = self._file.read(frames, **form)
        self._position += len(x)
        return x

    def seek(self, frame: int) -> int:
        """Go to a sample."""
        if frame < self._position:
            self._file.close()
            self._file, self._position = _opened(self._location), 0
        while self._position < frame:
            if not len(self.read(min(BLOCK_FRAMES, frame - self._position))):
                break
        return self._position

    def tell(self) -> int:
        """Return the place of the next sample."""
        return self._position

    def close(self) -> None:
        """Close it."""
        self._file.close()
