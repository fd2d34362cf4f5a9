"""Crops of music with a degradation drawn for each: what a network is trained on.

Tracks are decoded once, into float32 arrays that are mapped, not loaded. Every example is a function of
(seed, index) alone: the same run gives the same examples in any number of processes, resumed or not.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import joblib
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import tqdm

from tfbwe.atomic import replacing
from tfbwe.band import HIGHEST_HZ, LOWEST_CUTOFF_HZ
from tfbwe.errors import AudioError, ConfigError
from tfbwe.stft import SAMPLE_RATE

from ..arguments import command
from ..degradation import degrade, drawing
from ..degradation.edges import keep_edges
from ..music.manifest import MANIFEST_NAME, Track, read_manifest
from .batches import mapped
from .restored import found_cutoff_hz, restored

if TYPE_CHECKING:
    from ..learning.presets import FitConfig

CUTOFF_MARGIN = 0.95
"""A cutoff is drawn below this share of the target's bandwidth, so that something is missing."""
LOWEST_BANDWIDTH_HZ = LOWEST_CUTOFF_HZ / CUTOFF_MARGIN
"""A narrower track is no target: no cutoff can be drawn for it."""
SILENT_POWER = 1e-6
"""Mean square up to which a piece of music is silent, and no example."""
DECODED = ".decoded"

Batch = dict[str, npt.NDArray[np.float32]]


def read(data: Path, track: Track) -> npt.NDArray[np.float32]:
    """Whole track at 44.1 kHz, (samples, channels) float32.

    Raises
    ------
    AudioError
        If the file cannot be read, or holds no sound, or NaN or infinite samples.
    """
    try:
        x, sample_rate = soundfile.read(data / track.file, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{data / track.file}: expected the sound file of the manifest; {error}") from None
    if not len(x) or not np.isfinite(x).all():
        problem = "NaN or infinite samples" if len(x) else "no samples"
        raise AudioError(f"{data / track.file}: expected music, it holds {problem}; take it away, scan again")
    return np.asarray(soxr.resample(x, sample_rate, SAMPLE_RATE, quality="VHQ"), np.float32)


def decoded(data: Path, track: Track) -> npt.NDArray[np.float32]:
    """Whole track as a mapped array, decoded on first use; else as `read`."""
    return mapped(decoded_file(data, track))


def decoded_file(data: Path, track: Track) -> Path:
    """File of a whole track as an array, decoded on first use; else as `read`."""
    key = f"{track.file} {track.size_bytes} {track.mtime_ns}".encode(errors="surrogateescape")
    name = hashlib.sha256(key).hexdigest()[:24]
    path = data / DECODED / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        x = read(data, track)
        with replacing(path) as temporary:
            np.save(temporary, x)
    return path


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
        If there is no manifest, or the split has no track.
    AudioError
        If a track cannot be read.

    Notes
    -----
    A track too narrow for any cutoff to be drawn below its bandwidth is left out, with a line saying so.
    """

    def __init__(self, data: Path, split: str) -> None:
        self.data, rows = data, []
        for track in read_manifest(data / MANIFEST_NAME):
            if track.split != split:
                continue
            if track.bandwidth_hz >= LOWEST_BANDWIDTH_HZ:
                rows.append(track)
                continue
            print(
                f"left out: {track.file}: bandwidth {track.bandwidth_hz:.0f} Hz, "
                f"training needs {LOWEST_BANDWIDTH_HZ:.0f} Hz",
                file=sys.stderr,
            )
        if not rows:
            raise ConfigError(
                f"{data / MANIFEST_NAME}: expected tracks of the split {split}, there are none; "
                f"a folder of at least two tracks, scanned by {command('corpus')} scan, has both"
            )
        work = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")(
            joblib.delayed(decoded_file)(data, track) for track in rows
        )
        bar = tqdm.tqdm(work, total=len(rows), desc=f"decoding {split}", unit="track", disable=None)
        self.tracks = list(zip(rows, bar, strict=True))
        seconds = np.array([track.seconds for track in rows])
        self.hours = float(seconds.sum() / 3600)
        self._edges = np.cumsum(seconds) / seconds.sum()

    def crop(self, rng: np.random.Generator, samples: int) -> tuple[npt.NDArray[np.float32], float]:
        """Draw a crop that is not silent.

        Returns
        -------
        x : (channels, samples) float32
        bandwidth_hz : float
            How far up it is to be trusted.
        """
        for _ in range(20):
            place = min(int(np.searchsorted(self._edges, rng.random())), len(self.tracks) - 1)
            track, file = self.tracks[place]
            music = mapped(file)  # open no longer than needed: there may be many thousands
            start = int(rng.integers(0, max(1, len(music) - samples)))
            x = np.asarray(music[start : start + samples]).T
            x = np.pad(x, [(0, 0), (0, samples - x.shape[1])])
            if not is_silent(x):
                break
        return x, min(track.bandwidth_hz, HIGHEST_HZ)


def is_silent(x: npt.NDArray[np.float32]) -> bool:
    """Whether music (channels, samples) is no example."""
    return float(np.mean(x**2)) <= SILENT_POWER


def example(music: Music, config: FitConfig, key: tuple[int, ...]) -> Batch:
    """One crop with its degradation, wholly determined by `key`.

    Returns
    -------
    dict
        ``received``, ``original`` (samples,), ``cutoff_hz``, ``reach_hz``, ``bandwidth_hz`` (1,), float32, as
        `objective.Trainer` takes them. Where the network reads what was restored, ``received`` is that.
    """
    keep_edges(music.data)
    rng = np.random.default_rng(key)
    return degraded(rng, *music.crop(rng, config.crop_samples), config.restores)


def degraded(
    rng: np.random.Generator, x: npt.NDArray[np.float32], bandwidth_hz: float, restores: bool
) -> Batch:
    """Example of a piece of music (channels, samples), good up to `bandwidth_hz`; what `example` returns."""
    degradation = drawing.draw(rng, CUTOFF_MARGIN * bandwidth_hz, len(x))
    received, original = degrade.apply(x, SAMPLE_RATE, degradation)
    cutoff_hz, reach_hz = degrade.cutoff_hz_of(degradation, len(x)), SAMPLE_RATE / 2
    if restores:
        cutoff_hz = found_cutoff_hz(rng, cutoff_hz)
        received, reach_hz = restored(rng, received, degrade.lowpass_of(degradation), cutoff_hz)
    return {
        "received": received[0],
        "original": original[0],
        "cutoff_hz": np.array([cutoff_hz], np.float32),
        "reach_hz": np.array([reach_hz], np.float32),
        "bandwidth_hz": np.array([bandwidth_hz], np.float32),
    }


def _stack(examples: list[Batch]) -> Batch:
    return {name: np.stack([one[name] for one in examples]) for name in examples[0]}


def fixed_set(music: Music, config: FitConfig, count: int) -> Batch:
    """Examples that are the same for every run and seed: to validate on."""
    return _stack([example(music, config, (0, 1, i)) for i in range(count)])


def batch(music: Music, config: FitConfig, seed: int, step: int, rows: range | None = None) -> Batch:
    """Examples of one step of a run: all, or those of some places in the batch."""
    size = config.batch_size
    places = range(size) if rows is None else rows
    return _stack([example(music, config, (1, seed, step * size + i)) for i in places])
