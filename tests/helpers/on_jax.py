"""The tests of a file once more, in a process that runs Keras on JAX."""

import os
import subprocess
import sys

from tests.helpers.paths import ROOT


def assert_passes_on_jax(file, *more):
    """Run the tests of `file` on JAX; `more` are further arguments of pytest."""
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more, file],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout
