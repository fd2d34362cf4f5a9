"""The package `nsgt` 0.19, made to run on NumPy 1.26 and 2: a reference, never a dependency.

It has wheels for no platform and does not build in isolation. `pip install --no-build-isolation nsgt==0.19`
installs its pure Python sources where setuptools and NumPy are already installed.
"""

import sys
import warnings
from types import ModuleType

import numpy as np


class _NumpyWithTolerantClip:
    """NumPy, save that `clip` takes an infinite bound for integers."""

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def clip(array, low, high, out):
        np.maximum(array, low, out=out)


def import_nsgt() -> ModuleType:
    """Return the patched package; raise ModuleNotFoundError where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nsgt

        # Importing the module by its name would give the function of the same name in the package.
        sys.modules["nsgt.nsgfwin_sl"].np = _NumpyWithTolerantClip()
    return nsgt


def transform(hertz, bins_per_octave, sample_rate, block_length, reducedform=0):
    """Return an `nsgt.NSGT` in matrix form, for real signals, with bands at the frequencies given."""
    step = 2 ** (1 / bins_per_octave)
    q = np.full(len(hertz), 1 / (step - 1 / step))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_nsgt().NSGT(
            lambda: (np.array(hertz), q),
            sample_rate,
            block_length,
            real=True,
            matrixform=True,
            reducedform=reducedform,
        )
