"""Bit rates: that of what was read, and the one to write.

Nothing is gained by writing music in more bits than it came in, but for the band that was added, and for the
encoder's own low-pass, which must let that through.
"""

from __future__ import annotations

import math
import os

from ..console import counted
from ..errors import ConfigError
from .codecs import CODECS, Encoding

WIDE_HZ = 18500.0
"""Up to where an output must reach. The last octave's end is faint, and costs LAME and AAC 30 kb/s more."""
_FULL_HZ = 20000.0
_EXPONENT = 0.4


def wider_share(cutoff_hz: float) -> float:
    """Return how many times the bits a whole band takes, at the quality that the band up to a cutoff has.

    The power law is that of LAME and libvorbis at variable bit rate: music up to 4, 8, 11 and 16 kHz took
    1/1.8, 1/1.45, 1/1.22 and 1/1.03 of what the same music took up to 20 kHz.
    """
    return float(max(1.0, (_FULL_HZ / cutoff_hz) ** _EXPONENT))


def chosen(
    codec: str,
    channels: int,
    received_kbps: float | None,
    cutoff_hz: float | None,
    *,
    extended: bool = True,
) -> Encoding:
    """Return the least bit rate that keeps what was received and what was added.

    Parameters
    ----------
    codec : str
        One of `CODECS`.
    channels : int
        Of the signal.
    received_kbps : float or None
        Bit rate of what was read, whatever lossy codec it had; None if that was not lossy.
    cutoff_hz : float or None
        Where the received band ends.
    extended : bool
        Whether a high band was added.

    Returns
    -------
    Encoding
        At least the received bit rate times what the wider band takes, and wide enough for it.
    """
    its = CODECS[codec]
    needed = its.fresh * channels / 2
    if received_kbps is not None:
        needed = received_kbps * (wider_share(cutoff_hz) if extended and cutoff_hz else 1.0)
    wanted_hz = WIDE_HZ if extended or cutoff_hz is None else min(cutoff_hz, WIDE_HZ)
    wide = next(kbps for kbps, hz in its.reach(channels) if hz >= wanted_hz)
    lowest, highest = its.range_kbps(channels)
    kbps = min(max(math.ceil(needed), wide, lowest), highest)
    return Encoding(codec, channels, next((own for own in its.fixed if own >= kbps), kbps))


def asked(
    codec: str, channels: int, bitrate_kbps: float | None, quality: float | None, name: str
) -> Encoding | None:
    """Return what a user asked for, or None for nothing.

    Parameters
    ----------
    codec : str
        libsndfile's name of the sample format, lossy or not.
    channels : int
        Of the signal.
    bitrate_kbps, quality : float or None
        At most one of them.
    name : str
        The file to be written, for messages.

    Raises
    ------
    ConfigError
        If both are given, the format is not lossy, or has no such bit rate or quality.
    """
    if bitrate_kbps is None and quality is None:
        return None
    its = CODECS.get(codec)
    if its is None:
        raise ConfigError(
            f"{name}: --bitrate and --quality are for lossy formats, received {codec}; leave them out, or"
            " write .mp3, .ogg or .opus"
        )
    lowest, highest = its.range_kbps(channels)
    if bitrate_kbps is None and quality is not None:
        if not 0 <= quality <= 1:
            raise ConfigError(f"{name}: quality: expected 0 to 1, received {quality}")
        kbps = None if its.by_quality else round(lowest + quality * (highest - lowest))
        return Encoding(codec, channels, kbps, quality)
    if bitrate_kbps is None or quality is not None:
        raise ConfigError(f"{name}: expected a bit rate or a quality, received both")
    if bitrate_kbps in its.fixed or (not its.fixed and lowest <= bitrate_kbps <= highest):
        return Encoding(codec, channels, bitrate_kbps)
    own = ", ".join(f"{kbps:g}" for kbps in its.fixed)
    raise ConfigError(
        f"{name}: --bitrate: expected {f'one of {own}' if own else f'{lowest:g} to {highest:g}'} kb/s for"
        f" {its.name} of {counted(channels, 'channel')}, received {bitrate_kbps:g}"
    )


def cut_below(encoding: Encoding) -> str:
    """Return what to say of an encoding that does not keep what was added, or an empty string."""
    if encoding.reach_hz >= WIDE_HZ:
        return ""
    its = CODECS[encoding.codec]
    least = chosen(encoding.codec, encoding.channels, 0.0, None).kbps
    return (
        f"at {encoding} {its.name} cuts off at {encoding.reach_hz / 1000:.1f} kHz;"
        f" --bitrate {least:g} keeps what was added up to {WIDE_HZ / 1000:g} kHz"
    )


def sound_bytes(path: str | os.PathLike[str]) -> int:
    """Return how many bytes of an MP3 or Ogg file are sound: all but its tags, which may hold pictures."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(10)
        if start[:3] == b"ID3" and len(start) == 10:
            tag = sum((byte & 0x7F) << shift for byte, shift in zip(start[6:], (21, 14, 7, 0), strict=True))
            return max(0, size - 10 - tag)
        if start[:4] != b"OggS":
            return size
        # The first pages, with a position of 0, or -1 where a header goes on, are headers.
        at = 0
        while True:
            file.seek(at)
            page = file.read(27)
            if len(page) < 27 or page[:4] != b"OggS":
                return size
            if page[6:14] not in (b"\0" * 8, b"\xff" * 8):
                return size - at
            at += 27 + page[26] + sum(file.read(page[26]))
