"""Train a network: ``python -m training.fit --model stft --preset default --data DIR --run RUN``.

The same command runs on TensorFlow, with `tf.data`, and with ``KERAS_BACKEND=jax`` on JAX. Features are
computed on the device from waveform crops, or for CQT models read from the shards of `training.precompute`;
the restoring network learns on statistics, computed once and kept beside the music.
"""

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfbwe.atomic import replacing
from tfbwe.console import counted, reported
from tfbwe.errors import ConfigError
from tfbwe.network.run_folder import CONFIG, LAST, best_network, read_description
from tfbwe.quiet import quiet

from .arguments import (
    command,
    folder,
    folder_or_address,
    model_name,
    module,
    positive,
    wanted,
    whole_number,
)

if TYPE_CHECKING:
    import keras

    from .examples.sources import Source
    from .learning.devices import Devices
    from .learning.presets import FitConfig, RestoreConfig

    Config = FitConfig | RestoreConfig


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=command("fit"),
        description=f"Train a network on a music folder that has a manifest (see {command('corpus')}).",
        epilog=f"example: {command('fit')} --model stft --preset default --data music --run runs/stft; "
        "music or shards may be at an address: --data s3://bucket/shards (needs tfbwe[cloud])",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model", required=True, type=model_name, metavar="MODEL", help="stft, cqt or restore"
    )
    parser.add_argument("--preset", default="default", help="default, paper or smoke")
    parser.add_argument(
        "--data",
        required=True,
        type=folder_or_address,
        help="music folder with manifest.csv, or shards; or the address of one",
    )
    parser.add_argument(
        "--run", required=True, type=folder, help="folder for checkpoints, configuration and curve"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
    parser.add_argument(
        "--init", type=folder, metavar="RUN", help="start from the best network of another run"
    )
    parser.add_argument("--seed", type=whole_number, default=0, help="of weights and crops (default 0)")
    parser.add_argument(
        "--mixed-precision", action="store_true", help="bfloat16 in the network, float32 in the loss"
    )
    parser.add_argument(
        "--devices",
        type=wanted,
        default="1",
        metavar="N",
        help="accelerators of this machine that share each batch (default 1); or K/N@HOST:PORT: process K of "
        "N, each with all of its machine, on JAX: 0/2@10.0.0.1:1234 on 10.0.0.1, 1/2@10.0.0.1:1234 elsewhere",
    )
    parser.add_argument(
        "--workers",
        type=positive,
        default=os.cpu_count() or 1,
        help="processes that draw examples, from shards threads; they change nothing (default: %(default)s)",
    )
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
    stopped = "stopped; go on with --resume"
    return reported(module("fit"), lambda: fit(options), "train", options.run, stopped)


def fit(options: argparse.Namespace) -> None:
    """Train as the command line says."""
    config = _checked(options)
    with quiet():
        import keras

    keras.utils.set_random_seed(options.seed)
    keras.mixed_precision.set_global_policy("mixed_bfloat16" if options.mixed_precision else "float32")
    from .learning.devices import opened

    with opened(options.devices) as devices:
        _fit(options, config, devices)


def _fit(options: argparse.Namespace, config: "Config", devices: "Devices") -> None:
    """Train on these devices."""
    from .learning import run
    from .learning.trainer import load_trainer, new_trainer

    folder: Path = options.run
    rows = devices.rows(config.batch_size)
    _refuse_other_run(folder, config, options)
    resumed = options.resume and (folder / LAST).exists()
    epochs, steps = config.epochs, config.epoch_steps
    trainer: Any = load_trainer(folder / LAST) if resumed else None
    done = int(trainer.optimizer.iterations) // steps if resumed else 0
    _agree(devices, config, options, done)
    if done >= epochs:
        print(
            f"{folder}: finished already, {counted(done, 'epoch')}; to train its network further, take a new "
            f"--run folder, with --init {folder}",
            file=sys.stderr,
        )
        return
    initial = _initial(options.init, config) if options.init and not resumed else None
    with devices.one_first():
        music, held_out = _opened(options.data, config, devices)
    devices.agree({"music (hours)": [music.hours, held_out.hours]})
    validation, validation_batch = devices.held_out(held_out.fixed_set(config.valid_crops), config.batch_size)
    callbacks: list[keras.callbacks.Callback] = []
    if devices.chief:
        _prepare(folder, config, options)
        run.write_features(folder, config, music, held_out)
        callbacks = [run.Recorder(folder, config.step_seconds), *_logs(folder)]
    if trainer is None:
        trainer = new_trainer(config, epochs * steps)
    if initial is not None:
        trainer.network.set_weights(initial.get_weights())
    with music.batches(options.seed, done * steps, options.workers, rows) as batches:
        trainer.fit(
            batches,
            validation_data=(validation, None),
            validation_batch_size=validation_batch,
            initial_epoch=done,
            epochs=epochs,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )


def _logs(folder: Path) -> "list[keras.callbacks.Callback]":
    """TensorBoard's log, which TensorFlow writes on every backend, where it is installed."""
    import keras

    try:
        with quiet():
            import tensorflow  # noqa: F401
    except ModuleNotFoundError:
        if keras.backend.backend() == "tensorflow":
            raise
        return []
    return [keras.callbacks.TensorBoard(str(folder / "tensorboard"))]


def _checked(options: argparse.Namespace) -> "Config":
    """Check what needs no TensorFlow, which takes seconds to import; return the settings."""
    from .examples.copies import brought_here
    from .examples.shards import is_shards
    from .learning.presets import overridden, preset
    from .music.manifest import MANIFEST_NAME, read_manifest

    config = overridden(preset(options.model, options.preset), options.set)
    options.data = brought_here(options.data, "train", "valid")
    if options.run.exists() and not options.run.is_dir():
        raise ConfigError(f"{options.run}: expected a run folder, new or with --resume; it is a file")
    if not is_shards(options.data):
        read_manifest(options.data / MANIFEST_NAME)
    return config


def _opened(data: Path, config: "Config", devices: "Devices") -> "tuple[Source, Source]":
    """Open what is trained and what is validated on; says how much there is, and what does the work."""
    import keras

    from .examples.sources import examples

    music, held_out = (examples(data, split, config) for split in ("train", "valid"))
    print(
        f"training on {music.hours:.2f} h, validating on {held_out.hours:.2f} h of other tracks; "
        f"{keras.backend.backend()} on {devices}",
        file=sys.stderr,
    )
    return music, held_out


def _agree(devices: "Devices", config: "Config", options: argparse.Namespace, done: int) -> None:
    """Check that every process does the same."""
    values = {"configuration": dataclasses.asdict(config), "number of finished epochs": done}
    devices.agree({**values, "seed": options.seed, "mixed_precision": options.mixed_precision})


def _initial(other: Path, config: "Config") -> "keras.Model":
    """Best network of another run, which must have the shape of this one's."""
    from tfbwe.network.shapes import AutoencoderConfig

    from .learning import run

    its = run.read_config(other).network
    if isinstance(its, AutoencoderConfig):  # dropout is no part of the shape
        its = dataclasses.replace(its, dropout=getattr(config.network, "dropout", 0.0))
    if its != config.network:
        raise ConfigError(f"--init {other}: expected a network of the same shape, see its {CONFIG}")
    return best_network(other)


def _refuse_other_run(folder: Path, config: "Config", options: argparse.Namespace) -> None:
    """Check that the run folder is new, or with ``--resume`` that it is the same run."""
    from .examples.shards import differences
    from .learning import run

    if not (folder / CONFIG).exists():
        return
    if not options.resume:
        raise ConfigError(f"{folder}: expected a new run folder; this one holds a run, go on with --resume")
    was = read_description(folder)
    given = {**dataclasses.asdict(config), "seed": options.seed, "mixed_precision": options.mixed_precision}
    its = {**was, **dataclasses.asdict(run.read_config(folder))}
    if differing := differences({name: its.get(name) for name in given}, given):
        raise ConfigError(
            f"{folder / CONFIG}: expected the settings that the run was started with; "
            f"{'; '.join(differing)}; take those, or another --run"
        )


def _prepare(folder: Path, config: "Config", options: argparse.Namespace) -> None:
    """Make the run folder and write down how the run came about, once all else is known to be there."""
    from .learning import run

    if (folder / CONFIG).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    description = run.describe(config, options.seed, options.mixed_precision, options.init, options.arguments)
    with replacing(folder / CONFIG) as temporary:
        temporary.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
