"""A small music folder and a training run on it, made once for all tests that need them."""

import functools
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from training import corpus, fit

RATE = 44100
EPOCHS = 3
SETTINGS = ("--model", "stft", "--preset", "smoke", "--set", "hours=0.03")


def state(checkpoint: Path) -> list[np.ndarray]:
    """All numbers that decide how a run goes on."""
    import keras

    from training.learning.trainer import load_trainer

    trainer = load_trainer(checkpoint)
    return [keras.ops.convert_to_numpy(v) for v in [*trainer.weights, *trainer.optimizer.variables]]


def made_up_song(seed: int, seconds: float = 8.0, channels: int = 2) -> np.ndarray:
    """Noise up to Nyquist under a beat, and notes: (channels, samples) float32."""
    rng = np.random.default_rng(seed)
    n = round(seconds * RATE)
    t = np.arange(n) / RATE
    beat = np.exp(-6 * ((t * rng.uniform(1.5, 3)) % 1))
    spectrum = np.fft.rfft(rng.standard_normal((channels, n)))
    spectrum /= np.sqrt(1 + np.fft.rfftfreq(n, 1 / RATE) / 500)
    x = 0.3 * np.fft.irfft(spectrum, n) * beat
    for f_0 in rng.uniform(100, 800, 4):
        x += 0.05 * sum(np.sin(2 * np.pi * f_0 * k * t) / k for k in range(1, 12))
    return (0.5 * x / np.abs(x).max()).astype(np.float32)


def music_folder(folder: Path, songs: int = 4) -> Path:
    """Write songs, each in a folder of its own, and scan them into a manifest."""
    for i in range(songs):
        path = folder / f"artist {i}" / "song.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, made_up_song(i, channels=1 + i % 2).T, RATE)
    assert corpus.main(["scan", "--jobs", "1", str(folder)]) == 0
    return folder


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tfbwe-smoke-")


@functools.cache
def music() -> Path:
    """A folder with four songs of 8 s."""
    return music_folder(Path(_temporary().name) / "music")


@functools.cache
def run() -> Path:
    """A run folder of the preset smoke, trained for three epochs."""
    folder = Path(_temporary().name) / "run"
    assert fit.main([*SETTINGS, "--data", str(music()), "--run", str(folder)]) == 0
    return folder


@functools.cache
def restoring_run() -> Path:
    """A run folder of the preset smoke of the restoring network."""
    folder = Path(_temporary().name) / "restoring run"
    settings = ["--model", "restore", "--preset", "smoke"]
    assert fit.main([*settings, "--data", str(music()), "--run", str(folder)]) == 0
    return folder
