"""Model files of the smoke run, exported once for all tests that need them."""

import functools
import json
import shutil
from pathlib import Path

from export import cli
from tests.helpers import smoke
from tfbwe.model.bundle import load_bundle


@functools.cache
def exported() -> Path:
    """Folder of model files of the smoke runs, one of each quantisation."""
    out = smoke.run().with_name("models")
    networks = [str(smoke.run()), "--restore", str(smoke.restoring_run())]
    assert cli.main([*networks, "-o", str(out), "--graph", "step", "--quantize", *cli.QUANTISATIONS]) == 0
    return out


def bundle_of(quantisation):
    return load_bundle(exported() / f"stft.{quantisation}.tflite")


def copy_of_run(folder, *without, source=None):
    run = folder / "run"
    shutil.copytree(source or smoke.run(), run, ignore=shutil.ignore_patterns("tensorboard", *without))
    return run


def change_config(run, **changes):
    values = json.loads((run / "config.json").read_text())
    values["config"].update(changes)
    (run / "config.json").write_text(json.dumps(values))
