"""A day of sound: songs that change, band limits that change, silences, noise, full scale, losses.

All of it follows from a seed, so that a part can be made again instead of being kept.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.signal
import soundfile
from numpy.typing import NDArray

from tfbwe.audio.resampler import Resampler
from tfbwe.stft import SAMPLE_RATE

CHUNK = 65536
"""Samples that are made at a time."""
ALIGNED = 49152
"""Samples after which a decoder's hops, blocks, carriers and turns of the restoring network begin anew."""
_TAPS = 4097
_SUFFIXES = (".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav")
_KINDS = {
    "song": (0.76, 300),
    "silence": (0.07, 600),
    "noise": (0.05, 60),
    "full scale": (0.06, 60),
    "loud": (0.01, 5),
    "faint": (0.02, 60),
    "lost": (0.03, 20),
}
"""Of each kind, its share of the segments, and how many seconds one may last."""
_WALLS_HZ, _GENTLE_HZ = (3600, 5000, 6500, 11000, 14000, 16000), (4500, 6000, 9000, 12000)

Samples = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Segment:
    """A stretch of one kind.

    Attributes
    ----------
    kind : str
        ``song``, ``silence``, ``noise``, ``full scale`` (a song, clipped), ``loud`` (thirty times full
        scale), ``faint`` (denormal numbers) or ``lost``, which stands for samples that did not arrive.
    samples : int
    filter : str
        ``wall``, ``gentle``, or nothing.
    cutoff_hz : float
    gain : float
    seed : int
        Of noise, and of where a song begins.
    songs : tuple of Path
        Played one after the other, as long as needed.
    """

    kind: str
    samples: int
    filter: str = ""
    cutoff_hz: float = 0.0
    gain: float = 1.0
    seed: int = 0
    songs: tuple[Path, ...] = ()

    def chunks(self, channels: int) -> Iterator[Samples]:
        """Yield the sound, (channels, at most CHUNK) float32."""
        rng = np.random.default_rng(self.seed)
        filtered = _Filter(self.filter, self.cutoff_hz, channels)
        songs = _played(self.songs, rng, channels) if self.songs else iter(())
        for start in range(0, self.samples, CHUNK):
            shape = (channels, min(CHUNK, self.samples - start))
            if self.kind in ("silence", "lost"):
                x = np.zeros(shape, np.float32)
            elif self.kind == "noise":
                x = filtered(0.2 * rng.standard_normal(shape))
            elif self.kind == "faint":
                x = (1e-39 * rng.standard_normal(shape)).astype(np.float32)
            else:
                x = filtered(self.gain * next(songs)[:, : shape[1]])
                x = np.clip(x, -1, 1) if self.kind == "full scale" else x
            yield x


class _Filter:
    """A low-pass that goes on from chunk to chunk: a wall 70 Hz wide, or a recursive filter of order 5."""

    def __init__(self, kind: str, cutoff_hz: float, channels: int) -> None:
        self._kind = kind
        if kind == "wall":
            taps = scipy.signal.firwin(_TAPS, cutoff_hz, window=("kaiser", 10.0), fs=SAMPLE_RATE)
            self._response = scipy.fft.rfft(taps.astype(np.float32), CHUNK + _TAPS - 1)
            self._past = np.zeros((channels, _TAPS - 1), np.float32)
        if kind == "gentle":
            self._sections = scipy.signal.butter(5, cutoff_hz, output="sos", fs=SAMPLE_RATE)
            self._state = np.zeros((len(self._sections), channels, 2))

    def __call__(self, x: NDArray[np.floating]) -> Samples:
        x = x.astype(np.float32)
        if self._kind == "wall":
            line = np.concatenate([self._past, x], axis=1)
            self._past = line[:, x.shape[1] :]
            length = CHUNK + _TAPS - 1
            y = scipy.fft.irfft(scipy.fft.rfft(line, length) * self._response, length)
            return np.asarray(y[:, _TAPS - 1 : line.shape[1]], np.float32)
        if self._kind == "gentle":
            y, self._state = scipy.signal.sosfilt(self._sections, x, axis=-1, zi=self._state)
            return y.astype(np.float32)
        return x


def _played(songs: Sequence[Path], rng: np.random.Generator, channels: int) -> Iterator[Samples]:
    """Whole chunks of songs in a row, again and again, the first from a place inside it."""
    rest, offset = np.zeros((channels, 0), np.float32), float(rng.uniform(0, 0.7))
    while True:
        for path in songs:
            with soundfile.SoundFile(path) as file:
                resampler = Resampler(file.samplerate, SAMPLE_RATE, channels)
                file.seek(int(offset * file.frames))
                offset = 0.0
                for block in file.blocks(CHUNK, dtype="float32", always_2d=True):
                    x = resampler.process(_of(block.T, channels))
                    rest = np.concatenate([rest, x], axis=1)
                    while rest.shape[1] >= CHUNK:
                        yield rest[:, :CHUNK]
                        rest = rest[:, CHUNK:]


def _of(x: Samples, channels: int) -> Samples:
    """A song with so many channels, 1 or 2."""
    if channels == 1:
        return np.asarray(x.mean(axis=0, keepdims=True), np.float32)
    return np.ascontiguousarray(x[:2] if len(x) > 1 else np.repeat(x, 2, axis=0))


def songs_of(folder: Path) -> list[Path]:
    """Sound files of a folder and those below it."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def programme(songs: Sequence[Path], seed: int) -> Iterator[Segment]:
    """Yield segments without end: each song comes once before any comes again."""
    rng = np.random.default_rng(seed)
    waiting: list[Path] = []
    while True:
        kind = str(rng.choice(list(_KINDS), p=[share for share, _ in _KINDS.values()]))
        seconds = float(rng.uniform(0.2, 1)) * _KINDS[kind][1]
        while len(waiting) < 2:
            waiting += [songs[i] for i in rng.permutation(len(songs))]
        played = (waiting.pop(0), waiting.pop(0)) if kind in ("song", "full scale", "loud") else ()
        filtered = str(rng.choice(["wall", "gentle", ""], p=[0.5, 0.35, 0.15]))
        cutoffs = {"wall": _WALLS_HZ, "gentle": _GENTLE_HZ, "": (0,)}[filtered]
        gain = {"full scale": 8.0, "loud": 30.0}.get(kind, float(10 ** rng.uniform(-1.5, 0)))
        yield Segment(
            kind,
            round(seconds * SAMPLE_RATE),
            filtered,
            float(rng.choice(cutoffs)),
            gain,
            int(rng.integers(2**31)),
            played,
        )


def passage(songs: Sequence[Path], seconds: float, seed: int) -> tuple[Segment, Segment, Segment]:
    """Return what decoders are compared on: a pause, music behind a wall, others behind a gentle filter."""
    rng = np.random.default_rng(seed)
    first, second = (tuple(songs[i] for i in rng.integers(len(songs), size=3)) for _ in range(2))
    count, pause = round(seconds * SAMPLE_RATE / ALIGNED) * ALIGNED, SAMPLE_RATE
    return (
        Segment("silence", pause),
        Segment("song", count // 2 - pause, "wall", 8000.0, 0.5, seed, first),
        Segment("song", count - count // 2, "gentle", 5500.0, 0.5, seed, second),
    )
