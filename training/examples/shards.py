"""Precomputed pairs in shards: schema, index, and how training reads them.

A folder of shards holds `schema.json`, which says what they are and how they come about, `index.json`, which
lists the finished ones with their SHA-256, and the shards, ``train-00000-of-00345.npy`` and so on: arrays of
records, read in place. A run of any network draws from them.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tqdm

from tfbwe.atomic import replacing
from tfbwe.console import counted
from tfbwe.errors import ConfigError
from tfbwe.stft import SAMPLE_RATE

from ..arguments import command
from .batches import Batch, mapped

FORMAT, VERSION = "tfbwe pairs", 3
SCHEMA, INDEX = "schema.json", "index.json"
SPLITS = ("train", "valid")
SHARD_EXAMPLES = 64
PIECE_SAMPLES = 1 << 17
"""Of an example, 3 s: a network's crop is drawn from it."""
PIECE_HOURS = PIECE_SAMPLES / SAMPLE_RATE / 3600
SIGNALS = ("received", "original")
NUMBERS = ("cutoff_hz", "reach_hz", "bandwidth_hz")
"""Of each example, Hz."""
EXAMPLE = np.dtype(
    [
        *((name, "<f4", (PIECE_SAMPLES,)) for name in SIGNALS),
        *((name, "<f4", (1,)) for name in NUMBERS),
    ]
)
"""Record of a shard."""
_READS = 2
_MAKE = f"`{command('precompute')}`"


@dataclasses.dataclass(frozen=True)
class Shard:
    """A finished shard: an entry of the index."""

    name: str
    examples: int
    bytes: int
    sha256: str


