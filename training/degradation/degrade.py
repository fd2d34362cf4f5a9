"""The narrow channels that training music is sent through: low-pass, gain, lossy codec, 16-bit rounding."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tfbwe.band import HIGHEST_CUTOFF_HZ, LOWEST_CUTOFF_HZ
from tfbwe.errors import AudioError, ConfigError

from .filters import Lowpass, Signal

SHARP_PROBABILITY = 0.5
"""Brick wall or resampler; the rest are gentle, recursive filters."""
RESAMPLE_PROBABILITY = 0.2
"""Of the sharp ones, how many are a resampler."""
ZERO_PHASE_PROBABILITY = 0.7
"""Of the gentle ones, how many run forward and backward: there a coherent gain has something to win."""
GENTLE_FILTERS = {
    ("butterworth", 6): 0.35,
    ("bessel", 6): 0.15,
    ("bessel", 12): 0.15,
    ("chebyshev1", 6): 0.09,
    ("chebyshev1", 8): 0.08,
    ("chebyshev1", 10): 0.04,
    ("chebyshev1", 12): 0.04,
    ("elliptic", 6): 0.05,
    ("elliptic", 12): 0.05,
}
"""Family and order of the gentle filters with their probability; the gentlest leave most to win."""
ROUNDING_PROBABILITY = 0.7
ROUNDING_BITS = 16
CODEC_PROBABILITY = 0.06
"""Low, because a codec costs ten times as much time as all the rest."""
GAIN_RANGE_DB = (-13.0, 2.0)

CODEC_FORMATS = {"mp3": ("MP3", "MPEG_LAYER_III"), "vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}
CODECS = tuple(CODEC_FORMATS)
CODEC_RATES = {
    "mp3": (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    "vorbis": (8000, 11025, 16000, 22050, 32000, 44100, 48000),
    "opus": (48000,),
}
FALLBACK_RATE = 48000
BLOCK_FRAMES = 16384
CODEC_QUALITY_RANGE = (0.0, 0.5)
"""Range drawn from: within it no codec's own low-pass falls below the cutoffs drawn here."""


@dataclass(frozen=True)
class Degradation:
    """One narrow channel.

    Parameters
    ----------
    lowpass : Lowpass
        Filter, applied first.
    gain_db : float
        Gain in dB of original and received signal alike.
    codec : str or None
        ``mp3``, ``vorbis``, ``opus``, or None for no round trip.
    codec_quality : float
        Compression level of libsndfile, 0 (best) to below 1 (smallest); unused without a codec.
    bits : int or None
        Word length of the rounding, 2 to 24, or None for none.

    Raises
    ------
    ConfigError
        A value outside its range.
    """

    lowpass: Lowpass
    gain_db: float = 0.0
    codec: str | None = None
    codec_quality: float = 0.0
    bits: int | None = None

    def __post_init__(self) -> None:
        if not math.isfinite(self.gain_db):
            raise ConfigError(f"degradation gain_db: expected a finite number, received {self.gain_db}")
        if self.codec is not None:
            _check_codec(self.codec, self.codec_quality)
        _check_bits(self.bits)


@dataclass(frozen=True)
class Codec:
    """A lossy codec alone, without a low-pass but its own.

    Parameters
    ----------
    name : str
        ``mp3``, ``vorbis``, ``opus``.
    level : float
        Compression level of libsndfile, 0 (best) to below 1 (smallest).
    constant : bool
        Constant bit rate; for MP3 only, where it is 320 - 288 * `level` kb/s.
    bits : int or None
        Word length of the rounding after it, 2 to 24, or None for none.

    Raises
    ------
    ConfigError
        A value outside its range.
    """

    name: str
    level: float
    constant: bool = False
    bits: int | None = None

    def __post_init__(self) -> None:
        _check_codec(self.name, self.level)
        if self.constant and self.name != "mp3":
            raise ConfigError(f"codec constant: expected for mp3 only, received {self.name}")
        _check_bits(self.bits)


