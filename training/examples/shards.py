"""Precomputed pairs of CQT blocks in TFRecord shards: schema, index, and how training reads them.

A folder of shards holds `schema.json`, which says what they are and how they come about, `index.json`, which
lists the finished ones with their SHA-256, and the shards, ``train-00000-of-00345.tfrecord`` and so on. Their
examples are in random order, so that reading one after the other is as good as drawing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tqdm

from tfbwe.atomic import replacing
from tfbwe.console import counted
from tfbwe.cqt import BLOCK_LENGTH
from tfbwe.errors import ConfigError
from tfbwe.stft import SAMPLE_RATE
from tfbwe.transform import TRANSFORMS, block_cqt

from ..arguments import command

FORMAT, VERSION = "tfbwe pairs of CQT blocks", 2
SCHEMA, INDEX = "schema.json", "index.json"
SPLITS = ("train", "valid")
SHARD_EXAMPLES = 64
BINS = 400
"""Bands kept, from the lowest of constant Q up: what a CQT network reads and predicts."""
BLOCK_HOURS = BLOCK_LENGTH / SAMPLE_RATE / 3600
NUMBERS = ("cutoff_hz", "reach_hz", "bandwidth_hz")
"""Of each example, Hz."""
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
    cqt = block_cqt()
    shape = [2, cqt.shape[0], BINS]
    spectrum = {"dtype": "float16", "shape": shape, "axes": "real and imaginary part, frames, bands"}
    return {
        "format": FORMAT,
        "version": VERSION,
        "transform": {**TRANSFORMS["cqt"].parameters, "bins": BINS},
        "features": {
            "received": spectrum,
            "original": spectrum,
            **{name: {"dtype": "float32", "shape": [1]} for name in NUMBERS},
            "track": {"dtype": "string", "shape": [1]},
            "block": {"dtype": "int64", "shape": [1]},
            "variant": {"dtype": "int64", "shape": [1]},
        },
    }


def shard_names(split: str, count: int) -> list[str]:
    """Names of the shards of a split, in their order."""
    return [f"{split}-{i:05d}-of-{count:05d}.tfrecord" for i in range(count)]


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
        size are checked in any case, and reading finds a damaged record by its own checksum.

    Attributes
    ----------
    examples : int
        In one pass over the data.
    hours : float
        Of music; a block counts once, however many variants of it there are.
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
        self.hours = self.examples / self.schema["variants"] * BLOCK_HOURS
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

    def dataset(self, batch_size: int, seed: int, first_example: int = 0) -> Any:
        """Endless batches in a fixed order; that of the shards is drawn anew for every pass over the data.

        Parameters
        ----------
        batch_size : int
        seed : int
            0 or more.
        first_example : int
            Examples seen already: a resumed run gets the batches that it would have got.

        Returns
        -------
        tf.data.Dataset
            Of dictionaries: ``received``, ``original`` (batch, 2, frames, bands), real and imaginary part;
            `NUMBERS` (batch, 1) Hz. All float32.
        """
        import tensorflow as tf

        signature = (tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.int64))
        files = tf.data.Dataset.from_generator(
            lambda: self._reading_order(seed, first_example), output_signature=signature
        )
        # A shard is read to its end before the next one counts, which is read ahead.
        records = files.interleave(
            lambda path, skip: tf.data.TFRecordDataset(path, buffer_size=1 << 23).skip(skip),
            cycle_length=_READS,
            block_length=max(shard.examples for shard in self._shards),
            num_parallel_calls=_READS,
            deterministic=True,
        )
        batches = records.batch(batch_size, drop_remainder=True)
        return batches.map(self._parse, num_parallel_calls=_READS, deterministic=True).prefetch(2)

    def _reading_order(self, seed: int, first_example: int) -> Iterator[tuple[str, int]]:
        """Yield paths of shards, and how many of their examples to leave out."""
        done, skip = divmod(first_example, self.examples)
        for number in itertools.count(done):
            for i in np.random.default_rng((seed, number)).permutation(len(self._shards)):
                shard = self._shards[i]
                if skip < shard.examples:
                    yield str(self.folder / shard.name), skip
                skip = max(0, skip - shard.examples)

    def _parse(self, records: Any) -> dict[str, Any]:
        """Parse serialised examples (batch,) into what `dataset` gives."""
        import tensorflow as tf

        text, number = tf.io.FixedLenFeature([], tf.string), tf.io.FixedLenFeature([1], tf.float32)
        wanted = {"received": text, "original": text, **dict.fromkeys(NUMBERS, number)}
        parsed = tf.io.parse_example(records, wanted)
        shape = self.schema["features"]["received"]["shape"]
        for name in ("received", "original"):
            flat = tf.io.decode_raw(parsed[name], tf.float16)
            parsed[name] = tf.cast(tf.reshape(flat, [-1, *shape]), tf.float32)
        return {name: parsed[name] for name in wanted}

    def fixed_batches(self, count: int, batch_size: int) -> Any:
        """Batches of the first `count` examples, read anew in every pass: hundreds would fill a gigabyte."""
        import tensorflow as tf

        paths = [str(self.folder / shard.name) for shard in self._shards]
        count = min(count, self.examples)
        batches = tf.data.TFRecordDataset(paths).take(count).batch(batch_size).map(self._parse)
        return batches.apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))

    def fixed_set(self, count: int) -> dict[str, npt.NDArray[np.float32]]:
        """Return the first `count` examples, or all if there are fewer, as one batch."""
        out: dict[str, npt.NDArray[np.float32]] = {}
        filled = 0
        for batch in self.fixed_batches(count, 16).as_numpy_iterator():
            size = len(batch["cutoff_hz"])
            for name, array in batch.items():
                out.setdefault(name, np.empty((min(count, self.examples), *array.shape[1:]), np.float32))
                out[name][filled : filled + size] = array
            filled += size
        return out
