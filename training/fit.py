"""Train a network: ``python -m training.fit --model stft --preset default --data DIR --run RUN``.

The same command runs on TensorFlow, with `tf.data`, and with ``KERAS_BACKEND=jax`` on JAX. Features are computed
on the device from waveform crops.
"""

import argparse
import ast
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfbwe.errors import ConfigError, TfbweError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import keras

    from .dataset import Batch, Music
    from .presets import FitConfig


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.fit",
        description="Train a network on a music folder that has a manifest (see training.corpus).",
        epilog="example: python -m training.fit --model stft --preset default --data music --run runs/stft",
    )
    parser.add_argument("--model", required=True, choices=["stft"])
    parser.add_argument("--preset", default="default", help="default, paper or smoke")
    parser.add_argument("--data", required=True, type=Path, help="music folder with manifest.csv")
    parser.add_argument(
        "--run", required=True, type=Path, help="folder for checkpoints, configuration and curve"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--mixed-precision", action="store_true", help="bfloat16 in the network, float32 in the loss"
    )
    parser.add_argument("--workers", type=int, default=2, help="threads that draw examples (default 2)")
    parser.add_argument(
        "--set",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="override the preset: hours=50 network.bottleneck=128",
    )
    options = parser.parse_args(argv)
    try:
        fit(options)
    except TfbweError as error:
        print(f"training.fit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("training.fit: stopped; go on with --resume", file=sys.stderr)
        return 130
    return 0


def overridden(config: "FitConfig", settings: list[str]) -> "FitConfig":
    """Apply ``key=value`` settings to a configuration; unknown keys are a `ConfigError`."""
    for setting in settings:
        key, _, text = setting.partition("=")
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        group, _, name = key.rpartition(".")
        target: Any = config.network if group == "network" else config
        known = [field.name for field in dataclasses.fields(target)]
        if group not in ("", "network") or name not in known or key == "network":
            raise ConfigError(f"--set {setting}: unknown key; there are {', '.join(known)}")
        expected = getattr(target, name)
        if isinstance(expected, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(expected):
            raise ConfigError(f"--set {setting}: expected a value like {expected!r}")
        changed = dataclasses.replace(target, **{name: value})
        config = dataclasses.replace(config, network=changed) if group else changed
    return config


def fit(options: argparse.Namespace) -> None:
    """Train as the command line says."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    from . import run
    from .dataset import Music, batches, fixed_set
    from .presets import preset

    config = overridden(preset(options.model, options.preset), options.set)
    folder: Path = options.run
    checkpoint = folder / run.LAST
    _prepare(folder, config, options)
    keras.utils.set_random_seed(options.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if options.mixed_precision else "float32")
    music, held_out = Music(options.data, "train"), Music(options.data, "valid")
    print(
        f"training on {music.hours:.2f} h, validating on {held_out.hours:.2f} h of other tracks",
        file=sys.stderr,
    )

    write_features(folder, config, music, held_out)
    crop_seconds = config.crop_frames * 512 / 44100
    epochs = max(1, round(config.hours / config.epoch_hours))
    steps = max(1, round(config.epoch_hours * 3600 / crop_seconds / config.batch_size))
    if options.resume and checkpoint.exists():
        trainer = keras.models.load_model(checkpoint)
    else:
        trainer = new_trainer(config, epochs * steps)
    done = int(trainer.optimizer.iterations) // steps
    stream = batches(music, config, options.seed, done * steps, options.workers)
    trainer.fit(
        _as_dataset(stream, config),
        validation_data=(fixed_set(held_out, config, config.valid_crops), None),
        validation_batch_size=config.batch_size,
        initial_epoch=done,
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[
            run.Recorder(folder, config.batch_size * crop_seconds),
            keras.callbacks.TensorBoard(str(folder / "tensorboard")),
        ],
    )
    stream.close()


def write_features(folder: Path, config: "FitConfig", music: "Music", held_out: "Music") -> None:
    """Keep some features of training and of held-out music: export sets ranges on the ones, verifies on the others."""
    import numpy as np
    from keras import ops

    from . import run
    from .dataset import fixed_set
    from .objective import log_magnitude, normalise, spectrum

    if (folder / run.FEATURES).exists():
        return
    arrays = {}
    for split, source, count in (("train", music, 48), ("valid", held_out, 16)):
        received = fixed_set(source, config, count)["received"]
        features = normalise(log_magnitude(*spectrum(received, config.network.bins)))
        arrays[split] = ops.convert_to_numpy(features).astype(np.float16)
    temporary = folder / ("tmp-" + run.FEATURES)
    np.savez_compressed(temporary, **arrays)
    temporary.replace(folder / run.FEATURES)


def new_trainer(config: "FitConfig", steps: int) -> "keras.Model":
    """Build an untrained network with its objective, optimiser and schedule over `steps` steps."""
    import keras

    from tfbwe.models import stft_autoencoder

    from .objective import Trainer

    warmup = max(1, round(config.warmup * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
    )
    trainer = Trainer(stft_autoencoder(config.network), config.objective)
    trainer.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=config.weight_decay, clipnorm=config.clip_norm, beta_2=0.99
        ),
        jit_compile=keras.backend.backend() == "jax",
    )
    return trainer


def _prepare(folder: Path, config: "FitConfig", options: argparse.Namespace) -> None:
    """Make the run folder, or check that the one there is the one to go on with."""
    from . import run

    if (folder / run.CONFIG).exists():
        if not options.resume:
            raise ConfigError(
                f"{folder}: expected a new run folder; this one holds a run, go on with --resume"
            )
        if run.read_config(folder) != config:
            raise ConfigError(
                f"{folder}: expected the settings that the run was started with, see {run.CONFIG}"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    description = run.describe(config, options.seed, options.mixed_precision)
    run.write_atomically(folder / run.CONFIG, json.dumps(description, indent=2) + "\n")


def _as_dataset(stream: "Iterator[Batch]", config: "FitConfig") -> Any:
    """Batches as `tf.data` on TensorFlow; elsewhere Keras reads the iterator itself."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return ((batch,) for batch in stream)
    import tensorflow as tf

    from .dataset import crop_samples

    def signature(width: int) -> Any:
        return tf.TensorSpec((config.batch_size, width), tf.float32)

    wave, single = signature(crop_samples(config)), signature(1)
    spec = {"received": wave, "original": wave, "first_bin": single, "last_bin": single}
    return tf.data.Dataset.from_generator(lambda: stream, output_signature=spec).prefetch(2)


if __name__ == "__main__":
    sys.exit(main())
