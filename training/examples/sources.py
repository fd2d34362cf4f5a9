"""Where training takes its examples from: drawn from music, or read from precomputed shards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from tfbwe.errors import ConfigError

from ..learning.presets import FitConfig
from .drawn import Batch, Batches, Music, fixed_set
from .shards import BINS, Shards, is_shards


class FromMusic:
    """Examples of one split of a music folder, drawn anew each time.

    Attributes
    ----------
    hours : float
        Of music.
    """

    def __init__(self, data: Path, split: str, config: FitConfig) -> None:
        self._music, self._config = Music(data, split), config
        self.hours = self._music.hours

    def fixed_set(self, count: int) -> Batch:
        """Return examples that are the same for every run and seed."""
        return fixed_set(self._music, self._config, count)

    def validation(self, count: int) -> Any:
        """Give what `keras.Model.fit` validates on: the same examples for every run and seed."""
        return self.fixed_set(count), None

    @contextlib.contextmanager
    def batches(self, seed: int, first_step: int, workers: int) -> Iterator[Any]:
        """Give what `keras.Model.fit` reads: endless batches from that of number `first_step` on."""
        stream = Batches(self._music, self._config, seed, first_step, workers)
        try:
            yield _as_dataset(stream, self._config)
        finally:
            stream.close()


class FromShards:
    """Examples of one split of a folder of shards; attributes and methods as `FromMusic`."""

    def __init__(self, data: Path, split: str, config: FitConfig) -> None:
        if config.model != "cqt" or config.network.bins != BINS:
            raise ConfigError(
                f"{data}: holds constant-Q blocks of {BINS} bands; expected a network for them, "
                f"received one for {config.network.bins} bins of the {config.model}; give it a music folder"
            )
        self._shards, self._config = Shards(data, split), config
        self.hours = self._shards.hours

    def fixed_set(self, count: int) -> Batch:
        """Return the first examples."""
        return self._shards.fixed_set(count)

    def validation(self, count: int) -> Any:
        """Give the first examples, read again for every validation."""
        return self._shards.fixed_batches(count, self._config.batch_size)

    @contextlib.contextmanager
    def batches(self, seed: int, first_step: int, workers: int) -> Iterator[Any]:
        """Give batches in random order; reading is `tf.data`'s, whatever the number of `workers`."""
        size = self._config.batch_size
        yield self._shards.dataset(size, seed, first_step * size)


def examples(data: Path, split: str, config: FitConfig) -> FromMusic | FromShards:
    """Open one split of a music folder with a manifest, or of a folder of shards."""
    return (FromShards if is_shards(data) else FromMusic)(data, split, config)


def _as_dataset(stream: Batches, config: FitConfig) -> Any:
    """Batches as `tf.data` on TensorFlow; elsewhere Keras reads the iterator itself."""
    if keras.backend.backend() != "tensorflow":
        return ((batch,) for batch in stream)
    import tensorflow as tf

    def signature(width: int) -> Any:
        return tf.TensorSpec((config.batch_size, width), tf.float32)

    wave, single = signature(config.crop_samples), signature(1)
    spec = {"received": wave, "original": wave, "cutoff_hz": single, "bandwidth_hz": single}
    return tf.data.Dataset.from_generator(lambda: stream, output_signature=spec).prefetch(2)
