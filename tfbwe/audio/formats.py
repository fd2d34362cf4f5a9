"""The table of formats: who reads and writes a container, and what to write for what was read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import AudioError
from . import encoders
from .codecs import CODECS
from .encoders import Encoder

STANDARD = "-"
"""Name of standard input and output."""
DSD_RATE = 176400
"""In Hz, of sound decoded from one-bit samples."""
BLOCK_FRAMES = 32768
"""Samples per channel that are read or written at a time."""

# Bits of each sample format's integer range. What is missing here, float and lossy, holds values beyond +-1.
FULL_SCALE_BITS = {
    "PCM_S8": 8,
    "PCM_U8": 8,
    "PCM_16": 16,
    "PCM_24": 24,
    "PCM_32": 32,
    "ALAC_16": 16,
    "ALAC_20": 20,
    "ALAC_24": 24,
    "ALAC_32": 32,
    "ULAW": 16,
    "ALAW": 16,
    "IMA_ADPCM": 16,
    "MS_ADPCM": 16,
    "GSM610": 16,
    "DWVW_12": 12,
    "DWVW_16": 16,
    "DWVW_24": 24,
}
LOSSY = frozenset(
    {*CODECS, "MPEG_LAYER_I", "MPEG_LAYER_II", "WMAV1", "WMAPRO", "AC3", "EAC3", "DTS"}
    | {"MUSEPACK", "AMR_NB", "AMR_WB", "REALAUDIO"}
)
LIBSNDFILE, FFMPEG = "libsndfile", "ffmpeg"
"""Who reads and writes a container."""

ALL, TEXTS, NONE = "all", "texts", "none"
"""What is kept of tags: texts, pictures and the rest, texts alone, or nothing."""


@dataclass(frozen=True)
class Container:
    """A container of sound.

    Attributes
    ----------
    suffixes : tuple of str
        Names that ask for it; of none it is only kept where it was read.
    max_bytes : int
        Its greatest size.
    read_by, written_by : str
        `LIBSNDFILE` or `FFMPEG`; nobody writes what has an empty string here: FLAC takes its place.
    demuxers, muxer : str
        ffmpeg's names, where it reads and writes.
    videos : tuple of str
        Names of videos in this container: read where they are named, passed over in folders.
    states_length : bool
        Whether ffmpeg finds the length in a header, and does not guess it from the bit rate.
    tags : str
        What `tfbwe.audio.tags` keeps of them: `ALL`, `TEXTS` or `NONE`.
    encoders : mapping of str to Encoder
        Sample formats that ffmpeg writes; the first stands for those that are not here.
    """

    suffixes: tuple[str, ...] = ()
    max_bytes: int = 2**62
    read_by: str = LIBSNDFILE
    written_by: str = LIBSNDFILE
    demuxers: str = ""
    muxer: str = ""
    videos: tuple[str, ...] = ()
    states_length: bool = True
    tags: str = ALL
    encoders: Mapping[str, Encoder] = field(default_factory=dict)


def _through(demuxers: str, *suffixes: str, **more: Any) -> Container:
    """Return a container that ffmpeg alone reads."""
    by = FFMPEG if "muxer" in more else ""
    return Container(suffixes, read_by=FFMPEG, written_by=by, demuxers=demuxers, **more)


_4_GB = 2**32 - 2**16
CONTAINERS = {
    "WAV": Container((".wav",), _4_GB),
    "WAVEX": Container((), _4_GB),
    "RF64": Container((".rf64",)),
    "W64": Container((".w64",), tags=NONE),
    "AIFF": Container((".aif", ".aiff", ".aifc"), _4_GB),
    "AU": Container((".au", ".snd"), _4_GB, tags=NONE),
    "CAF": Container((".caf",), tags=TEXTS),
    "FLAC": Container((".flac",)),
    "OGG": Container((".ogg", ".oga", ".opus")),
    "MP3": Container((".mp3",)),
    "NIST": Container(tags=NONE),
    "IRCAM": Container(tags=NONE),
    "MP2": Container((".mp2",), written_by=""),
    "M4A": _through(
        *("mov", ".m4a", ".m4b"),
        muxer="ipod",
        videos=(".mp4", ".m4v", ".mov"),
        encoders=encoders.MPEG4,
    ),
    "WMA": _through("asf", ".wma", muxer="asf", videos=(".wmv", ".asf"), encoders=encoders.WMA),
    "WEBM": _through("webm", ".webm", ".weba", muxer="webm", encoders=encoders.XIPH, tags=NONE),
    "MATROSKA": _through(
        *("matroska", ".mka"),
        muxer="matroska",
        videos=(".mkv",),
        encoders=encoders.MATROSKA,
        tags=NONE,
    ),
    "WAVPACK": _through("wv", ".wv", muxer="wv", encoders=encoders.WAVPACK),
    "APE": _through("ape", ".ape"),
    "TTA": _through("tta", ".tta"),
    "TAK": _through("tak", ".tak", tags=NONE),
    "SHN": _through("shn", ".shn", states_length=False, tags=NONE),
    "MPC": _through("mpc,mpc8", ".mpc"),
    "DSF": _through("dsf", ".dsf", tags=NONE),
    "DFF": _through("iff", ".dff", tags=NONE),
    "AAC": _through("aac", ".aac", states_length=False),
    "AC3": _through("ac3,eac3", ".ac3", ".eac3", states_length=False, tags=NONE),
    "DTS": _through("dts,dtshd", ".dts", states_length=False, tags=NONE),
    "AMR": _through("amr", ".amr", states_length=False, tags=NONE),
    "REAL": _through("rm", ".ra", ".rm", states_length=False, tags=NONE),
    "AVI": _through("avi", videos=(".avi",), tags=NONE),
}
"""By name, libsndfile's or ours. Those that keep rate and channels: others of libsndfile's do not."""

NO_EMPTY = frozenset(
    {"FLAC", "MP3", "OPUS", *(name for name, own in CONTAINERS.items() if own.written_by == FFMPEG)}
)
RATES = {
    "OPUS": (8000, 12000, 16000, 24000, 48000),
    "MPEG_LAYER_III": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "WMAV2": (8000, 11025, 16000, 22050, 32000, 44100, 48000),
    "AAC": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000),
}
_SUFFIXES = {suffix: name for name, own in CONTAINERS.items() for suffix in own.suffixes}
_VIDEOS = {suffix: name for name, own in CONTAINERS.items() for suffix in own.videos}
SOUND_SUFFIXES = frozenset(_SUFFIXES)
"""Names of sounds that are read."""
WRITTEN = {suffix: name for suffix, name in _SUFFIXES.items() if CONTAINERS[name].written_by}
"""Names of sounds that are written, with their containers."""


def named_container(name: str | os.PathLike[str]) -> str | None:
    """Return the container that a file's name stands for, ``None`` where it says nothing."""
    suffix = Path(name).suffix.lower()
    return _SUFFIXES.get(suffix) or _VIDEOS.get(suffix)


