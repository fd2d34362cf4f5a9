"""Sound that ffmpeg decodes, through a pipe, with the calls of `soundfile.SoundFile` that reading needs."""

from __future__ import annotations

import contextlib
import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..console import counted
from ..errors import AudioError
from . import ffmpeg
from .formats import CONTAINERS, DSD_RATE, FFMPEG, LIBSNDFILE, LOSSY, named_container, read_by

_LOSSY = {
    **{name: name.upper() for name in ("aac", "wmav1", "wmav2", "wmapro", "opus", "vorbis", "ac3", "eac3")},
    **{name: name.upper() for name in ("dts", "amr_nb", "amr_wb")},
    **{"mp1": "MPEG_LAYER_I", "mp2": "MPEG_LAYER_II", "mp3": "MPEG_LAYER_III"},
    **dict.fromkeys(("ra_144", "ra_288", "cook", "sipr", "atrac3"), "REALAUDIO"),
    **{"musepack7": "MUSEPACK", "musepack8": "MUSEPACK"},
}
_LOSSLESS = frozenset({"alac", "wavpack", "flac", "tta", "ape", "tak", "shorten", "wmalossless", "truehd"})
_SAMPLE_BITS = {"u8": 8, "s16": 16, "s32": 32, "s64": 32}
_MOVIE_TICK = Fraction(1, 600)  # the coarsest clock that an edit list of MPEG-4 counts by, in seconds
_LONGEST_PADDING = 8192  # samples that an encoder may add to fill its last block
_UNSAID_LOSS_S = 0.2  # a header may count what the encoder added


def decoder(location: str, name: str, why_not: str) -> DecodedFile:
    """Open a file that libsndfile does not read.

    Parameters
    ----------
    location : str
        The file.
    name : str
        What messages call it.
    why_not : str
        What libsndfile said.

    Returns
    -------
    DecodedFile

    Raises
    ------
    AudioError
        If ffmpeg is not installed or does not read it either, or it holds no sound.
    """
    unread = f"{name}: not a sound file that libsndfile can read ({why_not})"
    if named := read_by(name, FFMPEG):
        ffmpeg.require(name, str(named_container(name)))
    if program := ffmpeg.missing():
        raise AudioError(f"{unread}; {program}, which reads more, is not on the path: {ffmpeg.INSTALL}")
    try:
        return DecodedFile(location, name)
    except OSError as error:
        if named:
            unread = f"{name}: cut short, damaged or not {named_container(name)}"
            raise AudioError(f"{unread}: {FFMPEG} cannot read it ({error}); get the whole file") from None
        also = "" if read_by(name, LIBSNDFILE) else f", nor {FFMPEG} ({error})"
        raise AudioError(f"{unread}{also}") from None


