"""Examples for the restoring network: statistics of music, of what a filter and noise make of them.

A filter multiplies the power of each band, noise adds to it. Moments of logarithm and square root under noise
follow from quantiles: the logarithm of a band's power is taken to be normal, that of noise too.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from tfbwe.errors import ConfigError
from tfbwe.restoration.statistics import (
    BANDS,
    CENTRES_HZ,
    FLOOR,
    LEAKAGE,
    NOISE_BIAS,
    NOISE_SPREAD,
    ROUNDING_POWER,
)
from tfbwe.stft import HOP_LENGTH, SAMPLE_RATE

from ..arguments import command
from ..degradation.responses import Response, drawn
from ..music.manifest import MANIFEST_NAME, read_manifest
from .batches import Batch, mapped
from .moments import PIECE_FRAMES, all_pieces
from .restored import CUTOFF_ERROR

FloatArray = npt.NDArray[np.float32]


def _normal(count: int) -> FloatArray:
    """Quantiles of a normal law, of spread 1."""
    places = ndtri((np.arange(count) + 0.5) / count)
    return np.asarray(places / places.std(), np.float32)


_MUSIC, _NOISE = _normal(9), _normal(3)
TOP_HZ = 20000.0
FIRST_BAND = 0.6
"""The gain is learned from this share of the cutoff on."""
TILT, WAVE = 0.3, 0.2
"""Of the random equaliser, at most, nepers. A network that must expect any timbre dares less: with four times
as much it undid half a decibel to one less, on artists held out."""
SPEED = 0.2
"""The music is played faster or slower by up to so much, nepers, which moves its spectrum up or down."""


@dataclasses.dataclass(frozen=True)
class Recording:
    """Pieces of one track, in a file.

    Attributes
    ----------
    file : Path
        With what `training.examples.moments.pieces_of` returns.
    count : int
        Of the pieces in it.
    bandwidth_hz : float
        How far up they are to be trusted.
    """

    file: Path
    count: int
    bandwidth_hz: float


def example(rng: np.random.Generator, recording: Recording, response: Response) -> Batch:
    """Draw what a filter and noise make of some seconds of a track, level, timbre and speed varied at random.

    Parameters
    ----------
    rng : numpy.random.Generator
    recording, response

    Returns
    -------
    dict of float32
        ``moments`` (4, 155), ``cutoff_hz`` (1,), the target ``log_gain`` (155,), ``weight`` (155,), the
        Wiener weight of the bands that count, and ``original`` and ``received`` (155,), power.
    """
    count = min(recording.count, int(2 ** rng.uniform(0, 4.01)))
    start = int(rng.integers(0, recording.count - count + 1))
    pieces = mapped(recording.file)  # open no longer than needed, as in `drawn.Music`
    speed = float(np.exp(rng.uniform(-SPEED, SPEED)))
    mean, log, root, square = played(pieces[start : start + count].mean(axis=0), speed)
    bandwidth_hz = 0.97 * speed * recording.bandwidth_hz
    spread = np.sqrt(np.maximum(square - log * log, 0))
    timbre = _equaliser(rng) + np.float32(rng.uniform(-13, 2) * np.log(10) / 20)
    mean, log, root = mean * np.exp(2 * timbre), log + 2 * timbre, root * np.exp(timbre)
    noise, gain, source = _noise(rng), response.log_gain, response.source
    received = mean[source] * np.exp(2 * gain)
    moments = received_moments(np.asarray([mean, log, root, spread], np.float32)[:, source], gain, noise)
    noise = noise + leaked(gain) @ mean[source]
    own = source == np.arange(BANDS)  # an image is no rest of what was there
    counts = (FIRST_BAND * response.cutoff_hz < CENTRES_HZ) & (bandwidth_hz > CENTRES_HZ)
    wiener = received / (received + noise)
    cutoff_hz = response.cutoff_hz * np.exp(CUTOFF_ERROR * rng.standard_normal())
    rows = {
        "moments": moments,
        "cutoff_hz": np.array([cutoff_hz]),
        "log_gain": -gain * own,
        "weight": wiener * counts,
        "original": mean * counts,
        "received": received * counts * own,
    }
    return {name: np.asarray(row, np.float32) for name, row in rows.items()}


def played(moments: FloatArray, speed: float) -> FloatArray:
    """Moments (4, 155) of music that is played so many times as fast, where it reaches."""
    places = (np.arange(BANDS) + 0.5) / speed - 0.5
    return np.stack([np.interp(places, np.arange(BANDS), row) for row in moments])


def leaked(log_gain: FloatArray) -> FloatArray:
    """What a filter's fall lets each band hear of others, through the window's side lobes.

    Parameters
    ----------
    log_gain : (155,) float32
        Of the filter, nepers.

    Returns
    -------
    (155, 155) float32
        Row b holds shares of the power of all bands before the filter. What a band heard of those around it
        before is in its power already, and fell with it.
    """
    power = np.exp(2 * log_gain)
    return np.asarray(LEAKAGE * np.maximum(power - power[:, None], 0), np.float32)


def received_moments(music: FloatArray, log_gain: FloatArray, noise: FloatArray) -> FloatArray:
    """Moments (4, 155) of what a filter and noise make of music.

    Parameters
    ----------
    music : (4, 155) float32
        Mean, mean of logarithm, mean of square root and spread of logarithm of the power of each band.
    log_gain : (155,) float32
        Of the filter, nepers.
    noise : (155,) float32
        Mean power of the noise, which is there all the time. What leaks from other bands moves with the
        music: a band is taken to be loud when they are.
    """
    mean, log, root, spread = music
    before = np.exp(np.clip(log[:, None] + spread[:, None] * _MUSIC, -40, 40))
    gain = np.exp(2 * log_gain)[:, None]
    leaks = leaked(log_gain)
    added = noise[:, None] * np.exp(NOISE_BIAS + NOISE_SPREAD * _NOISE)
    power = (before * gain + leaks @ before)[:, :, None] + added[:, None]
    noisy = np.log(power + FLOOR)
    # What the quantiles miss of the music's own mean of square roots.
    missed = (root - np.sqrt(before).mean(axis=1)) * np.exp(log_gain)
    rows = [
        mean * gain[:, 0] + leaks @ mean + noise,
        noisy.mean(axis=(1, 2)),
        np.sqrt(power).mean(axis=(1, 2)) + missed,
        (noisy**2).mean(axis=(1, 2)),
    ]
    return np.asarray(rows, np.float32)


def _equaliser(rng: np.random.Generator) -> FloatArray:
    """Random smooth gain, nepers: three cosines and a tilt."""
    place = np.arange(BANDS) / BANDS
    curve = rng.uniform(-TILT, TILT) * (2 * place - 1)
    for _ in range(3):
        curve = curve + WAVE * rng.uniform(0, 1) * np.cos(
            2 * np.pi * (rng.uniform(0.2, 3) * place + rng.random())
        )
    return np.asarray(curve, np.float32)


def _noise(rng: np.random.Generator) -> FloatArray:
    """Mean power of noise in each band: of 16-bit rounding mostly, else louder, or none."""
    kind = rng.random()
    if kind < 0.65:
        level = 1.0 if kind < 0.55 else 3.0  # three times with triangular dither
    elif kind < 0.8:
        return np.full(BANDS, 1e-12, np.float32)
    else:
        level = 10 ** ((rng.uniform(-95, -50) + 101) / 10)
    tilt = np.exp(rng.uniform(-1, 1) * (np.arange(BANDS) / BANDS - 0.5)) if level > 3 else 1.0
    return np.full(BANDS, ROUNDING_POWER * level, np.float32) * np.float32(tilt)


class Examples:
    """Batches for any number of steps; an example is a function of seed, step and place in the batch.

    Parameters
    ----------
    recordings : list of Recording
    filters : int
        How many are drawn, once.
    batch_size : int
    seed : tuple of int
    """

    def __init__(
        self, recordings: list[Recording], filters: int, batch_size: int, seed: tuple[int, ...]
    ) -> None:
        self._recordings, self._size, self._seed = recordings, batch_size, seed
        rng = np.random.default_rng((*seed, 1))
        self._responses = [drawn(rng) for _ in range(filters)]
        shares = np.sqrt([one.count for one in recordings])  # long tracks more often, but not by length
        self._edges = np.cumsum(shares) / shares.sum()

    def batch(self, step: int, rows: range | None = None) -> Batch:
        """Return the batch of a step: all, or the examples of some places in it."""
        found = [self._example(step, row) for row in (range(self._size) if rows is None else rows)]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _example(self, step: int, row: int) -> Batch:
        rng = np.random.default_rng((*self._seed, 2, step, row))
        recording = self._recordings[
            min(int(np.searchsorted(self._edges, rng.random())), len(self._edges) - 1)
        ]
        return example(rng, recording, self._responses[int(rng.integers(len(self._responses)))])


def opened(data: Path, split: str) -> tuple[list[Recording], float]:
    """Recordings of one split of a music folder, and how many hours they are.

    Raises
    ------
    ConfigError
        If there is no manifest, or no music in the split.
    AudioError
        If a track cannot be read.
    """
    tracks = [track for track in read_manifest(data / MANIFEST_NAME) if track.split == split]
    found = [
        Recording(file, count, min(track.bandwidth_hz, TOP_HZ))
        for track, (file, count) in zip(tracks, all_pieces(data, tracks), strict=True)
        if count
    ]
    if not found:
        raise ConfigError(
            f"{data / MANIFEST_NAME}: expected tracks of the split {split} that are not silent, there "
            f"are none; a folder of at least two tracks, scanned by {command('corpus')} scan, has both"
        )
    return found, sum(one.count for one in found) * PIECE_FRAMES * HOP_LENGTH / SAMPLE_RATE / 3600
