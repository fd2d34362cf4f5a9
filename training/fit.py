"""Train a network: ``python -m training.fit --model stft --preset default --data DIR --run RUN``.

The same command runs on TensorFlow, with `tf.data`, and with ``KERAS_BACKEND=jax`` on JAX. Features are
computed on the device from waveform crops, or for CQT models read from the shards of `training.precompute`.
"""

import argparse
import ast
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfbwe.atomic import replacing
from tfbwe.console import counted
from tfbwe.errors import ConfigError, ModelError, TfbweError
from tfbwe.network.quiet import quiet

from .arguments import command, module, positive, whole_number

if TYPE_CHECKING:
    import keras

    from .examples.sources import FromMusic, FromShards
    from .learning.presets import FitConfig

    Examples = FromMusic | FromShards


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=command("fit"),
        description=f"Train a network on a music folder that has a manifest (see {module('corpus')}).",
        epilog=f"example: {command('fit')} --model stft --preset default --data music --run runs/stft",
        allow_abbrev=False,
    )
    parser.add_argument("--model", required=True, choices=["stft", "cqt"])
    parser.add_argument("--preset", default="default", help="default, paper or smoke")
    parser.add_argument("--data", required=True, type=Path, help="music folder with manifest.csv, or shards")
    parser.add_argument(
        "--run", required=True, type=Path, help="folder for checkpoints, configuration and curve"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
    parser.add_argument("--init", type=Path, metavar="RUN", help="start from the best network of another run")
    parser.add_argument("--seed", type=whole_number, default=0, help="of weights and crops (default 0)")
    parser.add_argument(
        "--mixed-precision", action="store_true", help="bfloat16 in the network, float32 in the loss"
    )
    parser.add_argument("--workers", type=positive, default=2, help="threads that draw examples (default 2)")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override the preset: hours=50 network.bottleneck=128",
    )
    options = parser.parse_args(argv)
    options.arguments = argv
    try:
        fit(options)
    except TfbweError as error:
        return _failed(str(error))
    except ModuleNotFoundError as error:
        return _failed(f"needs {error.name}: pip install 'tfbwe[train]'")
    except OSError as error:
        return _failed(f"{error.filename or options.run}: {error.strerror or error}")
    except KeyboardInterrupt:
        print(f"{module('fit')}: stopped; go on with --resume", file=sys.stderr)
        return 130
    return 0


def _failed(message: str) -> int:
    print(f"{module('fit')}: {' '.join(message.split())}", file=sys.stderr)
    return 1


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
    _check_folders(options)
    with quiet():
        import keras

        logs = _logs(options.run)

    from tfbwe.stft import SAMPLE_RATE

    from .learning import run
    from .learning.presets import preset

    config = overridden(preset(options.model, options.preset), options.set)
    folder: Path = options.run
    _refuse_other_run(folder, config, options)
    keras.utils.set_random_seed(options.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if options.mixed_precision else "float32")
    resumed = options.resume and (folder / run.LAST).exists()
    crop_seconds = config.crop_samples / SAMPLE_RATE
    epochs = max(1, round(config.hours / config.epoch_hours))
    steps = max(1, round(config.epoch_hours * 3600 / crop_seconds / config.batch_size))
    trainer: Any = load_trainer(folder / run.LAST) if resumed else None
    done = int(trainer.optimizer.iterations) // steps if resumed else 0
    if done >= epochs:
        print(
            f"{folder}: finished already, {counted(done, 'epoch')}; to train its network further, take a new "
            f"--run folder, with --init {folder} and --set hours=...",
            file=sys.stderr,
        )
        return
    initial = _initial(options.init, config) if options.init and not resumed else None
    music, held_out = _opened(options.data, config)
    _prepare(folder, config, options)
    write_features(folder, config, music, held_out)
    if trainer is None:
        trainer = new_trainer(config, epochs * steps)
    if initial is not None:
        trainer.network.set_weights(initial.get_weights())
    with music.batches(options.seed, done * steps, options.workers) as batches:
        trainer.fit(
            batches,
            validation_data=held_out.validation(config.valid_crops),
            validation_batch_size=config.batch_size,
            initial_epoch=done,
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=[run.Recorder(folder, config.batch_size * crop_seconds), *logs],
        )


def _logs(folder: Path) -> "list[keras.callbacks.Callback]":
    """TensorBoard's log, which TensorFlow writes on every backend, where it is installed."""
    import keras

    try:
        import tensorflow  # noqa: F401
    except ModuleNotFoundError:
        if keras.backend.backend() == "tensorflow":
            raise
        return []
    return [keras.callbacks.TensorBoard(str(folder / "tensorboard"))]