def draw(rng: np.random.Generator, highest_hz: float) -> Degradation:
    """Draw one channel at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same channel.
    highest_hz : float
        Highest cutoff worth drawing in Hz, usually the bandwidth of the track; at least 3500.

    Returns
    -------
    Degradation
        Cutoff log-uniform from 3.5 kHz to the lower of 15.2 kHz and `highest_hz`; half brick walls and
        resamplers, half recursive filters, run once or forward and backward.

    Raises
    ------
    ConfigError
        `highest_hz` is below 3500: there is no band left to predict.
    """
    if not highest_hz >= LOWEST_CUTOFF_HZ:
        raise ConfigError(
            f"degradation highest_hz: expected {LOWEST_CUTOFF_HZ:g} or more, received {highest_hz:g}"
        )
    top_hz = min(highest_hz, HIGHEST_CUTOFF_HZ)
    cutoff_hz = min(LOWEST_CUTOFF_HZ * (top_hz / LOWEST_CUTOFF_HZ) ** rng.random(), top_hz)
    if rng.random() < SHARP_PROBABILITY:
        lowpass = Lowpass("resample" if rng.random() < RESAMPLE_PROBABILITY else "brickwall", cutoff_hz)
    else:
        kinds = list(GENTLE_FILTERS)
        family, order = kinds[rng.choice(len(kinds), p=list(GENTLE_FILTERS.values()))]
        lowpass = Lowpass(family, cutoff_hz, order, zero_phase=bool(rng.random() < ZERO_PHASE_PROBABILITY))
    bits = ROUNDING_BITS if rng.random() < ROUNDING_PROBABILITY else None
    gain_db = float(rng.uniform(*GAIN_RANGE_DB))
    if rng.random() >= CODEC_PROBABILITY:
        return Degradation(lowpass, gain_db, bits=bits)
    codec = CODECS[rng.integers(len(CODECS))]
    return Degradation(lowpass, gain_db, codec, float(rng.uniform(*CODEC_QUALITY_RANGE)), bits)


def apply(x: npt.ArrayLike, sample_rate: int, degradation: Degradation) -> tuple[Signal, Signal]:
    """Send a signal through a narrow channel.

    Parameters
    ----------
    x : array of float32, shape (channels, samples)
        Wide-band music, nominally in [-1, 1]; values beyond are kept.
    sample_rate : int
        Rate of `x` in Hz.
    degradation : Degradation
        The channel.

    Returns
    -------
    received : array of float32, shape (channels, samples)
        Gain, low-pass, codec, then rounding without dither and without clipping.
    original : array of float32, shape (channels, samples)
        `x` with the gain alone. It is never shifted: a recursive filter that ran once delays the received
        music, and that delay is part of this regime.

    Raises
    ------
    ConfigError
        The cutoff is not below half of `sample_rate`.
    AudioError
        `x` is not two-dimensional.
    """
    original = np.asarray(x, dtype=np.float32) * np.float32(10 ** (degradation.gain_db / 20))
    received = degradation.lowpass.apply(original, sample_rate)
    if degradation.codec is not None:
        received = codec_round_trip(received, sample_rate, degradation.codec, degradation.codec_quality)
    return _rounded(received, degradation.bits), original


def apply_codec(x: npt.ArrayLike, sample_rate: int, codec: Codec) -> tuple[Signal, int]:
    """Send a signal through a codec.

    Parameters
    ----------
    x : array of float32, shape (channels, samples)
    sample_rate : int
        In Hz.
    codec : Codec

    Returns
    -------
    received : array of float32, shape (channels, samples)
        As `codec_round_trip` gives it, rounded.
    size_bytes : int
        Of what was encoded, its container included; 0 for silence, which is not encoded.

    Raises
    ------
    AudioError
        `x` is not two-dimensional.
    """
    received, size_bytes = _coded(x, sample_rate, codec)
    return _rounded(received, codec.bits), size_bytes


def _rounded(x: Signal, bits: int | None) -> Signal:
    if bits is None:
        return x
    steps = np.float32(2 ** (bits - 1))
    return np.asarray(np.rint(x * steps) / steps, np.float32)