def format_description() -> dict[str, Any]:
    """Part of the schema that a reader relies on."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "sample_rate": SAMPLE_RATE,
        "features": {
            name: {"dtype": "float32", "shape": list(EXAMPLE[name].shape)} for name in EXAMPLE.names or ()
        },
    }


def shard_names(split: str, count: int) -> list[str]:
    """Names of the shards of a split, in their order."""
    return [f"{split}-{i:05d}-of-{count:05d}.npy" for i in range(count)]


def is_shards(folder: Path) -> bool:
    """Whether a folder holds shards, finished or not."""
    return (folder / SCHEMA).is_file()


def write_json(path: Path, value: Any) -> None:
    """Write a schema or an index in one step."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def read_schema(folder: Path) -> dict[str, Any]:
    """Schema of a folder of shards; `ConfigError` if there is none or it cannot be read."""
    path = folder / SCHEMA
    if not path.is_file():
        raise ConfigError(f"{path}: expected shards, found no schema; make them with {_MAKE}")
    try:
        schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        {split: (row["examples"], row["shards"]) for split, row in schema["splits"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: damaged ({error}); take another folder and run {_MAKE}") from None
    return schema


def read_index(folder: Path) -> dict[str, Shard]:
    """Finished shards by name; none before the first. `ConfigError` if the index cannot be read."""
    path = folder / INDEX
    if not path.exists():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["shards"]
        shards = [Shard(**row) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: damaged ({error}); delete it and run {_MAKE} again") from None
    return {shard.name: shard for shard in shards}


def write_index(folder: Path, shards: dict[str, Shard]) -> None:
    """Write the index in one step, ordered by name."""
    write_json(folder / INDEX, {"shards": [dataclasses.asdict(shards[name]) for name in sorted(shards)]})


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def differences(expected: Any, received: Any, name: str = "") -> list[str]:
    """Name what differs in two schemas, as ``transform.bins is 400, not 384``."""
    if expected == received:
        return []
    if isinstance(expected, dict) and isinstance(received, dict):
        keys = [*expected, *(key for key in received if key not in expected)]
        parts = (differences(expected.get(key), received.get(key), f"{name}.{key}") for key in keys)
        return list(itertools.chain(*parts))
    return [f"{name.lstrip('.')} is {str(expected)[:40]}, not {str(received)[:40]}"]


class Shards:
    """The shards of one split.

    Parameters
    ----------
    folder : Path
        As `training.precompute` makes it.
    split : str
        ``train`` or ``valid``.
    verify : bool
        Compare the SHA-256 of every shard with the index: a second or so for each gigabyte. Existence and
        size are checked in any case.

    Attributes
    ----------
    examples : int
        In one pass over the data.
    hours : float
        Of music; a piece counts once, however many variants of it there are.
    schema : dict

    Raises
    ------
    ConfigError
        If the folder holds no shards, or not all of them, or those of another version, or a damaged one.
    """

    def __init__(self, folder: Path, split: str, verify: bool = True) -> None:
        self.schema = read_schema(folder)
        own = format_description()
        if differing := differences({key: self.schema.get(key) for key in own}, own):
            raise ConfigError(
                f"{folder / SCHEMA}: expected shards of this version; {differing[0]}; "
                f"make them anew with {_MAKE}"
            )
        if split not in self.schema["splits"]:
            raise ConfigError(f"{folder}: expected the split {' or '.join(SPLITS)}, received {split!r}")
        self.folder, self.split = folder, split
        self.examples = int(self.schema["splits"][split]["examples"])
        self.hours = self.examples / self.schema["variants"] * PIECE_HOURS
        index = read_index(folder)
        names = shard_names(split, self.schema["splits"][split]["shards"])
        missing = [name for name in names if name not in index]
        if missing:
            raise ConfigError(
                f"{folder}: expected {counted(len(names), 'shard')} of the split {split}, "
                f"{len(missing)} of them still to be made, {missing[0]} the first; go on with {_MAKE}"
            )
        self._shards = [index[name] for name in names]
        for shard in self._shards:
            self._check_size(shard)
        if verify:
            bar = tqdm.tqdm(total=len(names), desc=f"checking {split}", unit="shard", disable=None)
            with ThreadPoolExecutor(_READS) as pool, bar:
                for _ in pool.map(self._check_content, self._shards):
                    bar.update()
        self._arrays = [self._opened(shard) for shard in self._shards]
        self._starts = np.cumsum([0, *(shard.examples for shard in self._shards)])

    def _check_size(self, shard: Shard) -> None:
        path = self.folder / shard.name
        size = path.stat().st_size if path.is_file() else None
        if size != shard.bytes:
            found = "there is none" if size is None else f"it has {size}"
            raise ConfigError(
                f"{path}: damaged, expected a file of {shard.bytes} bytes, {found}; run {_MAKE} again"
            )

    def _check_content(self, shard: Shard) -> None:
        path = self.folder / shard.name
        digest = sha256_of(path)
        if digest != shard.sha256:
            raise ConfigError(
                f"{path}: damaged, expected sha256 {shard.sha256[:12]}, received {digest[:12]}; "
                f"delete it and run {_MAKE} again"
            )

    def _opened(self, shard: Shard) -> npt.NDArray[np.void]:
        """Records of a shard, read in place."""
        path = self.folder / shard.name
        try:
            records: npt.NDArray[np.void] = mapped(path)
        except Exception as error:  # NumPy raises whatever the damaged part happens to raise
            raise ConfigError(f"{path}: damaged ({error}); delete it and run {_MAKE} again") from None
        if records.dtype != EXAMPLE or records.shape != (shard.examples,):
            raise ConfigError(
                f"{path}: expected {counted(shard.examples, 'example')} as the schema has them, received "
                f"{records.shape} {records.dtype}; delete it and run {_MAKE} again"
            )
        return records

    def batch(self, samples: int, batch_size: int, seed: int, step: int, rows: range | None = None) -> Batch:
        """Examples of one step of a run: each once in every pass over the data, in an order of its own.

        Parameters
        ----------
        samples : int
            Length of a crop, up to `PIECE_SAMPLES`.
        batch_size : int
        seed, step : int
            0 or more.
        rows : range, optional
            Places in the batch whose examples are wanted; by default all.

        Returns
        -------
        dict
            As `drawn.batch` has it.
        """
        rows = range(batch_size) if rows is None else rows
        numbers = [step * batch_size + row for row in rows]
        rng = np.random.default_rng((2, seed, step))
        places = [_order(self.examples, seed, n // self.examples)[n % self.examples] for n in numbers]
        offsets = rng.integers(PIECE_SAMPLES - samples + 1, size=batch_size)
        return self._stacked(places, offsets[rows].tolist(), samples)

    def fixed_set(self, count: int, samples: int) -> Batch:
        """Return crops of examples spread over the shards, `count` or all of fewer, as one batch."""
        places = np.linspace(0, self.examples - 1, min(count, self.examples)).round().astype(int)
        return self._stacked(places.tolist(), [(PIECE_SAMPLES - samples) // 2] * len(places), samples)

    def _stacked(self, places: Sequence[int], offsets: Sequence[int], samples: int) -> Batch:
        shards = np.searchsorted(self._starts, places, "right") - 1
        records = [
            self._arrays[shard][place - self._starts[shard]]
            for shard, place in zip(shards, places, strict=True)
        ]
        signals = {
            name: np.stack(
                [
                    record[name][offset : offset + samples]
                    for record, offset in zip(records, offsets, strict=True)
                ]
            )
            for name in SIGNALS
        }
        return {**signals, **{name: np.stack([record[name] for record in records]) for name in NUMBERS}}


@functools.lru_cache(maxsize=4)
def _order(examples: int, seed: int, number: int) -> npt.NDArray[np.int64]:
    """Order of all examples in a pass over the data."""
    return np.random.default_rng((3, seed, number)).permutation(examples)
