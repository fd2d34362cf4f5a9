from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tests.helpers.on_jax import assert_passes_on_jax

keras = pytest.importorskip("keras")

from tfbwe.cqt import CQT  # noqa: E402
from training.learning import cqt_ops  # noqa: E402

TRANSFORMS = [
    CQT(),
    CQT(sample_rate=16000, block_length=3000, bins_per_octave=12, f_min=100, f_max=7000),
    CQT(sample_rate=16000, block_length=2048, bins_per_octave=48, f_min=400, f_max=2000),
]


def noise(*shape):
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def numpy_of(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor))


@pytest.mark.parametrize("cqt", TRANSFORMS)
def test_coefficients_are_those_of_the_decoder(cqt):
    x = noise(3, cqt.block_length)
    real, imaginary = cqt_ops.forward(cqt, x)
    expected = cqt.forward(x)
    assert numpy_of(real).dtype == np.float32
    received = numpy_of(real) + 1j * numpy_of(imaginary)
    assert received.shape == expected.shape
    assert np.abs(received - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("cqt", TRANSFORMS)
def test_altered_coefficients_give_the_block_of_the_decoder(cqt):
    real, imaginary = np.random.default_rng(1).standard_normal((2, 2, *cqt.shape)).astype(np.float32)
    expected = cqt.inverse(real + 1j * imaginary)
    received = numpy_of(cqt_ops.inverse(cqt, real, imaginary))
    assert received.dtype == np.float32
    assert received.shape == expected.shape
    assert np.abs(received - expected).max() < 2e-6 * np.abs(expected).max()


@pytest.mark.parametrize("cqt", TRANSFORMS)
def test_blocks_come_back(cqt):
    x = noise(2, cqt.block_length)
    assert np.abs(numpy_of(cqt_ops.inverse(cqt, *cqt_ops.forward(cqt, x))) - x).max() < 1e-6


def test_it_runs_inside_a_model():
    cqt = TRANSFORMS[1]

    class Through(keras.layers.Layer):
        def call(self, x):
            return cqt_ops.inverse(cqt, *cqt_ops.forward(cqt, x))

    inputs = keras.Input((cqt.block_length,))
    model = keras.Model(inputs, Through()(inputs))
    x = noise(2, cqt.block_length)
    assert np.abs(model.predict(x, verbose=0) - x).max() < 1e-6


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this run is on JAX")
def test_jax_passes_the_same_tests():
    assert_passes_on_jax(__file__)
