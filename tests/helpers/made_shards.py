"""A music folder of a few blocks, and shards made of it once for all tests that read them."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.smoke import RATE, made_up_song
from tfbwe.cqt import BLOCK_LENGTH
from training import precompute
from training.examples import shards
from training.music.manifest import MANIFEST_NAME, Track, write_manifest

SHARD_EXAMPLES = 3
BLOCKS = {"long.wav": 5, "short.wav": 2, "held out.wav": 4}
SILENT_BLOCK = 2
"""Of the track held out."""
VARIANTS = 2
EXAMPLES = {"train": 14, "valid": 6}
"""In VARIANTS variants, without the silent block."""


def few_in_a_shard(monkeypatch) -> None:
    monkeypatch.setattr(shards, "SHARD_EXAMPLES", SHARD_EXAMPLES)


def write_music(folder: Path) -> Path:
    rows = []
    for i, (name, blocks) in enumerate(BLOCKS.items()):
        x = made_up_song(i, (blocks - 0.5) * BLOCK_LENGTH / RATE, channels=1 + i % 2)
        if name == "held out.wav":
            x[:, SILENT_BLOCK * BLOCK_LENGTH : (SILENT_BLOCK + 1) * BLOCK_LENGTH] = 0
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


def records(folder: Path) -> list:
    """Features of all examples, `tf.train.Features`, in the order of the index."""
    import tensorflow as tf

    found = []
    for name in shards.read_index(folder):
        for record in tf.data.TFRecordDataset(str(folder / name)).as_numpy_iterator():
            found.append(tf.train.Example.FromString(record).features.feature)
    return found


def keys(folder: Path) -> list[tuple[str, int, int]]:
    """Track, block and variant of every example."""
    return [
        (
            feature["track"].bytes_list.value[0].decode(),
            feature["block"].int64_list.value[0],
            feature["variant"].int64_list.value[0],
        )
        for feature in records(folder)
    ]


def spectrum(feature, name: str) -> np.ndarray:
    return np.frombuffer(feature[name].bytes_list.value[0], "<f2").reshape(2, 448, shards.BINS)
