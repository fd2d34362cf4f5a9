"""Lossy codecs, encoded and decoded in memory by libsndfile; AAC by ffmpeg, where it is installed."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tfbwe.errors import AudioError, ConfigError

from . import ffmpeg
from .filters import Signal

FALLBACK_RATE = 48000
"""To which a signal is converted, and back, where the codec does not know its rate."""
BLOCK_FRAMES = 16384
UNTOLD_DELAY = 1105
"""Samples by which MP3 is late where its frames are too small for the tag that tells so, as at 32 kb/s: 576
of LAME's encoder, 529 of any decoder."""
AAC_DELAY = 1024
"""Samples by which AAC is late: a frame, of which a bare stream (ADTS) does not tell."""


@dataclass(frozen=True)
class Format:
    """What there is to know of a codec.

    Attributes
    ----------
    container, subtype : str
        As libsndfile, or ffmpeg, calls it.
    rates : tuple of int
        The sample rates in Hz that it knows.
    variable, constant : tuple of two floats, or None
        Compression levels of variable rate, and constant rates in kb/s, at which it has its own low-pass;
        None where there is no such mode.
    by_ffmpeg : bool
    """

    container: str
    subtype: str
    rates: tuple[int, ...]
    variable: tuple[float, float] | None = None
    constant: tuple[float, float] | None = None
    by_ffmpeg: bool = False

    @property
    def found(self) -> bool:
        """Whether it is installed."""
        return not self.by_ffmpeg or ffmpeg.found() is not None


CODECS = {
    "mp3": Format(
        "MP3",
        "MPEG_LAYER_III",
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
        variable=(0.3, 0.95),
        constant=(24.0, 160.0),
    ),
    "vorbis": Format("OGG", "VORBIS", (8000, 11025, 16000, 22050, 32000, 44100, 48000), variable=(0.5, 0.99)),
    "opus": Format("OGG", "OPUS", (48000,), variable=(0.965, 0.995)),
    "aac": Format(
        "adts", "aac", (16000, 22050, 24000, 32000, 44100, 48000), constant=(24.0, 160.0), by_ffmpeg=True
    ),
}


