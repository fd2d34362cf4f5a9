"""Reading sound files in blocks, with memory that does not grow with length.

Decoding is that of libsndfile, or of ffmpeg where libsndfile does not read a file. Samples are float32
(channels, samples), nominally in [-1, 1]; values beyond, as decoded files hold them, are kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..errors import AudioError
from ..leftovers import temporary_prefix
from ..samples import check_signal
from ..storage.addresses import file_name, is_address
from ..storage.objects import fetch
from . import ffmpeg_decoder
from .bitrate import sound_bytes
from .damage import examine, mend
from .formats import BLOCK_FRAMES, LOSSY, STANDARD, named_container, native_name, reason
from .headers import refuse_cut_file
from .joined import Joined
from .lengths import Lengths
from .opened import opened

_UNKNOWN_FRAMES = 2**62


class Reader:
    """A sound file, open for reading in blocks.

    Parameters
    ----------
    path : str or Path
        File to read. ``"-"`` is standard input, which is spooled to a temporary file; what lies at an
        address, such as ``"s3://bucket/song.mp3"``, is fetched to one.
    strict : bool
        Refuse coded sound of which a part is missing. Else what is there is read, the
        rest left out, and `damage` tells.

    Attributes
    ----------
    name : str
        The file's name for messages.
    sample_rate : int
        Samples per second, 8000 to 192000.
    channels : int
        1 to 8.
    frames : int
        Samples per channel as the header has it; of a damaged MP3, Vorbis or Opus file those that are there.
    container, subtype : str
        Names as in `tfbwe.audio.formats.CONTAINERS`, such as ``"WAV"`` and ``"PCM_16"``.
    kbps : float or None
        Bit rate of a lossy file in kb/s, its tags left out; ``None`` of others.
    location : str
        The file that is read: the one named, or the temporary one of a stream or an address.
    notes : list of str
        What the user should know of what was read, such as streams left out; not the damage.

    Raises
    ------
    AudioError
        If the name is empty, or the file is missing, a folder, empty, cut short, not audio, or outside 1-8
        channels or 8-192 kHz.
    StorageError
        If what lies at an address cannot be fetched.
    """

    def __init__(self, path: str | os.PathLike[str], strict: bool = False) -> None:
        if os.fspath(path) == "":
            raise AudioError("expected the name of a sound file, received an empty one")
        self._strict = strict
        self._spooled: str | None = None
        self._mended: tempfile.TemporaryDirectory[str] | None = None
        self._lengths: Lengths | None = None
        self._address = str(path) if is_address(path) else None
        self.path = Path(path if self._address is None else file_name(self._address))
        self.name = "standard input" if str(path) == STANDARD else str(path)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        if self._address is not None:
            location = self._spooled = fetch(self._address)
        else:
            location = self._spool() if str(self.path) == STANDARD else str(self.path)
        try:
            if os.path.isdir(location):
                raise AudioError(f"{self.name}: expected a sound file, received a folder")
            if not os.path.isfile(location) and os.path.exists(location):
                with open(location, "rb") as pipe:
                    location = self._spool(pipe)
            if os.path.getsize(location) == 0:
                raise AudioError(f"{self.name}: the file is empty (0 bytes)")
            refuse_cut_file(location, self.name)
        except OSError as error:
            raise AudioError(f"{self.name}: cannot be read: {error.strerror or error}") from None
        self.location = location
        self.notes: list[str] = []
        self._file = self._decoder(location)
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames if 0 <= self._file.frames < _UNKNOWN_FRAMES else 0
        self.container: str = self._file.format
        self.subtype: str = self._file.subtype
        self.kbps: float | None = None
        if self.subtype in LOSSY and self.frames:
            self.kbps = getattr(self._file, "kbps", None) or 8e-3 * sound_bytes(location) / self.seconds
        check_signal(self.name, self.sample_rate, self.channels)
        self._refuse_damage()

    def _decoder(self, location: str) -> Any:
        """Open what decodes the file, or a copy of it without its damage."""
        file, why_not = None, ""
        try:
            file = opened(location)
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            why_not = reason(error)
        container = str(file.format) if file is not None else named_container(location) or ""
        try:
            self._lengths = examine(location, container)
            if self._lengths is not None and (self._lengths.mend or file is None):
                if file is not None:
                    file.close()
                self._mended = tempfile.TemporaryDirectory(prefix=temporary_prefix())
                copies = mend(location, container, self._mended.name)
                if not copies:
                    raise AudioError(f"{self.name}: damaged beyond decoding: its headers are missing")
                file = Joined([native_name(str(copy)) for copy in copies])
                self._lengths = self._lengths.decoded(file.frames / file.samplerate)
        except OSError as error:
            raise AudioError(f"{self.name}: cannot be read: {error.strerror or error}") from None
        except soundfile.SoundFileError as error:
            raise AudioError(f"{self.name}: damaged beyond decoding ({reason(error)})") from None
        if file is None:
            file = ffmpeg_decoder.decoder(location, self.name, why_not)
            self.notes = file.notes
        return file

    def _refuse_damage(self) -> None:
        if self._strict and self.damage:
            raise AudioError(f"{self.name}: {self.damage}; get the whole file, or leave out --strict")

    def _spool(self, stream: BinaryIO | None = None) -> str:
        if stream is None:
            if sys.stdin is None:
                raise AudioError(f"{self.name}: cannot be read: it is closed")
            stream = sys.stdin.buffer
        handle, self._spooled = tempfile.mkstemp(prefix=temporary_prefix())
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(stream, file)
        return self._spooled

    @property
    def damage(self) -> str:
        """What of a coded file is missing, in words, else an empty string; fully known once it was read."""
        return getattr(self._file, "damage", "") if self._lengths is None else self._lengths.damage

    @property
    def seconds(self) -> float:
        """Length in seconds, as `frames` has it."""
        return self.frames / self.sample_rate

    def blocks(
        self, block_frames: int = BLOCK_FRAMES, start: int = 0, stop: int | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the samples from ``start`` to ``stop``, block by block.

        Parameters
        ----------
        block_frames : int
            Samples per channel of a block; the last one may be shorter.
        start, stop : int
            First sample and the one after the last; ``None`` is the end of the file.

        Yields
        ------
        (channels, samples) float32
            The next block.

        Raises
        ------
        AudioError
            If a sample is NaN or infinite, or the file ends before its header says; coded sound only where
            `strict`.
        """
        position = start
        try:
            if self._file.tell() != start:
                self._file.seek(start)
            while stop is None or position < stop:
                wanted = block_frames if stop is None else min(block_frames, stop - position)
                x = self._file.read(wanted, dtype="float32", always_2d=True)
                if len(x) == 0:
                    break
                self._refuse_not_finite(x, position)
                position += len(x)
                yield np.ascontiguousarray(x.T)
        except (soundfile.SoundFileError, OSError) as error:
            at_s = position / self.sample_rate
            raise AudioError(
                f"{self.name}: cut short or damaged after {at_s:.2f} s ({reason(error)}); get the whole file"
            ) from None
        if stop is None and self._lengths is not None:
            self._lengths = self._lengths.decoded(position / self.sample_rate)
        if stop is None:
            self._refuse_damage()
            if position == 0 and self.damage:
                raise AudioError(f"{self.name}: damaged beyond decoding: nothing of it could be decoded")
        if stop is None and position < self.frames and self.subtype not in LOSSY:
            raise AudioError(
                f"{self.name}: cut short: its header says {self.frames} samples, it holds {position};"
                " get the whole file"
            )

    def _refuse_not_finite(self, x: NDArray[np.float32], position: int) -> None:
        finite = np.isfinite(x).all(axis=1)
        if not finite.all():
            at_s = (position + int(np.argmin(finite))) / self.sample_rate
            raise AudioError(
                f"{self.name}: NaN or infinite sample at {at_s:.3f} s; expected finite numbers:"
                " repair the file first"
            )

    def close(self) -> None:
        """Close the file and remove what was spooled."""
        file = getattr(self, "_file", None)
        if file is not None:
            file.close()
        if self._spooled is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._spooled)
            self._spooled = None
        if self._mended is not None:
            self._mended.cleanup()
            self._mended = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
