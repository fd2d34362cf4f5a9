"""Pairs of received and original music: which ones a music folder gives, and how a shard is made.

Every example is a function of (seed, split, track, piece, variant) alone, whoever makes it and when.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tfbwe.band import HIGHEST_HZ

from ..degradation import drawing
from ..degradation.edges import keep_edges
from ..music.manifest import Track, read_manifest
from ..music.splits import name_hash
from .drawn import CUTOFF_MARGIN, SILENT_POWER, Batch, decoded, degraded, is_silent
from .restored import CURVE_ERROR, CUTOFF_ERROR
from .shards import EXAMPLE, PIECE_SAMPLES, SPLITS, Shard, format_description, sha256_of

CONTEXT = 8192
"""Samples before and after a piece that are degraded with it: a filter or a codec hears the music go on."""
_PURPOSE = 2
"""Keeps these random numbers apart from those of `drawn.fixed_set` and `drawn.batch`."""


@dataclasses.dataclass(frozen=True)
class Item:
    """What an example is made of: piece `piece` of a track in its variant `variant`."""

    track: Track
    piece: int
    variant: int


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
        **drawing.description(),
        "context": CONTEXT,
        "silent_power": SILENT_POWER,
        "cutoff_margin": CUTOFF_MARGIN,
        "highest_hz": HIGHEST_HZ,
        "cutoff_error": CUTOFF_ERROR,
        "curve_error": CURVE_ERROR,
    }


def loud_pieces(data: Path, track: Track, variants: int) -> list[tuple[int, int]]:
    """Piece and variant of every example of a track: where it is not silent.

    Raises
    ------
    AudioError
        If the track cannot be read.
    """
    music = decoded(data, track)
    pieces = range(-(-len(music) // PIECE_SAMPLES))
    loud = [i for i in pieces if not is_silent(_padded(music[i * PIECE_SAMPLES : (i + 1) * PIECE_SAMPLES]))]
    return [(piece, variant) for piece in loud for variant in range(variants)]


def in_random_order(items: Sequence[Item], seed: int, split: str) -> list[Item]:
    """Items of a split in the order in which the shards hold them."""
    order = np.random.default_rng((_PURPOSE, seed, SPLITS.index(split))).permutation(len(items))
    return [items[i] for i in order]


def make_pair(data: Path, item: Item, seed: int) -> Batch:
    """Make one example.

    Returns
    -------
    dict
        As `drawn.example` has it, of `PIECE_SAMPLES`; the received music as restoring leaves it.
    """
    music = _opened(data, item.track)
    start = item.piece * PIECE_SAMPLES
    first = max(0, start - CONTEXT)
    x = _padded(music[first : start + PIECE_SAMPLES + CONTEXT], start - first + PIECE_SAMPLES)
    example = degraded(_rng(seed, item), x, min(item.track.bandwidth_hz, HIGHEST_HZ), restores=True)
    return {
        name: value[start - first :][:PIECE_SAMPLES] if len(value) > 1 else value
        for name, value in example.items()
    }


def write_shard(data: Path, items: Sequence[Item], seed: int, path: Path) -> tuple[Shard, Path]:
    """Make examples and write them to a file.

    Returns
    -------
    shard : Shard
        Named as `path`.
    file : Path
        Beside `path`. It is of this attempt alone: of one that was taken for lost the worker may write on.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    keep_edges(data)
    examples = np.empty(len(items), EXAMPLE)
    for i, item in enumerate(items):
        for name, value in make_pair(data, item, seed).items():
            examples[name][i] = value
    written = path.with_name(f"{secrets.token_hex(8)}-{path.name}")
    with open(written, "wb") as file:  # not a mapping: there a full disk kills the process
        header = np.lib.format.header_data_from_array_1_0(examples)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(examples.view(np.uint8).data)
    return Shard(path.name, len(items), written.stat().st_size, sha256_of(written)), written


def _rng(seed: int, item: Item) -> np.random.Generator:
    track = item.track
    split = SPLITS.index(track.split)
    return np.random.default_rng((_PURPOSE, seed, split, name_hash(track.file), item.piece, item.variant))


@functools.lru_cache(maxsize=256)
def _opened(data: Path, track: Track) -> npt.NDArray[np.float32]:
    return decoded(data, track)


def _padded(x: npt.NDArray[np.float32], samples: int = 0) -> npt.NDArray[np.float32]:
    """Music (samples, channels) as (channels, samples), with silence after it up to `samples`."""
    return np.pad(np.asarray(x).T, [(0, 0), (0, max(0, samples - len(x)))])
