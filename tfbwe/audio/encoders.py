"""How ffmpeg writes each sample format: encoder, its arguments, speakers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoder:
    """How ffmpeg writes a sample format.

    Attributes
    ----------
    encoder : str
        ffmpeg's name.
    arguments : tuple of str
        What it needs besides.
    layouts : tuple of str
        Speakers of 1, 2, 3 ... channels that come back in their places; empty where none do.
    delay : int
        Samples that decoders drop at the beginning beyond those that the encoder puts there.
    """

    encoder: str
    arguments: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
    delay: int = 0


_MPEG4_LAYOUTS = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1")
_OPUS_LAYOUTS = ("mono", "stereo", "3.0", "quad", "", "5.1", "", "7.1")  # mixes up speakers of 5 and 7
_16_BITS, _24_BITS = ("-sample_fmt", "s16"), ("-sample_fmt", "s32", "-bits_per_raw_sample", "24")
_16_BITS_PLANAR = ("-sample_fmt", "s16p")
_24_BITS_PLANAR = ("-sample_fmt", "s32p", "-bits_per_raw_sample", "24")

# Left alone, ffmpeg's AAC ends at 17 kHz at 128 kb/s and loses 6 dB from 19 kHz on at 192.
XIPH = {
    "OPUS": Encoder("libopus", layouts=_OPUS_LAYOUTS),
    "VORBIS": Encoder("libvorbis"),
}
MATROSKA = {**XIPH, "PCM_16": Encoder("flac", _16_BITS), "PCM_24": Encoder("flac", _24_BITS)}
MPEG4 = {
    "AAC": Encoder("aac", ("-cutoff", "20500"), _MPEG4_LAYOUTS),
    "ALAC_16": Encoder("alac", _16_BITS_PLANAR, _MPEG4_LAYOUTS),
    "ALAC_24": Encoder("alac", _24_BITS_PLANAR, _MPEG4_LAYOUTS),
}
# Decoders of WMA drop two blocks of 2048 samples: the encoder is late by one.
WMA = {"WMAV2": Encoder("wmav2", layouts=("mono", "stereo"), delay=2048)}
WAVPACK = {
    "FLOAT": Encoder("wavpack", ("-sample_fmt", "fltp")),
    "PCM_U8": Encoder("wavpack", ("-sample_fmt", "u8p")),
    "PCM_16": Encoder("wavpack", _16_BITS_PLANAR),
    "PCM_24": Encoder("wavpack", _24_BITS_PLANAR),
}