@dataclass(frozen=True)
class Codec:
    """A round trip through a lossy codec, without a low-pass but its own.

    Parameters
    ----------
    name : str
        One of `CODECS`.
    level : float
        Compression level of libsndfile, 0 (best) to below 1 (smallest).
    constant : bool
        Constant bit rate, see `at_rate`: for MP3, and always for AAC.
    sample_rate : int, optional
        At which is coded, in Hz; that of the signal by default.

    Raises
    ------
    ConfigError
        A value outside its range.
    """

    name: str
    level: float
    constant: bool = False
    sample_rate: int | None = None

    def __post_init__(self) -> None:
        if self.name not in CODECS:
            raise ConfigError(f"codec: expected one of {', '.join(CODECS)}, received {self.name!r}")
        if not 0 <= self.level < 1:
            raise ConfigError(
                f"codec level: expected from 0 (best) to below 1 (smallest), received {self.level}"
            )
        if self.constant != (self.name == "aac") and self.name != "mp3":
            raise ConfigError(
                f"codec constant: expected for aac, maybe for mp3, not else; received {self.constant} for "
                f"{self.name}"
            )
        if self.sample_rate is not None and self.sample_rate not in CODECS[self.name].rates:
            raise ConfigError(
                f"codec sample_rate of {self.name}: expected one of {CODECS[self.name].rates}, received "
                f"{self.sample_rate}"
            )

    def apply(self, x: npt.ArrayLike, sample_rate: int) -> Signal:
        """Encode and decode a signal; the first of what `coded` returns."""
        return self.coded(x, sample_rate)[0]

    def coded(self, x: npt.ArrayLike, sample_rate: int) -> tuple[Signal, int]:
        """Encode and decode a signal.

        Parameters
        ----------
        x : (channels, samples) float32
            Any length. A signal beyond +-1 is scaled to +-1 for the codec and back. Channels are coded in
            pairs.
        sample_rate : int
            Rate of `x` in Hz; soxr converts to that of the codec and back, to 48 kHz where the codec does not
            know this one (Opus: all but 48 kHz).

        Returns
        -------
        received : (channels, samples) float32
            Aligned with `x` to the sample, but for Opus at low rates: it leads by two, and lags by three or
            four where it codes up to 4 kHz alone. Silence stays silence.
        size_bytes : int
            Of what was encoded, its container included; 0 for silence, which is not encoded.

        Raises
        ------
        AudioError
            `x` is not two-dimensional, or ffmpeg, which AAC needs, is not there or fails.
        """
        signal = np.asarray(x, dtype=np.float32)
        if signal.ndim != 2:
            raise AudioError(
                f"codec: expected a signal of shape (channels, samples), received {signal.shape}"
            )
        if not signal.any():
            return signal.copy(), 0
        scale = max(float(np.abs(signal).max()), 1.0)
        known = sample_rate in CODECS[self.name].rates
        codec_rate = self.sample_rate or (sample_rate if known else FALLBACK_RATE)
        frames = soxr.resample(np.ascontiguousarray(signal.T) / scale, sample_rate, codec_rate)
        pairs = [
            self._decoded(frames[:, first : first + 2], codec_rate) for first in range(0, frames.shape[1], 2)
        ]
        decoded = np.concatenate([pair for pair, _ in pairs], axis=1)
        received = soxr.resample(decoded, codec_rate, sample_rate).T
        missing = max(signal.shape[1] - received.shape[1], 0)
        received = np.pad(received, ((0, 0), (0, missing)))[:, : signal.shape[1]]
        received = np.ascontiguousarray(received * scale, dtype=np.float32)
        return received, sum(size_bytes for _, size_bytes in pairs)

    def _decoded(self, frames: Signal, sample_rate: int) -> tuple[Signal, int]:
        """Send one or two channels of shape (samples, channels) through; same shape, and the bytes."""
        through = self._through_ffmpeg if CODECS[self.name].by_ffmpeg else self._through_libsndfile
        decoded, size_bytes = through(frames, sample_rate)
        missing = max(len(frames) - len(decoded), 0)
        return np.pad(decoded, ((0, missing), (0, 0)))[: len(frames)], size_bytes

    def _through_libsndfile(self, frames: Signal, sample_rate: int) -> tuple[Signal, int]:
        """The same, of any length, but in place."""
        form = CODECS[self.name]
        memory = io.BytesIO()
        with soundfile.SoundFile(
            memory,
            "w",
            sample_rate,
            channels=frames.shape[1],
            format=form.container,
            subtype=form.subtype,
            compression_level=self.level,
            bitrate_mode="CONSTANT" if self.constant else None,
        ) as encoder:
            # libsndfile 1.2 overruns the stack when it gets minutes of Vorbis in one piece.
            for start in range(0, len(frames), BLOCK_FRAMES):
                encoder.write(frames[start : start + BLOCK_FRAMES])
        size_bytes = memory.seek(0, io.SEEK_END)
        memory.seek(0)
        decoded, _ = soundfile.read(memory, dtype="float32", always_2d=True)
        if self.name == "mp3" and len(decoded) > len(frames):  # there is no tag, see `UNTOLD_DELAY`
            decoded = decoded[UNTOLD_DELAY:]
        return decoded, size_bytes

    def _through_ffmpeg(self, frames: Signal, sample_rate: int) -> tuple[Signal, int]:
        """The same."""
        form, channels = CODECS[self.name], frames.shape[1]
        raw = ffmpeg.raw(sample_rate, channels)
        rate = f"{_rate_kbps(self.level, sample_rate):.0f}k"
        encoding = [*raw, "-i", "-", "-c:a", form.subtype, "-b:a", rate, "-f", form.container, "-"]
        coded = ffmpeg.piped(encoding, ffmpeg.sound_of(frames.T), f"to encode {self.name} at {rate}b/s")
        decoding = ["-f", form.subtype, "-i", "-", *raw, "-"]
        decoded = ffmpeg.samples_of(ffmpeg.piped(decoding, coded, f"to decode {self.name}"), channels).T
        return decoded[AAC_DELAY:], len(coded)


def at_rate(name: str, rate_kbps: float, sample_rate: int | None = None) -> Codec:
    """Return a codec of a constant bit rate in kb/s, of all channels together.

    MP3 has 32 to 320 kb/s at sample rates of 32 kHz and more, 8 to 160 below; `ConfigError` outside.
    """
    most, span = _LEVELS[_is_low(sample_rate)]
    level = (most - rate_kbps) / span
    if not 0 <= level <= 1:
        raise ConfigError(f"codec rate: expected {most - span:g} to {most:g} kb/s, received {rate_kbps:g}")
    return Codec(name, min(level, 0.9999), constant=True, sample_rate=sample_rate)


_LEVELS = {False: (320.0, 288.0), True: (160.0, 152.0)}
"""Rate in kb/s at level 0, and by how much it falls to level 1, at high and at low sample rates."""


def _is_low(sample_rate: int | None) -> bool:
    return sample_rate is not None and sample_rate < 32000


def _rate_kbps(level: float, sample_rate: int) -> float:
    most, span = _LEVELS[_is_low(sample_rate)]
    return most - span * level
