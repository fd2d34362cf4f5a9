"""A converted graph of a CQT model, from its file to the command line."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile

import tfbwe
from tests.helpers import tiny_cqt
from tests.helpers.decoding import CQT_LATENCY, CQT_TRANSFORM, CUTOFF_HZ, decode, delayed, music
from tfbwe.errors import ModelError
from tfbwe.model.bundle import load_bundle, pack
from tfbwe.model.step_model import StepModel
from tfbwe.restoration.statistics import BANDS, FEATURES

pytest.importorskip("keras")
pytest.importorskip("tensorflow")


@pytest.fixture(scope="module")
def bundle():
    return tiny_cqt.bundle()


@pytest.fixture(scope="module")
def model_file(bundle, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "tiny.tflite"
    path.write_bytes(pack(bundle.flatbuffer, bundle.manifest))
    return path


def changed(bundle, **parts):
    return dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, **parts))


def features(channels=2, seed=0):
    shape = (channels, tiny_cqt.FRAMES, tiny_cqt.BINS)
    return np.random.default_rng(seed).uniform(-1.4, 2, shape).astype(np.float32)


def test_a_block_gives_the_residual_of_the_network_channel_by_channel(bundle):
    x = features(3)
    found = StepModel(bundle, 3).step(x)
    assert found.shape == x.shape
    assert found.dtype == np.float32
    network, _, _ = tiny_cqt.networks()
    for channel in range(3):
        expected = np.asarray(network(x[channel : channel + 1], training=False))[0]
        np.testing.assert_allclose(found[channel], expected, atol=1e-4)
    assert np.abs(found).max() > 0.1


def test_statistics_give_the_gain_of_the_restoring_network(bundle):
    read = np.random.default_rng(0).normal(0, 1, (1, BANDS, FEATURES)).astype(np.float32)
    found = StepModel(bundle, 2).restoring(read)
    np.testing.assert_allclose(found, np.asarray(tiny_cqt.networks()[2](read)), atol=1e-4)
    assert np.abs(found).max() > 0.1


def test_a_block_leaves_nothing_behind_and_may_lie_in_memory_in_any_order(bundle):
    model = StepModel(bundle, 2)
    first = model.step(features())
    model.step(features(seed=1))
    by_band = np.ascontiguousarray(features().swapaxes(1, 2)).swapaxes(1, 2)
    np.testing.assert_array_equal(model.step(by_band), first)


@pytest.mark.parametrize("key", [key for key in CQT_TRANSFORM if key != "kind"])
def test_another_transform_than_ours_is_refused(bundle, key):
    other = {**CQT_TRANSFORM, key: CQT_TRANSFORM[key] + 0.5}
    missing = {name: value for name, value in CQT_TRANSFORM.items() if name != key}
    for transform in (other, missing):
        with pytest.raises(
            ModelError, match=r"^cqt.tflite: expected the transform .*32768.*, received .*cqt"
        ):
            StepModel(changed(bundle, transform=transform), 1)


@pytest.mark.parametrize("bins", [0, 401, 400.0, True])
def test_bands_that_do_not_exist_are_refused(bundle, bins):
    with pytest.raises(ModelError, match="bins up to 400"):
        StepModel(changed(bundle, transform={**CQT_TRANSFORM, "bins": bins}), 1)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"highest_hz": 20500.0}, r"expected highest_hz up to 20\d+\.?\d* for 400 bins, received 20500"),
        ({"states": {"state_0": (1, 2, 8)}}, "expected no states"),
        ({"normalisation": {"epsilon": 1e-4}}, "expected the normalisation epsilon, offset and scale"),
        ({"transform": {**CQT_TRANSFORM, "bins": 399}}, r"expected the inputs .*399.*, the graph has .*400"),
    ],
)
def test_a_manifest_that_the_graph_does_not_keep_is_refused(bundle, parts, expected):
    with pytest.raises(ModelError, match=expected):
        StepModel(changed(bundle, **parts), 1)


@pytest.mark.parametrize(
    ("shape", "dtype", "expected"),
    [
        ((1, 1, 400), "float32", r"expected the inputs .*448, 400.*, the graph has .*1, 1, 400"),
        ((1, 448, 400), "int32", "expected float32 for the input features"),
    ],
)
def test_a_graph_of_other_tensors_is_refused(shape, dtype, expected):
    with pytest.raises(ModelError, match=expected):
        StepModel(tiny_cqt.bundle(shape, dtype, whole=False), 1)


def test_a_restoring_network_is_asked_of_a_graph_that_has_none(bundle):
    plain = tiny_cqt.bundle(whole=False)
    StepModel(plain, 1)
    with pytest.raises(ModelError, match=r"the interpreter refuses it: .*restore"):
        StepModel(changed(plain, restoring=bundle.manifest.restoring), 1)


def test_a_graph_of_the_stft_s_is_not_taken_for_one_of_the_cqt_s(bundle):
    frames = load_bundle("stft")
    with pytest.raises(ModelError, match="expected the inputs"):
        StepModel(dataclasses.replace(frames, manifest=bundle.manifest), 1)
    with pytest.raises(ModelError, match="expected the inputs"):
        StepModel(dataclasses.replace(bundle, manifest=frames.manifest), 1)


def test_a_model_file_decodes_in_blocks_of_any_size(model_file):
    x = music(2, 2.0)
    whole = decode(tfbwe.Decoder(model_file, 2, CUTOFF_HZ), x)
    assert np.isfinite(whole).all()
    assert np.abs(whole - delayed(x, CQT_LATENCY)).max() > 1e-4
    np.testing.assert_array_equal(
        decode(tfbwe.Decoder(model_file, 2, CUTOFF_HZ), x, [7, 30000, 30001, 70000]), whole
    )


def test_extending_takes_the_latency_out(model_file):
    x = music(2, 2.0)
    y, rate = tfbwe.extend(x, 44100, model_file, CUTOFF_HZ)
    assert (y.shape, rate) == (x.shape, 44100)
    whole = decode(tfbwe.Decoder(model_file, 2, CUTOFF_HZ), x)
    np.testing.assert_array_equal(y, whole[:, CQT_LATENCY:])


def test_the_command_line_extends_describes_and_measures(model_file, tmp_path, tfbwe):
    source, destination = tmp_path / "song.wav", tmp_path / "extended.wav"
    soundfile.write(source, music(2, 2.0).T, 44100, subtype="PCM_16")
    status, _, errors = tfbwe("extend", source, "-o", destination, "--model", model_file)
    assert (status, errors) == (0, [])
    assert soundfile.info(destination).frames == soundfile.info(source).frames
    status, shown, _ = tfbwe("info", model_file, "--json")
    assert (status, json.loads(shown)["transform"]) == (0, CQT_TRANSFORM)
    status, shown, _ = tfbwe("benchmark", "--model", model_file, "--json")
    cost = json.loads(shown)
    assert status == 0
    assert cost["latency_samples"] == CQT_LATENCY
    assert cost["size_bytes"] == load_bundle(model_file).manifest.size_bytes
    assert cost["rtf"] > 0