def codec_round_trip(x: npt.ArrayLike, sample_rate: int, codec: str, quality: float) -> Signal:
    """Encode and decode a signal in memory with libsndfile.

    Parameters
    ----------
    x : array of float32, shape (channels, samples)
        Any length. A signal beyond +-1 is scaled to +-1 for the codec and back. Channels are coded in pairs.
    sample_rate : int
        Rate of `x` in Hz; where the codec does not know it (Opus: all but 48 kHz), soxr converts to 48 kHz
        and back.
    codec : str
        ``mp3`` (variable bit rate), ``vorbis`` or ``opus``.
    quality : float
        Compression level of libsndfile, 0 (best) to below 1 (smallest).

    Returns
    -------
    array of float32, shape (channels, samples)
        Aligned with `x` to the sample, for libsndfile takes the delay of all three codecs out again. Silence
        stays silence.

    Raises
    ------
    ConfigError
        An unknown codec, or a quality outside [0, 1).
    AudioError
        `x` is not two-dimensional.
    """
    return _coded(x, sample_rate, Codec(codec, quality))[0]


def _coded(x: npt.ArrayLike, sample_rate: int, codec: Codec) -> tuple[Signal, int]:
    """Signal after a codec, not rounded, and the bytes that it took."""
    signal = np.asarray(x, dtype=np.float32)
    if signal.ndim != 2:
        raise AudioError(f"codec: expected a signal of shape (channels, samples), received {signal.shape}")
    if not signal.any():
        return signal.copy(), 0
    scale = max(float(np.abs(signal).max()), 1.0)
    codec_rate = sample_rate if sample_rate in CODEC_RATES[codec.name] else FALLBACK_RATE
    frames = soxr.resample(np.ascontiguousarray(signal.T) / scale, sample_rate, codec_rate)
    pairs = [
        _decode_encoded(frames[:, first : first + 2], codec_rate, codec)
        for first in range(0, frames.shape[1], 2)
    ]
    decoded = np.concatenate([pair for pair, _ in pairs], axis=1)
    received = soxr.resample(decoded, codec_rate, sample_rate).T
    missing = max(signal.shape[1] - received.shape[1], 0)
    received = np.pad(received, ((0, 0), (0, missing)))[:, : signal.shape[1]]
    received = np.ascontiguousarray(received * scale, dtype=np.float32)
    return received, sum(size_bytes for _, size_bytes in pairs)


def _decode_encoded(frames: Signal, sample_rate: int, codec: Codec) -> tuple[Signal, int]:
    """Send one or two channels of shape (samples, channels) through a codec; same shape, and the bytes."""
    container, subtype = CODEC_FORMATS[codec.name]
    memory = io.BytesIO()
    with soundfile.SoundFile(
        memory,
        "w",
        sample_rate,
        channels=frames.shape[1],
        format=container,
        subtype=subtype,
        compression_level=codec.level,
        bitrate_mode="CONSTANT" if codec.constant else None,
    ) as encoder:
        # libsndfile 1.2 overruns the stack when it gets minutes of Vorbis in one piece.
        for start in range(0, len(frames), BLOCK_FRAMES):
            encoder.write(frames[start : start + BLOCK_FRAMES])
    size_bytes = memory.seek(0, io.SEEK_END)
    memory.seek(0)
    decoded, _ = soundfile.read(memory, dtype="float32", always_2d=True)
    missing = max(len(frames) - len(decoded), 0)
    return np.pad(decoded, ((0, missing), (0, 0)))[: len(frames)], size_bytes


def _check_bits(bits: int | None) -> None:
    if bits is not None and not 2 <= bits <= 24:
        raise ConfigError(f"degradation bits: expected 2 to 24 or None, received {bits}")


def _check_codec(codec: str, quality: float) -> None:
    if codec not in CODECS:
        raise ConfigError(f"codec: expected one of {', '.join(CODECS)}, received {codec!r}")
    if not 0 <= quality < 1:
        raise ConfigError(f"codec quality: expected from 0 (best) to below 1 (smallest), received {quality}")
