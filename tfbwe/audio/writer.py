"""Writing sound files: whole under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from ..atomic import replace_synced
from ..errors import AudioError
from ..leftovers import temporary_prefix
from ..storage.addresses import is_address
from ..storage.objects import put, temporary_for
from . import ffmpeg
from .codecs import Encoding
from .destinations import refuse_destination, temporary_beside
from .ffmpeg_encoder import EncodedFile
from .formats import (
    BLOCK_FRAMES,
    CONTAINERS,
    FFMPEG,
    NO_EMPTY,
    STANDARD,
    bytes_per_sample,
    full_scale,
    native_name,
    reason,
)
from .tags import Tags

_MORE_BYTES = 2**20


class Writer:
    """A sound file being written, which exists under its name only once it is whole.

    Use it as a context manager: leaving it well flushes the file to the disk and renames it into place,
    leaving it by an exception removes what was written.

    Parameters
    ----------
    destination : str or Path
        File to write; ``"-"`` is standard output. Of a link the file it leads to is written. What goes to an
        address, such as ``"s3://bucket/song.mp3"``, is written to a temporary file and put there in the end.
    sample_rate, channels : int
        Of the signal.
    container, subtype : str
        See `tfbwe.audio.formats.output_format` for a pair that can be written.
    tags : Tags, optional
        Written in the end, as far as the format holds them.
    encoding : Encoding, optional
        How a lossy encoder is set; as it is by itself if it is not given.
    force : bool
        Replace an existing file.
    source : str or Path, optional
        The file read from, which is never replaced.
    hold : bool
        Leave the whole file under its temporary name, `held`, beside the destination.

    Attributes
    ----------
    clipped_samples : int
        Samples beyond the range of an integer format, written as its limits.
    notes : list of str
        What is to be said of the tags, a line each, once the file is finished.

    Raises
    ------
    AudioError
        If the destination exists and ``force`` is off, is the source, a folder, a device or a pipe, lies in a
        folder that does not exist or cannot be written, or its format cannot hold the signal.
    StorageError
        If it cannot be put at an address.
    """

    def __init__(
        self,
        destination: str | os.PathLike[str],
        sample_rate: int,
        channels: int,
        *,
        container: str,
        subtype: str,
        tags: Tags | None = None,
        encoding: Encoding | None = None,
        force: bool = False,
        source: str | os.PathLike[str] | None = None,
        hold: bool = False,
    ) -> None:
        self._address = str(destination) if is_address(destination) else None
        self.to_standard = str(destination) == STANDARD
        self.name = "standard output" if self.to_standard else str(destination)
        self.force = force
        self.held, self._hold = "", hold
        self.clipped_samples = self.frames = 0
        self.notes: list[str] = []
        self._tags = tags
        if CONTAINERS[container].written_by == FFMPEG:
            ffmpeg.require(self.name, container)
        self._highest = full_scale(subtype)
        frame_bytes = max(1, int(channels * bytes_per_sample(subtype)))
        self._max_frames = CONTAINERS[container].max_bytes // frame_bytes
        self._empty_fails = bool({container, subtype} & NO_EMPTY)
        if self.to_standard and sys.stdout is None:
            raise AudioError(f"{self.name}: cannot be written: it is closed")
        if self._address is not None:
            self._temporary = temporary_for(self._address)
        elif self.to_standard:
            handle, self._temporary = tempfile.mkstemp(prefix=temporary_prefix())
            os.close(handle)
        else:
            self.destination = refuse_destination(Path(destination), force=force, source=source)
            self._temporary = temporary_beside(self.destination)
        try:
            self._file: Any
            if CONTAINERS[container].written_by == FFMPEG:
                self._file = EncodedFile(
                    self._temporary,
                    sample_rate,
                    channels,
                    container=container,
                    subtype=subtype,
                    kbps=None if encoding is None else encoding.nominal_kbps,
                )
            else:
                self._file = soundfile.SoundFile(
                    native_name(self._temporary),
                    "w",
                    sample_rate,
                    channels,
                    subtype,
                    format=container,
                    **({} if encoding is None else encoding.for_libsndfile()),
                )
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            refused = _refusal(self._temporary)
            self._remove()
            if refused:
                raise AudioError(f"{self.name}: cannot be written: {refused}") from None
            raise AudioError(
                f"{self.name}: cannot write {channels} channels at {sample_rate} Hz as {container}/{subtype}"
                f" ({reason(error)}); try -o with a name that ends in .wav"
            ) from None
        except BaseException:  # stopped just now
            self._remove()
            raise

    def write(self, x: NDArray[np.float32]) -> None:
        """Write the next block.

        Parameters
        ----------
        x : (channels, samples) float32
            Of any length. Beyond an integer format's range samples are counted and clamped.

        Raises
        ------
        AudioError
            If the disk is full, or the container's greatest size is exceeded.
        """
        self.frames += x.shape[1]
        if self.frames > self._max_frames:
            raise AudioError(
                f"{self.name}: longer than this container's 4 GB; use -o with a name in .rf64 or .w64"
            )
        if self._highest is not None:
            self.clipped_samples += int(np.count_nonzero((x > self._highest) | (x < -1.0)))
            x = np.clip(x, -1.0, np.float32(self._highest))
        frames = np.ascontiguousarray(x.T, dtype=np.float32)
        try:
            # libsndfile's Vorbis encoder overruns the stack on huge blocks.
            for start in range(0, len(frames), BLOCK_FRAMES):
                self._file.write(frames[start : start + BLOCK_FRAMES])
        except (soundfile.SoundFileError, OSError) as error:
            raise AudioError(f"{self.name}: cannot be written: {self._why(error)}") from None

    def commit(self) -> None:
        """Finish the file, flush it to the disk and give it its name.

        Raises
        ------
        AudioError
            If the destination appeared meanwhile, the disk is full, or the format cannot be without sound.
        """
        try:
            self._file.close()
            if self.frames == 0 and self._empty_fails:
                raise AudioError(f"{self.name}: this format cannot hold a sound of no length; use .wav")
            if self._tags is not None:
                self.notes = self._tags.write(self._temporary)
            if self.to_standard:
                with open(self._temporary, "rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            elif self._address is not None:
                put(self._temporary, self._address, self.force)
            else:
                if os.path.lexists(self.destination) and not self.force:
                    raise AudioError(f"{self.name}: exists already; --force replaces it")
                if self._hold:
                    self.held, self.destination = self._temporary, Path(self._temporary)
                replace_synced(self._temporary, self.destination)
                self._temporary = ""
        except (soundfile.SoundFileError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            raise AudioError(f"{self.name}: cannot be written: {self._why(error)}") from None
        finally:
            self._remove()

    def abort(self) -> None:
        """Give up: remove what was written."""
        with contextlib.suppress(soundfile.SoundFileError, OSError):
            self._file.close()
        self._remove()

    def _why(self, error: Exception) -> str:
        if isinstance(error, soundfile.SoundFileError):
            return _refusal(self._temporary) or reason(error)
        return reason(error)

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self._temporary)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.commit if kind is None else self.abort)()


def _refusal(path: str) -> str:
    """Write more to a file that libsndfile could not write: of a full disk it says no more than System error.

    Returns the system's reason, or an empty string where it takes more.
    """
    try:
        with open(path, "ab") as file:
            file.write(bytes(_MORE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return reason(error)
    return ""
