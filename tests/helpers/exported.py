"""Model files of the smoke run, exported once for all tests that need them."""

import functools
from pathlib import Path

from export import cli
from tests.helpers import smoke
from tfbwe.model.bundle import load_bundle


@functools.cache
def exported() -> Path:
    """Folder of model files of the smoke run, one of each quantisation."""
    out = smoke.run().with_name("models")
    assert (
        cli.main([str(smoke.run()), "-o", str(out), "--graph", "step", "--quantize", *cli.QUANTISATIONS]) == 0
    )
    return out


def bundle_of(quantisation):
    return load_bundle(exported() / f"stft.{quantisation}.tflite")
