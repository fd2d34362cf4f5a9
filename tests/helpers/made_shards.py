"""A music folder of a few pieces, and shards made of it once for all tests that read them."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.smoke import RATE, made_up_song
from training import precompute
from training.examples import shards
from training.examples.drawn import read
from training.examples.shards import PIECE_SAMPLES
from training.music.manifest import MANIFEST_NAME, Track, read_manifest, write_manifest

SHARD_EXAMPLES = 3
PIECES = {"long.wav": 3, "short.wav": 2, "held out.wav": 3}
SILENT_PIECE = 1
"""Of the track held out."""
VARIANTS = 2
EXAMPLES = {"train": 10, "valid": 4}
"""In VARIANTS variants, without the silent piece."""


def few_in_a_shard(monkeypatch) -> None:
    monkeypatch.setattr(shards, "SHARD_EXAMPLES", SHARD_EXAMPLES)


def write_music(folder: Path) -> Path:
    rows = []
    for i, (name, pieces) in enumerate(PIECES.items()):
        x = made_up_song(i, (pieces - 0.5) * PIECE_SAMPLES / RATE, channels=1 + i % 2)
        if name == "held out.wav":
            x[:, SILENT_PIECE * PIECE_SAMPLES : (SILENT_PIECE + 1) * PIECE_SAMPLES] = 0
        soundfile.write(folder / name, x.T, RATE, subtype="FLOAT")
        rows.append(
            Track(
                file=name,
                track=name,
                split="valid" if name == "held out.wav" else "train",
                bandwidth_hz=20000.0,
                sample_rate=RATE,
                channels=len(x),
                seconds=x.shape[1] / RATE,
                loudness_lufs=-20.0,
                size_bytes=(folder / name).stat().st_size,
                mtime_ns=i,
            )
        )
    write_manifest(folder / MANIFEST_NAME, rows)
    return folder


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tfbwe-shards-")


@functools.cache
def music() -> Path:
    folder = Path(_temporary().name) / "music"
    folder.mkdir()
    return write_music(folder)


def arguments(out: Path, *more: str, data: Path | None = None) -> list[str]:
    settings = ["--data", str(data or music()), "--out", str(out), "--variants", str(VARIANTS), "--jobs", "1"]
    return [*settings, *more]


@functools.cache
def made() -> Path:
    """Shards of `music`, in one process and without an interruption; not to be changed."""
    folder = Path(_temporary().name) / "shards"
    usual, shards.SHARD_EXAMPLES = shards.SHARD_EXAMPLES, SHARD_EXAMPLES
    try:
        assert precompute.main(arguments(folder)) == 0
    finally:
        shards.SHARD_EXAMPLES = usual
    return folder


def copied(to: Path) -> Path:
    shutil.copytree(made(), to)
    return to


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def records(folder: Path, split: str = "") -> np.ndarray:
    """All examples of a split, or of both, in the order of the index."""
    names = [name for name in shards.read_index(folder) if name.startswith(split)]
    return np.concatenate([np.load(folder / name) for name in names])


def keys(folder: Path) -> list[tuple[str, int]]:
    """Track and piece of every example: the one whose channels make up its original."""
    return [_key(record["original"]) for record in records(folder)]


def _key(original: np.ndarray) -> tuple[str, int]:
    found = [key for key, music in _pieces().items() if np.abs(_unmixed(original, music)).max() < 1e-4]
    assert len(found) == 1, found
    return found[0]


def _unmixed(original: np.ndarray, music: np.ndarray) -> np.ndarray:
    """What is left of a signal without any mix of the channels of music (samples, channels)."""
    weights = np.linalg.lstsq(music, original, rcond=None)[0]
    return original - music @ weights


@functools.cache
def _pieces() -> dict[tuple[str, int], np.ndarray]:
    found = {}
    for track in read_manifest(music()):
        x = read(music(), track)
        for piece in range(PIECES[track.file]):
            part = x[piece * PIECE_SAMPLES : (piece + 1) * PIECE_SAMPLES]
            found[track.file, piece] = np.pad(part, [(0, PIECE_SAMPLES - len(part)), (0, 0)])
    return found