def _check_folders(options: argparse.Namespace) -> None:
    """Check what needs no TensorFlow, which takes seconds to import."""
    from .examples.shards import is_shards
    from .music.manifest import MANIFEST_NAME, read_manifest

    if options.run.exists() and not options.run.is_dir():
        raise ConfigError(f"{options.run}: expected a run folder, new or with --resume; it is a file")
    if not is_shards(options.data):
        read_manifest(options.data / MANIFEST_NAME)


def _opened(data: Path, config: "FitConfig") -> "tuple[Examples, Examples]":
    """Open what is trained and what is validated on; says how much there is, and what does the work."""
    import keras

    from .examples.sources import examples

    music, held_out = (examples(data, split, config) for split in ("train", "valid"))
    print(
        f"training on {music.hours:.2f} h, validating on {held_out.hours:.2f} h of other tracks; "
        f"{keras.backend.backend()} on {', '.join(keras.distribution.list_devices())}",
        file=sys.stderr,
    )
    return music, held_out


def _initial(other: Path, config: "FitConfig") -> "keras.Model":
    """Best network of another run, which must have the shape of this one's."""
    from .learning import run

    if run.read_config(other).network != config.network:
        raise ConfigError(f"--init {other}: expected a network of the same shape, see its {run.CONFIG}")
    return run.best_network(other)


def write_features(folder: Path, config: "FitConfig", music: "Examples", held_out: "Examples") -> None:
    """Keep some features of training and of held-out music.

    Export sets the ranges of quantised values on the ones and verifies on the others.
    """
    import numpy as np
    from keras import ops

    from .learning import run
    from .learning.transforms import log_magnitude, normalise, spectrum_of, transform

    if (folder / run.FEATURES).exists():
        return
    arrays = {}
    own = transform(config.model, config.network.bins)
    for split, source, count in (("train", music, 48), ("valid", held_out, 16)):
        received = spectrum_of(own, source.fixed_set(count)["received"])
        features = normalise(log_magnitude(*received))
        arrays[split] = ops.convert_to_numpy(features).astype(np.float16)
    with replacing(folder / run.FEATURES) as temporary:
        np.savez_compressed(temporary, **arrays)


def new_trainer(config: "FitConfig", steps: int) -> "keras.Model":
    """Build an untrained network with its objective, optimiser and schedule over `steps` steps."""
    import keras

    from tfbwe.network.autoencoder import autoencoder

    from .learning.objective import Trainer

    warmup = max(1, round(config.warmup * steps))
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=config.learning_rate / 100,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=config.learning_rate,
        warmup_steps=warmup,
    )
    network = autoencoder(config.network)
    trainer = Trainer(network, config.objective, config.coherent_weight, config.model)
    trainer.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=config.weight_decay, clipnorm=config.clip_norm, beta_2=0.99
        ),
        jit_compile=compiled(),
    )
    return trainer


def load_trainer(checkpoint: Path) -> "keras.Model":
    """Load a network with its objective and the state of its optimiser; `ModelError` if it is damaged."""
    import keras

    from .learning import objective  # noqa: F401  (registers the class that was saved)

    try:
        trainer = keras.models.load_model(checkpoint)
    except Exception as error:  # Keras raises whatever the damaged part happens to raise
        raise ModelError(f"{checkpoint}: not a checkpoint that training can go on from: {error}") from None
    trainer.jit_compile = compiled()  # of this backend, not of the one that saved it
    return trainer


def compiled() -> bool:
    """Whether a training step is compiled by XLA: JAX is unusable without."""
    import keras

    return bool(keras.backend.backend() == "jax")


def _refuse_other_run(folder: Path, config: "FitConfig", options: argparse.Namespace) -> None:
    """Check that the run folder is new, or with ``--resume`` that it is the same run."""
    from .examples.shards import differences
    from .learning import run

    if not (folder / run.CONFIG).exists():
        return
    if not options.resume:
        raise ConfigError(f"{folder}: expected a new run folder; this one holds a run, go on with --resume")
    was = run.read_description(folder)
    given = {**dataclasses.asdict(config), "seed": options.seed, "mixed_precision": options.mixed_precision}
    its = {**was, **dataclasses.asdict(run.read_config(folder))}
    if differing := differences({name: its.get(name) for name in given}, given):
        raise ConfigError(
            f"{folder / run.CONFIG}: expected the settings that the run was started with; "
            f"{'; '.join(differing)}; take those, or another --run"
        )


def _prepare(folder: Path, config: "FitConfig", options: argparse.Namespace) -> None:
    """Make the run folder and write down how the run came about, once all else is known to be there."""
    from .learning import run

    if (folder / run.CONFIG).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    description = run.describe(config, options.seed, options.mixed_precision, options.init, options.arguments)
    with replacing(folder / run.CONFIG) as temporary:
        temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
