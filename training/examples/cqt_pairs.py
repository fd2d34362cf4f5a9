"""Pairs of received and original CQT blocks: which ones a music folder gives, and how a shard is made.

Every example is a function of (seed, split, track, block, variant) alone, whoever makes it and when.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tfbwe.band import HIGHEST_HZ
from tfbwe.cqt import BLOCK_LENGTH
from tfbwe.cqt.stream import block_window, default_overlap
from tfbwe.network.quiet import quiet
from tfbwe.transform import block_cqt

from ..degradation import degrade
from ..music.manifest import Track, read_manifest
from ..music.splits import name_hash
from .drawn import CUTOFF_MARGIN, SILENT_POWER, decoded, degraded, mix_down
from .restored import CURVE_ERROR, CUTOFF_ERROR
from .shards import BINS, NUMBERS, SPLITS, Shard, format_description, sha256_of

CONTEXT = 4096
"""Samples before and after a block that are degraded with it, so that a filter sees the music go on."""
_PURPOSE = 2
"""Keeps these random numbers apart from those of `dataset.fixed_set` and `dataset.Batches`."""
_WATCH_S = 0.5
_LARGEST = float(np.finfo(np.float16).max)


_Result = TypeVar("_Result")


@dataclasses.dataclass(frozen=True)
class Item:
    """What an example is made of: block `block` of a track in its variant `variant`."""

    track: Track
    block: int
    variant: int


def example_bytes() -> int:
    """Bytes of an example in a shard, near enough: the spectra of a pair."""
    return 2 * 2 * block_cqt().shape[0] * BINS * np.dtype(np.float16).itemsize + 1024


def description(data: Path, seed: int, variants: int) -> dict[str, Any]:
    """Everything that decides the content of the shards: their schema, but for what only work brings out.

    Raises
    ------
    ConfigError
        If the music folder has no manifest, or one that cannot be read.
    """
    digest = hashlib.sha256()
    for track in sorted(read_manifest(data), key=lambda row: row.file):
        if track.split in SPLITS:
            row = (track.file, track.split, track.bandwidth_hz, track.size_bytes, track.mtime_ns)
            digest.update(repr(row).encode())
    return {
        **format_description(),
        "seed": seed,
        "variants": variants,
        "degradation": _degradation(),
        "music_sha256": digest.hexdigest(),
    }


def _degradation() -> dict[str, Any]:
    """All that the degradation of an example depends on."""
    return {
        **degrade.description(),
        "context": CONTEXT,
        "silent_power": SILENT_POWER,
        "cutoff_margin": CUTOFF_MARGIN,
        "highest_hz": HIGHEST_HZ,
        "cutoff_error": CUTOFF_ERROR,
        "curve_error": CURVE_ERROR,
    }


def loud_blocks(data: Path, track: Track, seed: int, variants: int) -> list[tuple[int, int]]:
    """Block and variant of every example of a track: where the mix is not silent.

    Raises
    ------
    AudioError
        If the track cannot be read.
    """
    music = decoded(data, track)
    found = []
    for block in range(-(-len(music) // BLOCK_LENGTH)):
        start = block * BLOCK_LENGTH
        x = np.asarray(music[start : start + BLOCK_LENGTH]).T
        for variant in range(variants):
            mono = mix_down(_rng(seed, Item(track, block, variant)), x)
            if float(np.sum(mono**2)) / BLOCK_LENGTH > SILENT_POWER:
                found.append((block, variant))
    return found


def in_random_order(items: Sequence[Item], seed: int, split: str) -> list[Item]:
    """Items of a split in the order in which the shards hold them."""
    order = np.random.default_rng((_PURPOSE, seed, SPLITS.index(split))).permutation(len(items))
    return [items[i] for i in order]


def make_pair(data: Path, item: Item, seed: int) -> dict[str, npt.NDArray[Any]]:
    """Make one example.

    Returns
    -------
    dict
        ``received``, ``original`` (2, frames, bands) float16, real and imaginary part of the coefficients of
        the windowed block, the received one as restoring leaves it; `NUMBERS` (1,) float32.
    """
    music = _opened(data, item.track)
    start = item.block * BLOCK_LENGTH
    first = max(0, start - CONTEXT)
    x = np.asarray(music[first : start + BLOCK_LENGTH + CONTEXT]).T
    missing = max(0, start - first + BLOCK_LENGTH - x.shape[1])
    rng = _rng(seed, item)
    mono = np.pad(mix_down(rng, x), [(0, 0), (0, missing)])
    example = degraded(rng, mono, min(item.track.bandwidth_hz, HIGHEST_HZ), restores=True)
    spectra = {
        name: spectrum(example[name][start - first :][:BLOCK_LENGTH]) for name in ("received", "original")
    }
    return {**example, **spectra}


def spectrum(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """CQT of a block (BLOCK_LENGTH,) under its window, (2, frames, bands) float16, never infinite."""
    cqt = block_cqt()
    bands = slice(cqt.constant_q.start, cqt.constant_q.start + BINS)
    coefficients = cqt.forward(block * _window())[:, bands]
    out = np.empty((2, *coefficients.shape), np.float16)
    for part, values in zip(out, (coefficients.real, coefficients.imag), strict=True):
        part[...] = np.clip(values, -_LARGEST, _LARGEST)
    return out


def write_shard(data: Path, items: Sequence[Item], seed: int, path: Path) -> Shard:
    """Make examples and write them to a TFRecord file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with quiet():
        import tensorflow as tf

    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for item in items:
                writer.write(_serialised(make_pair(data, item, seed), item))
    except tf.errors.ResourceExhaustedError:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
    except tf.errors.OpError as error:
        raise OSError(errno.EIO, error.message.rpartition("; ")[2], str(path)) from None
    return Shard(path.name, len(items), path.stat().st_size, sha256_of(path))


def work_for(parent: int, function: Callable[..., _Result], *arguments: Any) -> _Result:
    """Call a function in a process that ends when the one that gave it the work, `parent`, is killed."""
    if os.getppid() == parent:
        _end_with(parent)
    return function(*arguments)


@functools.cache
def _end_with(parent: int) -> None:
    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _serialised(pair: dict[str, npt.NDArray[Any]], item: Item) -> bytes:
    from tensorflow.train import BytesList, Example, Feature, Features, FloatList, Int64List

    def text(value: bytes) -> Any:
        return Feature(bytes_list=BytesList(value=[value]))

    feature = {
        "received": text(pair["received"].astype("<f2", copy=False).tobytes()),
        "original": text(pair["original"].astype("<f2", copy=False).tobytes()),
        **{name: Feature(float_list=FloatList(value=pair[name])) for name in NUMBERS},
        "track": text(item.track.file.encode(errors="surrogateescape")),
        "block": Feature(int64_list=Int64List(value=[item.block])),
        "variant": Feature(int64_list=Int64List(value=[item.variant])),
    }
    serialised = Example(features=Features(feature=feature)).SerializeToString(deterministic=True)
    return bytes(serialised)


def _rng(seed: int, item: Item) -> np.random.Generator:
    track = item.track
    split = SPLITS.index(track.split)
    return np.random.default_rng((_PURPOSE, seed, split, name_hash(track.file), item.block, item.variant))


@functools.lru_cache(maxsize=256)
def _opened(data: Path, track: Track) -> npt.NDArray[np.float32]:
    return decoded(data, track)


@functools.cache
def _window() -> npt.NDArray[np.float32]:
    return block_window(BLOCK_LENGTH, default_overlap(BLOCK_LENGTH))
