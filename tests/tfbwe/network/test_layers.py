from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.network.layers import Clip, LinearInterpolation, SubPixel  # noqa: E402

CASES = [
    (SubPixel, {"factor": 2}),
    (LinearInterpolation, {"factor": 4}),
    (Clip, {"minimum": -1, "maximum": 2}),
]
CASES = [pytest.param(layer, arguments, id=layer.__name__) for layer, arguments in CASES]


def random_input(seed=0):
    return np.random.default_rng(seed).normal(0, 2, (2, 3, 8, 6)).astype(np.float32)


def sub_pixel(x, factor):
    batch, frames, bins, channels = x.shape
    out = np.empty((batch, frames, bins * factor, channels // factor), np.float32)
    for place in range(factor):
        size = channels // factor
        out[:, :, place::factor] = x[..., place * size : (place + 1) * size]
    return out


def linear_interpolation(x, factor):
    groups = x.shape[2]
    places = (np.arange(groups * factor) + 0.5) / factor - 0.5
    out = np.empty((*x.shape[:2], groups * factor, x.shape[3]), np.float32)
    for index in np.ndindex(x.shape[0], x.shape[1], x.shape[3]):
        at = (*index[:2], slice(None), index[2])
        out[at] = np.interp(places, np.arange(groups), x[at])
    return out


def clip(x, minimum, maximum):
    return np.minimum(np.maximum(x, minimum), maximum)


EXPECTED = {SubPixel: sub_pixel, LinearInterpolation: linear_interpolation, Clip: clip}


@pytest.mark.parametrize(("layer", "arguments"), CASES)
def test_a_layer_computes_what_numpy_does(layer, arguments):
    x = random_input()
    out = keras.ops.convert_to_numpy(layer(**arguments)(x))
    np.testing.assert_allclose(out, EXPECTED[layer](x, **arguments), atol=1e-6)


@pytest.mark.parametrize(("layer", "arguments"), CASES)
def test_every_argument_returns_from_the_configuration(layer, arguments):
    made = layer(**arguments, name="mine")
    again = layer.from_config(made.get_config())
    assert {name: getattr(again, name) for name in arguments} == arguments
    assert again.name == "mine"


@pytest.mark.parametrize(("layer", "arguments"), CASES)
def test_a_saved_layer_loads_without_its_class_being_named(layer, arguments, tmp_path):
    x = keras.Input((None, 8, 6))
    keras.Model(x, layer(**arguments)(x)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    data = random_input(1)
    out = keras.ops.convert_to_numpy(loaded(data))
    np.testing.assert_allclose(out, EXPECTED[layer](data, **arguments), atol=1e-6)


@pytest.mark.parametrize(("layer", "arguments"), CASES)
def test_a_layer_keeps_to_its_precision_policy(layer, arguments):
    x = random_input()
    half = layer(**arguments, dtype="mixed_bfloat16")(x)
    assert keras.backend.standardize_dtype(half.dtype) == "bfloat16"
    out = keras.ops.convert_to_numpy(keras.ops.cast(half, "float32"))
    np.testing.assert_allclose(out, EXPECTED[layer](x, **arguments), atol=0.06)


@pytest.mark.parametrize(("layer", "arguments"), CASES)
def test_an_unknown_number_of_frames_stays_unknown(layer, arguments):
    x = keras.Input((None, 8, 6))
    out = layer(**arguments)(x)
    assert out.shape[1] is None
    assert None not in out.shape[2:]


def test_interpolation_of_a_constant_is_that_constant():
    x = np.full((1, 2, 5, 1), 3.5, np.float32)
    out = keras.ops.convert_to_numpy(LinearInterpolation(4)(x))
    np.testing.assert_array_equal(out, np.full((1, 2, 20, 1), 3.5, np.float32))