class DecodedFile:
    """The first sound stream of a file, decoded by ffmpeg as it is read.

    Parameters
    ----------
    location : str
        The file.
    name : str
        What messages call it.

    Attributes
    ----------
    samplerate, channels : int
        Of the stream; of DSD the rate that it is decoded at.
    frames : int
        Samples per channel that the header promises, an estimate where it states no length.
    format, subtype : str
        Names as in `tfbwe.audio.formats.CONTAINERS`.
    kbps : float or None
        Bit rate of the stream in kb/s, where it is known.
    notes : list of str
        What the user should know, such as streams left out.
    damage : str
        What could not be decoded, in words, known after the end.

    Raises
    ------
    AudioError
        If it holds no sound, or sound in a coding that is not known.
    OSError
        If ffprobe finds nothing there that it may read.

    Notes
    -----
    What an encoder put in front of the sound is dropped as far as ffmpeg knows of it, and nothing is shifted.
    """

    def __init__(self, location: str, name: str) -> None:
        found = ffmpeg.probe(location)
        streams = found["streams"]
        sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
        self.notes, self.damage = _left_out(streams, len(sounds)), ""
        if not sounds:
            raise AudioError(f"{name}: expected a sound file, received one without sound: {_kinds(streams)}")
        stream = sounds[0]
        codec = str(stream.get("codec_name", "an unknown coding"))
        self._location = location
        self.format = _container(found["format"].get("format_name", ""), name)
        self.subtype = _subtype(codec, stream)
        self.channels = int(stream.get("channels", 0))
        self.samplerate = int(stream.get("sample_rate", 0))
        if not self.subtype or not self.channels or not self.samplerate:
            raise AudioError(f"{name}: holds {codec}, which is not decoded here; turn it into WAV first")
        bits = stream.get("bit_rate") or (len(streams) == 1 and found["format"].get("bit_rate"))
        self.kbps = float(bits) / 1000 if bits else None
        self._resampling: tuple[str, ...] = ()
        if self.subtype == "DSD":
            self._resampling, self.samplerate = ("-ar", str(DSD_RATE)), DSD_RATE
            self.notes.append(f"one-bit samples, decoded at {DSD_RATE} Hz")
        self._states_length = CONTAINERS[self.format].states_length
        tick = Fraction(stream.get("time_base", "1/1"))
        seconds = _seconds(stream, found["format"], tick)
        # A clock coarser than the samples may promise up to a tick too much.
        exact = tick <= Fraction(1, self.samplerate)
        self.frames = max(0, math.floor((seconds if exact else seconds - tick) * self.samplerate))
        # MPEG-4 says where the sound ends in the last block, by a clock of its own.
        padded = self.format == "M4A" and self.subtype in LOSSY and self.frames
        self._stop = self.frames + math.ceil(_MOVIE_TICK * self.samplerate) if padded else None
        self._process: ffmpeg.Process | None = None
        self._position = 0
        self._from_start, self._ended = True, False
        self._ahead = b""  # taken from the pipe to see whether the sound goes on

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """Return the next samples.

        Parameters
        ----------
        frames : int
            How many a channel; fewer come at the end.
        dtype, always_2d
            As `soundfile.SoundFile.read` has them; nothing else is possible.

        Returns
        -------
        (frames, channels) float32

        Raises
        ------
        OSError
            If ffmpeg fails.
        """
        if self._ended:
            return np.zeros((0, self.channels), np.float32)
        if self._process is None:
            self._process = ffmpeg.Process(self._arguments(), self._location)
        if self._stop is not None and self._position >= self._stop and not self._goes_on(self._process):
            self._finish()
            return np.zeros((0, self.channels), np.float32)
        wanted = frames if self._stop is None else min(frames, self._stop - self._position)
        sound = self._take(self._process, wanted)
        whole = len(sound) // (4 * self.channels) * self.channels
        x = np.frombuffer(sound, "<f4", whole).reshape(-1, self.channels).astype(np.float32)
        self._position += len(x)
        if len(x) < wanted:
            self._finish()
        return x

    def _goes_on(self, process: ffmpeg.Process) -> bool:
        """Whether more follows the end that the header states than padding; it is then no end."""
        self._ahead = process.pipe.read(_LONGEST_PADDING * self.channels * 4)
        if len(self._ahead) < _LONGEST_PADDING * self.channels * 4:
            return False
        self._stop = None
        return True

    def _take(self, process: ffmpeg.Process, frames: int) -> bytes:
        size = frames * self.channels * 4
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        return ahead + process.pipe.read(size - len(ahead))

    def _arguments(self) -> list[str | bytes]:
        start = [] if self._position == 0 else ["-ss", f"{self._position / self.samplerate:.9f}"]
        source = [*ffmpeg.CAREFUL, "-err_detect", "crccheck", *start, "-i", ffmpeg.file_url(self._location)]
        return [*source, "-map", "0:a:0", *self._resampling, "-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"]

    def _finish(self) -> None:
        """Hold what came to what was promised: neither ffmpeg's status nor its messages say what is lost."""
        self._ended = True
        if self._process is None:
            return
        process, self._process = self._process, None
        while process.pipe.read(1 << 16):
            pass
        status, said = process.wait()
        if status:
            raise OSError(f"{FFMPEG}: {said}")
        if not self._from_start:
            return
        lost_s = (self.frames - self._position) / self.samplerate if self._states_length else 0.0
        because = f" ({FFMPEG}: {said})" if said else ""
        if self._position == 0 and self.frames:
            raise OSError(f"{FFMPEG}: {said or 'nothing could be decoded'}")
        if lost_s > _UNSAID_LOSS_S:
            total_s = self.frames / self.samplerate
            self.damage = (
                f"damaged: {lost_s:.2f} s of {total_s:.2f} s could not be decoded and are left out{because}"
            )
        elif said:
            self.damage = f"may be damaged{because}"

    def seek(self, frame: int) -> int:
        """Go to a sample, counted from 0, as exactly as the container's clock lets ffmpeg find it."""
        self.close()
        self._position, self._ended, self._ahead = frame, False, b""
        self._from_start = frame == 0
        return frame

    def tell(self) -> int:
        """Return which sample comes next."""
        return self._position

    def close(self) -> None:
        """End ffmpeg, if it runs."""
        if self._process is not None:
            with contextlib.suppress(OSError):
                self._process.kill()
            self._process = None