def read_by(name: str | os.PathLike[str], program: str) -> bool:
    """Return whether a file's name stands for a container that a program reads."""
    container = named_container(name)
    return container is not None and CONTAINERS[container].read_by == program


def output_suffix(source: str | os.PathLike[str]) -> str:
    """Return the suffix of an output that no one named: the source's own, or FLAC's."""
    container = named_container(source)
    if container is None or CONTAINERS[container].written_by:
        return Path(source).suffix
    return ".flac"


def output_format(
    container: str,
    subtype: str,
    destination: str | os.PathLike[str] | None = None,
    source: str | os.PathLike[str] | None = None,
) -> tuple[str, str]:
    """Return the container and sample format to write for what was read.

    Parameters
    ----------
    container, subtype : str
        Names of what was read, as in `CONTAINERS`.
    destination : str or Path, optional
        A suffix that names another container asks for that one; ``"-"``, standard output, is WAV. Without
        a suffix, or with the source's own, the container is kept.
    source : str or Path, optional
        The file that was read.

    Returns
    -------
    container, subtype : str
        What was read where it can be written, else the nearest that loses nothing more.

    Raises
    ------
    AudioError
        If the container can only be read, or the suffix stands for none that can be written.
    """
    import soundfile  # only now: help needs nothing heavy

    asked, read = None, container
    opus = subtype == "OPUS"
    if destination is not None:
        suffix = Path(destination).suffix.lower()
        asked = "WAV" if str(destination) == "-" else WRITTEN.get(suffix)
        kept = "" if source is None else Path(source).suffix.lower()
        if asked is None and suffix not in ("", kept):
            raise AudioError(
                f"{destination}: expected a suffix of a sound format that can be written,"
                f" {', '.join(WRITTEN)}, received {suffix}"
            )
        if asked == "OGG" and container != "OGG":
            opus = suffix == ".opus"
        if asked == "WAV" and container in ("WAVEX", "RF64"):
            asked = None
    container = asked or container
    if container not in CONTAINERS or not CONTAINERS[container].written_by:
        raise AudioError(
            f"{destination or source}: {container} files can be read, not written;"
            " use -o with a name that ends in .wav"
        )
    if CONTAINERS[container].written_by == FFMPEG:
        return container, _encoded(container, subtype, kept=container == read)
    if container == "OGG":
        return container, "OPUS" if opus else "VORBIS"
    if container == "MP3":
        return container, "MPEG_LAYER_III"
    if subtype not in LOSSY and soundfile.check_format(container, subtype):
        return container, subtype
    loses_nothing = ["FLOAT"] if subtype in LOSSY or subtype in ("FLOAT", "DOUBLE") else []
    for candidate in (*loses_nothing, "PCM_24", "PCM_16"):
        if soundfile.check_format(container, candidate):
            return container, candidate
    return container, str(soundfile.default_subtype(container))


