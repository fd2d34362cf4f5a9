"""Writing a run folder: configuration and versions, checkpoints in one step, the training curve."""

import csv
import dataclasses
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tqdm
from keras import ops

from tfbwe.atomic import replacing
from tfbwe.errors import ConfigError
from tfbwe.network.run_folder import (
    BEST,
    CONFIG,
    CURVE,
    FEATURES,
    HISTORY,
    LAST,
    RESTORE,
    network_config,
    read_description,
)
from tfbwe.restoration import statistics

from ..arguments import command
from ..provenance import git_revision, versions
from .devices import alone
from .presets import FitConfig, RestoreConfig
from .transforms import SPECTRA, features, up_to


def describe(
    config: FitConfig | RestoreConfig,
    seed: int,
    mixed_precision: bool,
    init: Path | None,
    arguments: Sequence[str] | None = None,
) -> dict[str, Any]:
    """All that says how a run came about, ready for JSON.

    `init` is the run folder whose best network it starts from; what that one says of itself is taken in.
    `arguments` are those of `training.fit`, by default those of this process.
    """
    return {
        "config": dataclasses.asdict(config),
        "seed": seed,
        "mixed_precision": mixed_precision,
        "init": None if init is None else read_description(init),
        "backend": keras.backend.backend(),
        "command": shlex.join([*command("fit").split(), *(sys.argv[1:] if arguments is None else arguments)]),
        "git_revision": git_revision(),
        "versions": versions("keras", "tensorflow", "jax", "numpy", "scipy", "soxr", "soundfile"),
    }


def read_config(run: Path) -> FitConfig | RestoreConfig:
    """Return the configuration of a run folder.

    Raises
    ------
    ConfigError
        If there is none, or if it has keys that this version does not know.
    """
    values = {**read_description(run)["config"], "network": network_config(run)}
    try:
        return (RestoreConfig if values["model"] == RESTORE else FitConfig)(**values)
    except (ConfigError, TypeError) as error:
        raise ConfigError(
            f"{run / CONFIG}: not the configuration of a run of this version: {error}"
        ) from None


def write_features(run: Path, config: FitConfig | RestoreConfig, train: Any, valid: Any) -> None:
    """Keep some features of training and of held-out music.

    Export sets the ranges of quantised values on the ones and verifies on the others. `train` and `valid` are
    what `training.examples.sources` opens.
    """
    if (run / FEATURES).exists():
        return
    arrays = {}
    for split, source, count in (("train", train, 48), ("valid", valid, 16)):
        read = _read_by(config, source.fixed_set(count))
        arrays[split] = ops.convert_to_numpy(read).astype(np.float16)
    with replacing(run / FEATURES) as temporary:
        np.savez_compressed(temporary, **arrays)


def _read_by(config: FitConfig | RestoreConfig, examples: dict[str, Any]) -> Any:
    """What the network reads of examples."""
    if isinstance(config, RestoreConfig):
        return statistics.features(examples["moments"], examples["cutoff_hz"])
    own = SPECTRA[config.model](config.network.bins)
    received = own(examples["received"])
    return features(*up_to(received, own.frequencies, examples["reach_hz"][:, None]))


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Progress line, checkpoints and training curve; after a kill at any time the folder is still whole."""

    def __init__(self, run: Path, audio_seconds_per_step: float) -> None:
        super().__init__()
        self.run = run
        self.audio_seconds_per_step = audio_seconds_per_step
        self.rows = read_history(run)
        self.best = min((float(row["val_loss"]) for row in self.rows), default=float("inf"))

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Open the progress line."""
        description = f"epoch {epoch + 1}/{self.params['epochs']}"
        self.bar = tqdm.tqdm(total=self.params["steps"], desc=description, unit="step", mininterval=1.0)
        self.started, self.steps = time.monotonic(), 0

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Advance it."""
        self.steps += 1
        self.bar.update()
        self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, {self._speed():.0f} audio s/s" if logs else "")

    def _speed(self) -> float:
        return self.steps * self.audio_seconds_per_step / max(time.monotonic() - self.started, 1e-9)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save, the best network first, then what a resumed run starts from."""
        self.bar.close()
        logs = logs or {}
        self.rows = [row for row in self.rows if int(row["epoch"]) <= epoch]
        values = {name: f"{value:.6g}" for name, value in logs.items()}
        self.rows.append(
            {"epoch": str(epoch + 1), **values, "audio_seconds_per_second": f"{self._speed():.1f}"}
        )
        if logs["val_loss"] < self.best:
            self.best = logs["val_loss"]
            with replacing(self.run / BEST) as temporary, alone():
                self.model.network.save(temporary)
        write_history(self.run, self.rows)
        draw_curve(self.run, self.rows)
        with replacing(self.run / LAST) as temporary, alone():
            self.model.save(temporary)
        tqdm.tqdm.write(
            f"epoch {epoch + 1}: loss {logs['loss']:.4f}, held-out {logs['val_loss']:.4f}", file=sys.stderr
        )


def read_history(run: Path) -> list[dict[str, str]]:
    """Rows of the training curve so far, oldest first; `ConfigError` if it is damaged."""
    path = run / HISTORY
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        for row in rows:
            numbers = {name: float(value) for name, value in row.items()}
            if int(row["epoch"]) < 1 or "val_loss" not in numbers:
                raise ValueError(f"a row of {', '.join(numbers)}")
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise ConfigError(
            f"{path}: damaged, expected the training curve of this run: {error!r}; "
            f"take another --run, with --init {run}"
        ) from None
    return rows


def write_history(run: Path, rows: list[dict[str, str]]) -> None:
    """Write the training curve as CSV."""
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    with replacing(run / HISTORY) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw_curve(run: Path, rows: list[dict[str, str]]) -> None:
    """Draw the training curve as a picture."""
    from matplotlib.figure import Figure

    epochs = [int(row["epoch"]) for row in rows]
    names = [name.removeprefix("val_") for name in rows[0] if name.startswith("val_")]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots(1, len(names))
    for axis, name in zip(axes, names, strict=True):
        axis.plot(epochs, [float(row[name]) for row in rows], label="training")
        axis.plot(epochs, [float(row["val_" + name]) for row in rows], label="held-out tracks")
        axis.set_title(name)
        axis.set_xlabel("epoch")
        axis.grid(alpha=0.3)
    axes[0].legend()
    with replacing(run / CURVE) as temporary:
        figure.savefig(temporary, dpi=120)
