"""What libsndfile's containers hold: sample formats, rates, sizes, and which to write for what was read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ..errors import AudioError

STANDARD = "-"
"""Name of standard input and output."""
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
# Compression levels near 256 kbit/s in stereo: at its default MP3 ends at 16 kHz and loses what was added.
LOSSY_LEVEL = {"MPEG_LAYER_III": 0.0, "VORBIS": 0.5, "OPUS": 0.5}
LOSSY = frozenset({*LOSSY_LEVEL, "MPEG_LAYER_I", "MPEG_LAYER_II"})
NO_EMPTY = frozenset({"FLAC", "MP3", "OPUS"})


@dataclass(frozen=True)
class Container:
    """A container that is written.

    Attributes
    ----------
    suffixes : tuple of str
        Names that ask for it; of none it is only kept where it was read.
    max_bytes : int
        Its greatest size.
    """

    suffixes: tuple[str, ...] = ()
    max_bytes: int = 2**62


_4_GB = 2**32 - 2**16
CONTAINERS = {
    "WAV": Container((".wav",), _4_GB),
    "WAVEX": Container((), _4_GB),
    "RF64": Container((".rf64",)),
    "W64": Container((".w64",)),
    "AIFF": Container((".aif", ".aiff", ".aifc"), _4_GB),
    "AU": Container((".au", ".snd"), _4_GB),
    "CAF": Container((".caf",)),
    "FLAC": Container((".flac",)),
    "OGG": Container((".ogg", ".oga", ".opus")),
    "MP3": Container((".mp3",)),
    "NIST": Container(),
    "IRCAM": Container(),
}
"""By libsndfile's name: those that keep rate and channels; the rest of them round these or hold few."""

_RATES = {
    "OPUS": (8000, 12000, 16000, 24000, 48000),
    "MPEG_LAYER_III": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
}
_SUFFIXES = {suffix: name for name, own in CONTAINERS.items() for suffix in own.suffixes}
SOUND_SUFFIXES = frozenset(_SUFFIXES)


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
        libsndfile's names of what was read.
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
    asked = None
    opus = subtype == "OPUS"
    if destination is not None:
        suffix = Path(destination).suffix.lower()
        asked = "WAV" if str(destination) == "-" else _SUFFIXES.get(suffix)
        kept = "" if source is None else Path(source).suffix.lower()
        if asked is None and suffix not in ("", kept):
            raise AudioError(
                f"{destination}: expected a suffix of a sound format that can be written,"
                f" {', '.join(_SUFFIXES)}, received {suffix}"
            )
        if asked == "OGG" and container != "OGG":
            opus = suffix == ".opus"
        if asked == "WAV" and container in ("WAVEX", "RF64"):
            asked = None
    container = asked or container
    if container not in CONTAINERS:
        raise AudioError(
            f"{destination or source}: {container} files can be read, not written;"
            " use -o with a name that ends in .wav"
        )
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


def container_named(name: str) -> str:
    """Return the container that a file's suffix stands for, an empty string if it stands for none."""
    return _SUFFIXES.get(Path(name).suffix.lower(), "")


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
    rates = _RATES.get(subtype)
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
