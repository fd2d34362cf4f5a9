"""Lossy encoders: what each needs for a band, and how it is set.

All figures are of libsndfile 1.2.2 (LAME, libvorbis, libopus) and of ffmpeg's own encoders, on noise and on
music at 44.1 and 48 kHz, in kb/s of 1000 bits.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Any

Reach = tuple[tuple[float, float], ...]
"""From each bit rate on, up to which frequency an encoder's own low-pass lets the band through, in Hz."""


@dataclass(frozen=True)
class Codec:
    """A lossy encoder.

    Attributes
    ----------
    name : str
        For messages.
    mono, stereo : tuple of (float, float)
        Reach from each bit rate on, the lowest bit rate first. More channels take a multiple of mono.
    highest : float
        Its highest bit rate, per channel.
    fresh : float
        Bit rate of stereo for what was not lossy before; mono takes half, more channels in proportion.
    by_quality : bool
        Whether it has a measure of quality of its own, beside the bit rate.
    fixed : tuple of float
        The only bit rates that it has; of none, any between the lowest and the highest.
    """

    name: str
    mono: Reach
    stereo: Reach
    highest: float
    fresh: float
    by_quality: bool = False
    fixed: tuple[float, ...] = ()

    def reach(self, channels: int) -> Reach:
        """Reach from each bit rate on, for a number of channels."""
        if channels <= 2:
            return self.stereo if channels == 2 else self.mono
        return tuple((channels * kbps, hz) for kbps, hz in self.mono)

    def range_kbps(self, channels: int) -> tuple[float, float]:
        """Lowest and highest bit rate, for a number of channels."""
        return self.reach(channels)[0][0], self.fixed[-1] if self.fixed else channels * self.highest


CODECS = {
    "MPEG_LAYER_III": Codec(
        "MP3",
        mono=((32, 6600), (40, 9700), (48, 11200), (56, 15000), (64, 16000), (80, 20000)),
        stereo=(
            *((32, 3300), (40, 4200), (48, 6200), (56, 7300), (64, 8000), (80, 10700), (96, 15000)),
            *((112, 15100), (128, 16300), (160, 17200), (192, 18600), (224, 19300), (320, 20000)),
        ),
        highest=320,
        fresh=256,
        by_quality=True,
        fixed=(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    ),
    "VORBIS": Codec(
        "Vorbis",
        mono=((48, 15200), (60, 15900), (70, 16600), (80, 17300), (86, 19300), (96, 20300)),
        stereo=((64, 15200), (80, 15900), (96, 16600), (112, 17300), (128, 19000), (160, 20300)),
        highest=240,
        fresh=192,
        by_quality=True,
    ),
    "OPUS": Codec(
        "Opus",
        mono=((6, 4000), (10, 8000), (14, 20000)),
        stereo=((12, 8000), (16, 20000)),
        highest=256,
        fresh=160,
    ),
    # Made to let all through: by itself it ends at 17 kHz at 64 kb/s a channel.
    "AAC": Codec("AAC", mono=((48, 20000),), stereo=((96, 20000),), highest=160, fresh=256),
    "WMAV2": Codec("WMA", mono=((24, 20000),), stereo=((32, 20000),), highest=96, fresh=192),
}
"""By libsndfile's name of the sample format; AAC and WMA are ffmpeg's (`encoders.py`)."""

# Nominal bit rates of libvorbis at quality 0, 0.1 ... 1: of a channel by itself, and of a pair.
_VORBIS_MONO = (48, 60, 70, 80, 86, 96, 110, 120, 140, 160, 240)
_VORBIS_PAIR = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
# Reach of LAME's variable bit rate from each quality on.
_MP3_QUALITY: Reach = (
    *((0.0, 4200), (0.1, 7600), (0.2, 15100), (0.4, 16000), (0.6, 16600), (0.7, 17900)),
    *((0.8, 18600), (0.9, 19300), (1.0, 20000)),
)


@dataclass(frozen=True)
class Encoding:
    """How a lossy encoder is set: by its bit rate, or by its own measure of quality.

    Attributes
    ----------
    codec : str
        One of `CODECS`.
    channels : int
        Of the signal.
    kbps : float or None
        Bit rate of all channels together. MP3: constant. Opus, Vorbis: what music takes on average; easy
        music takes less. None where the encoder takes what a quality needs.
    quality : float or None
        In [0, 1], instead of a bit rate. MP3: variable bit rate, LAME's V 10 to V 0. Vorbis: its quality 0 to
        10. Others: from their lowest bit rate to their highest.
    """

    codec: str
    channels: int
    kbps: float | None
    quality: float | None = None

    @property
    def reach_hz(self) -> float:
        """Up to where the encoder lets the band through."""
        if self.codec == "MPEG_LAYER_III" and self.quality is not None:
            return _reached(_MP3_QUALITY, self.quality)
        return _reached(CODECS[self.codec].reach(self.channels), self.nominal_kbps)

    @property
    def nominal_kbps(self) -> float:
        """Bit rate, in kb/s; for a quality of Vorbis that which its encoder has in mind."""
        if self.kbps is not None:
            return self.kbps
        return _between(self.quality or 0.0, _TENTHS, _vorbis_kbps(self.channels))

    def for_libsndfile(self) -> dict[str, Any]:
        """Return what `soundfile.SoundFile` takes: `compression_level`, and for MP3 `bitrate_mode`."""
        quality, mode = self.quality, {}
        if self.codec == "MPEG_LAYER_III":
            mode = {"bitrate_mode": "CONSTANT" if quality is None else "VARIABLE"}
        if self.kbps is not None:
            if self.codec == "MPEG_LAYER_III":  # At rates from 32 kHz on.
                quality = (self.kbps - 32) / 288
            elif self.codec == "VORBIS":
                quality = _between(self.kbps, _vorbis_kbps(self.channels), _TENTHS)
            else:
                quality = (self.kbps / self.channels - 6) / 250
        # LAME refuses a level of 1.
        return {"compression_level": min(1 - (quality or 0.0), 0.999), **mode}

    def __str__(self) -> str:
        return f"quality {self.quality:g}" if self.kbps is None else f"{self.kbps:g} kb/s"


_TENTHS = tuple(i / 10 for i in range(11))


def _between(at: float, places: tuple[float, ...], values: tuple[float, ...]) -> float:
    """Interpolate between values at rising places."""
    import numpy as np  # only now: help needs nothing heavy

    return float(np.interp(at, places, values))


def _vorbis_kbps(channels: int) -> tuple[float, ...]:
    return _VORBIS_PAIR if channels == 2 else tuple(channels * kbps for kbps in _VORBIS_MONO)


def _reached(reach: Reach, at: float) -> float:
    """Reach at a bit rate or quality: that of the next lower entry."""
    place = bisect.bisect_right([start for start, _ in reach], at)
    return reach[max(place - 1, 0)][1]