def _container(demuxer: str, name: str) -> str:
    """Name a container by ffmpeg's demuxer, and by the file's name where two share one."""
    kinds = set(demuxer.split(","))
    found = [key for key, own in CONTAINERS.items() if kinds & set(own.demuxers.split(","))]
    named = named_container(name)
    return named if named in found else found[-1]


def _subtype(codec: str, stream: dict[str, Any]) -> str:
    """Name a sample format; empty where it is not known."""
    if codec in _LOSSY:
        return _LOSSY[codec]
    if codec.startswith("dsd_"):
        return "DSD"
    if codec in ("pcm_alaw", "pcm_mulaw"):
        return "ALAW" if codec == "pcm_alaw" else "ULAW"
    if codec not in _LOSSLESS and not codec.startswith("pcm_"):
        return ""
    kind = str(stream.get("sample_fmt", "")).removesuffix("p")
    if kind not in _SAMPLE_BITS:
        return "DOUBLE" if kind == "dbl" else "FLOAT"
    told = int(stream.get("bits_per_raw_sample") or stream.get("bits_per_sample") or 0)
    bits = next(known for known in (8, 16, 24, 32) if known >= (told or _SAMPLE_BITS[kind]))
    if codec == "alac":
        return f"ALAC_{max(bits, 16)}"
    return "PCM_U8" if bits == 8 else f"PCM_{bits}"


def _seconds(stream: dict[str, Any], whole: dict[str, Any], tick: Fraction) -> Fraction:
    if "duration_ts" in stream:
        return int(stream["duration_ts"]) * tick
    return Fraction(str(stream.get("duration") or whole.get("duration") or "0"))


def _left_out(streams: list[dict[str, Any]], sounds: int) -> list[str]:
    """Say which streams are not taken; pictures of a cover are no videos."""
    first = next((stream for stream in streams if stream.get("codec_type") == "audio"), None)
    cover = [stream for stream in streams if stream.get("disposition", {}).get("attached_pic")]
    rest = [stream for stream in streams if stream is not first and stream not in cover]
    if not rest:
        return []
    taken = f"the first of {sounds} sound streams" if sounds > 1 else "the sound"
    return [f"{taken} is taken; left out: {_kinds(rest)}"]


def _kinds(streams: list[dict[str, Any]]) -> str:
    names = [str(stream.get("codec_type", "unknown")).replace("audio", "sound") for stream in streams]
    return ", ".join(counted(names.count(name), f"{name} stream") for name in dict.fromkeys(names))
