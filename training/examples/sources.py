"""Where training takes its examples from: drawn from music or its statistics, or read from shards."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from tfbwe.errors import ConfigError

from ..learning.presets import FitConfig, RestoreConfig
from .batches import Batch, Batches
from .drawn import Music, batch, fixed_set
from .restoration import Examples, opened
from .shards import PIECE_SAMPLES, Shards, is_shards


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

    @contextlib.contextmanager
    def batches(self, seed: int, first_step: int, workers: int, rows: range | None = None) -> Iterator[Any]:
        """Give what `keras.Model.fit` reads: endless batches from that of number `first_step` on.

        `rows` are the places in each batch whose examples are wanted, by default all.
        """
        draw = functools.partial(batch, self._music, self._config, seed, rows=rows)
        with _streamed(draw, first_step, workers) as dataset:
            yield dataset


class FromShards:
    """Examples of one split of a folder of shards; attributes and methods as `FromMusic`."""

    def __init__(self, data: Path, split: str, config: FitConfig) -> None:
        if not config.restores:
            raise ConfigError(
                f"{data}: holds music as restoring leaves it; the objective {config.objective} wants what "
                "was received: give it a music folder"
            )
        if config.crop_samples > PIECE_SAMPLES:
            raise ConfigError(
                f"{data}: holds pieces of {PIECE_SAMPLES} samples; expected crops up to as long, received "
                f"{config.crop_samples}: take fewer crop_frames"
            )
        self._shards, self._config = Shards(data, split), config
        self.hours = self._shards.hours

    def fixed_set(self, count: int) -> Batch:
        """Return examples that are the same for every run and seed."""
        return self._shards.fixed_set(count, self._config.crop_samples)

    @contextlib.contextmanager
    def batches(self, seed: int, first_step: int, workers: int, rows: range | None = None) -> Iterator[Any]:
        """Give what `keras.Model.fit` reads; see `FromMusic`."""
        its = self._config
        draw = functools.partial(self._shards.batch, its.crop_samples, its.batch_size, seed, rows=rows)
        with _streamed(draw, first_step, workers, processes=False) as dataset:
            yield dataset


class FromStatistics:
    """Examples for the restoring network of one split of a music folder; as `FromMusic`."""

    def __init__(self, data: Path, split: str, config: RestoreConfig) -> None:
        if is_shards(data):
            raise ConfigError(f"{data}: expected a music folder, not shards")
        self._recordings, self.hours = opened(data, split)
        self._config, self._split = config, split

    def fixed_set(self, count: int) -> Batch:
        """Return examples that are the same for every run and seed."""
        # Filters of a seed of their own: held-out music goes through filters that training did not see.
        filters = self._config.filters if self._split == "train" else max(1, self._config.filters // 10)
        return Examples(self._recordings, filters, count, (0, int(self._split == "train"))).batch(0)

    @contextlib.contextmanager
    def batches(self, seed: int, first_step: int, workers: int, rows: range | None = None) -> Iterator[Any]:
        """Give what `keras.Model.fit` reads; see `FromMusic`."""
        own = Examples(self._recordings, self._config.filters, self._config.batch_size, (1, seed))
        with _streamed(functools.partial(own.batch, rows=rows), first_step, workers) as dataset:
            yield dataset


Source = FromMusic | FromShards | FromStatistics


def examples(data: Path, split: str, config: FitConfig | RestoreConfig) -> Source:
    """Open one split of a music folder with a manifest, or of a folder of shards."""
    if isinstance(config, RestoreConfig):
        return FromStatistics(data, split, config)
    return (FromShards if is_shards(data) else FromMusic)(data, split, config)


@contextlib.contextmanager
def _streamed(
    draw: Callable[[int], Batch], first_step: int, workers: int, processes: bool = True
) -> Iterator[Any]:
    """Batches as `tf.data` on TensorFlow; elsewhere Keras reads the iterator itself."""
    streams: list[Batches] = []
    with contextlib.ExitStack() as opened:

        def stream() -> Batches:
            new = Batches(draw, first_step, workers, processes)
            streams.append(opened.enter_context(contextlib.closing(new)))
            return new

        if keras.backend.backend() != "tensorflow":
            yield ((batch,) for batch in stream())
            return
        import tensorflow as tf

        shapes = {name: array.shape for name, array in draw(first_step).items()}
        signature = {name: tf.TensorSpec(shape, tf.float32) for name, shape in shapes.items()}
        try:
            # With several devices Keras takes a batch away first, then opens the dataset once more.
            yield tf.data.Dataset.from_generator(stream, output_signature=signature).prefetch(2)
        except Exception:
            for failure in filter(None, (one.failure for one in streams)):
                raise failure from None  # TensorFlow wraps what ends an iterator in an error of its own
            raise