def _encoded(container: str, subtype: str, kept: bool) -> str:
    """Sample format that ffmpeg writes; a container that is kept loses nothing where its source did not."""
    known = CONTAINERS[container].encoders
    bits = FULL_SCALE_BITS.get(subtype, 0)
    nearest = [subtype]
    if bits and (kept or subtype.startswith("ALAC")):
        nearest.append("ALAC_16" if bits <= 16 else "ALAC_24")
    if subtype not in LOSSY:
        nearest.append("PCM_24")
    return next((name for name in nearest if name in known), next(iter(known)))


def writable_rate(subtype: str, sample_rate: int) -> int:
    """Return the rate to write a sample format at: the rate itself, else the next higher, else the highest.

    Parameters
    ----------
    subtype : str
        libsndfile's name.
    sample_rate : int
        Rate wished for, in Hz.

    Returns
    -------
    int
        In Hz.
    """
    rates = RATES.get(subtype)
    if rates is None:
        return sample_rate
    return next((rate for rate in rates if rate >= sample_rate), rates[-1])


def full_scale(subtype: str) -> float | None:
    """Return the greatest sample of an integer format, ``None`` for float and lossy ones."""
    bits = FULL_SCALE_BITS.get(subtype)
    return None if bits is None else 1.0 - 2.0 ** (1 - bits)


def bytes_per_sample(subtype: str) -> float:
    """Return how many bytes a sample takes in a format, 0 for compressed ones."""
    if subtype in ("FLOAT", "DOUBLE"):
        return 4.0 if subtype == "FLOAT" else 8.0
    return FULL_SCALE_BITS[subtype] / 8 if subtype.startswith("PCM_") else 0.0


def native_name(name: str) -> str | bytes:
    """Return a file's name as libsndfile takes it: soundfile encodes none that is not UTF-8 by itself."""
    return os.fsencode(name) if os.name == "posix" else name


def reason(error: BaseException) -> str:
    """Return libsndfile's or the system's reason in one line, without the file name that it repeats."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()).rstrip(".")
