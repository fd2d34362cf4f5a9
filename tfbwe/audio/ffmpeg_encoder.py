"""Sound that ffmpeg encodes, through a pipe, with the calls of `soundfile.SoundFile` that writing needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError
from . import ffmpeg
from .codecs import CODECS
from .ffmpeg_decoder import DecodedFile
from .formats import CONTAINERS, FFMPEG, FULL_SCALE_BITS

_FLOAT32_BITS = 24  # integers of more bits than that are no float32
_PADDING_S = 0.2


class EncodedFile:
    """A file that ffmpeg writes as samples come.

    Parameters
    ----------
    location : str
        File to write; an existing one is replaced.
    sample_rate, channels : int
        Of the signal.
    container, subtype : str
        A pair that `tfbwe.audio.formats.output_format` returns.
    kbps : float, optional
        Bit rate of all channels in kb/s, for lossy formats; by default `Codec.fresh`.

    Raises
    ------
    ValueError
        If the format cannot hold so many channels.
    OSError
        If ffmpeg cannot be run.
    """

    def __init__(
        self,
        location: str,
        sample_rate: int,
        channels: int,
        *,
        container: str,
        subtype: str,
        kbps: float | None = None,
    ) -> None:
        own = CONTAINERS[container]
        encoder = own.encoders[subtype]
        layouts = {count: layout for count, layout in enumerate(encoder.layouts, 1) if layout}
        if channels not in layouts:
            raise ValueError(f"{FFMPEG} can with {', '.join(map(str, layouts))}")
        self._location, self._name, self._rate = location, f"{container}.{subtype}", sample_rate
        self._frames = 0
        bits = FULL_SCALE_BITS.get(subtype, 0)
        self._steps = np.float32(2 ** (bits - 1)) if 0 < bits <= _FLOAT32_BITS else None
        arguments: list[str | bytes] = ["-y", "-f", "f32le", "-ar", str(sample_rate), "-ac", str(channels)]
        arguments += ["-channel_layout", layouts[channels], "-i", "pipe:0"]
        arguments += ["-c:a", encoder.encoder, *encoder.arguments]
        if subtype in CODECS:
            arguments += ["-b:a", str(round(1000 * (kbps or CODECS[subtype].fresh * channels / 2)))]
        arguments += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-map_metadata", "-1"]
        arguments += ["-f", own.muxer, ffmpeg.file_url(location)]
        self._process: Any = ffmpeg.Process(arguments, location, writes=True)
        self._send(np.zeros((encoder.delay, channels), np.float32))

    def write(self, x: NDArray[np.float32]) -> None:
        """Write the next samples.

        Parameters
        ----------
        x : (frames, channels) float32
            Within the range of an integer format.

        Raises
        ------
        OSError
            If ffmpeg fails, or the disk is full.
        """
        # Rounded here: some encoders cut the bits off.
        self._send(x if self._steps is None else np.rint(x * self._steps) / self._steps)
        self._frames += len(x)

    def _send(self, x: NDArray[np.float32]) -> None:
        try:
            self._process.pipe.write(np.ascontiguousarray(x, "<f4"))
        except BrokenPipeError:
            raise OSError(self._said(*self._process.wait())) from None

    def close(self) -> None:
        """Let ffmpeg finish, and hold what it wrote to what it was given.

        Raises
        ------
        OSError
            If it failed, or the file is shorter.
        """
        if self._process is None:
            return
        process, self._process = self._process, None
        if self._frames == 0:
            process.kill()
            return
        status, said = process.wait()
        if status:
            raise OSError(self._said(status, said))
        try:
            written = DecodedFile(self._location, self._name)
        except (AudioError, OSError) as error:
            raise OSError(f"{FFMPEG}: what it wrote cannot be read ({error})") from None
        if written.frames < self._frames - _PADDING_S * self._rate:
            raise OSError(f"{FFMPEG}: wrote {written.frames} samples of {self._frames}")

    @staticmethod
    def _said(status: int, said: str) -> str:
        return f"{FFMPEG}: {said or f'ended with status {status}'}"
