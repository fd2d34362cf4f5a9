"""Crops of music with a degradation drawn for each: what a network sees in training.

Tracks are decoded once, into float32 arrays that are mapped, not loaded. Every example is a function of
(seed, epoch, index) alone: the same run gives the same examples on any number of threads, resumed or not.
"""

import collections
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import tqdm

from tfbwe.errors import AudioError, ConfigError
from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE

from . import degrade
from .manifest import MANIFEST_NAME, Track, read_manifest
from .presets import FitConfig

HIGHEST_TARGET_HZ = 16000.0
"""Lossy training music is not trusted above this frequency."""
CUTOFF_MARGIN = 0.8
"""A cutoff is drawn below this share of the target's bandwidth, so that something is missing."""
DECODED = ".decoded"

Batch = dict[str, npt.NDArray[np.float32]]


def decoded(data: Path, track: Track) -> npt.NDArray[np.float32]:
    """Whole track at 44.1 kHz as a mapped array (samples, channels) float32, decoded on first use."""
    name = hashlib.sha256(f"{track.file} {track.size_bytes} {track.mtime_ns}".encode()).hexdigest()[:24]
    path = data / DECODED / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        try:
            x, sample_rate = soundfile.read(data / track.file, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError) as error:
            raise AudioError(
                f"{data / track.file}: expected the sound file of the manifest; {error}"
            ) from None
        x = np.asarray(soxr.resample(x, sample_rate, SAMPLE_RATE, quality="VHQ"), np.float32)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.save(file, x)
        temporary.replace(path)
    return np.load(path, mmap_mode="r")


class Music:
    """The tracks of one split, to draw crops from.

    Parameters
    ----------
    data : Path
        Folder with a manifest, as `training.corpus` makes it.
    split : str
        ``train``, ``valid`` or ``test``.

    Raises
    ------
    ConfigError
        If the split has no track.
    """

    def __init__(self, data: Path, split: str) -> None:
        rows = [track for track in read_manifest(data / MANIFEST_NAME) if track.split == split]
        if not rows:
            raise ConfigError(f"{data / MANIFEST_NAME}: expected tracks of the split {split}; there are none")
        bar = tqdm.tqdm(rows, desc=f"decoding {split}", unit="track", disable=None)
        self.tracks = [(track, decoded(data, track)) for track in bar]
        seconds = np.array([track.seconds for track in rows])
        self.hours = float(seconds.sum() / 3600)
        self._edges = np.cumsum(seconds) / seconds.sum()

    def crop(self, rng: np.random.Generator, samples: int) -> tuple[npt.NDArray[np.float32], float]:
        """Draw a crop that is not silent, mixed down at random.

        Returns
        -------
        x : (1, samples) float32
        bandwidth_hz : float
            How far up it is to be trusted.
        """
        for _ in range(20):
            place = min(int(np.searchsorted(self._edges, rng.random())), len(self.tracks) - 1)
            track, music = self.tracks[place]
            start = int(rng.integers(0, max(1, len(music) - samples)))
            x = np.asarray(music[start : start + samples]).T
            x = np.pad(x, [(0, 0), (0, samples - x.shape[1])])
            mono = _mix_down(rng, x)
            if float(np.mean(mono**2)) > 1e-6:
                break
        return mono, min(track.bandwidth_hz, HIGHEST_TARGET_HZ)


def _mix_down(rng: np.random.Generator, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One channel, the mean of all, or a random mix."""
    kind = rng.random()
    if kind < 0.4 or len(x) == 1:
        return x[[int(rng.integers(len(x)))]]
    weights = np.ones(len(x)) if kind < 0.7 else rng.uniform(-0.3, 1.0, len(x))
    weights = weights / max(1.0, float(np.abs(weights).sum()))
    return np.asarray(weights @ x, np.float32)[None]


def crop_samples(config: FitConfig) -> int:
    """Length of a crop whose STFT has `crop_frames` frames."""
    return (config.crop_frames - 1) * HOP_LENGTH + N_FFT


def example(music: Music, config: FitConfig, key: tuple[int, ...]) -> Batch:
    """One crop with its degradation, wholly determined by `key`.

    Returns
    -------
    dict
        ``received``, ``original`` (samples,), ``first_bin``, ``last_bin`` (1,), float32; see `objective.Trainer`.
    """
    rng = np.random.default_rng(key)
    x, bandwidth_hz = music.crop(rng, crop_samples(config))
    degradation = degrade.draw(rng, CUTOFF_MARGIN * bandwidth_hz)
    received, original = degrade.apply(x, SAMPLE_RATE, degradation)
    return {
        "received": received[0],
        "original": original[0],
        "first_bin": np.array([degradation.lowpass.cutoff_hz / BIN_HZ], np.float32),
        "last_bin": np.array([bandwidth_hz / BIN_HZ - 2], np.float32),
    }


def _stack(examples: list[Batch]) -> Batch:
    return {name: np.stack([one[name] for one in examples]) for name in examples[0]}


def fixed_set(music: Music, config: FitConfig, count: int) -> Batch:
    """Examples that are the same for every run and seed: to validate on."""
    return _stack([example(music, config, (0, 1, i)) for i in range(count)])


def batches(music: Music, config: FitConfig, seed: int, first_step: int, workers: int) -> Iterator[Batch]:
    """Endless batches from `first_step` on, drawn ahead on `workers` threads, in a fixed order."""

    def batch(step: int) -> Batch:
        start = step * config.batch_size
        return _stack([example(music, config, (1, seed, start + i)) for i in range(config.batch_size)])

    with ThreadPoolExecutor(workers) as pool:
        step = first_step
        ahead: collections.deque[Future[Batch]] = collections.deque()
        try:
            while True:
                while len(ahead) < 2 * workers:
                    ahead.append(pool.submit(batch, step))
                    step += 1
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()
