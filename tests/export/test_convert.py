"""From a network to graphs: what is converted and what is verified."""

from __future__ import annotations

import dataclasses
import functools
import json

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from export import verify  # noqa: E402
from export.cli import QUANTISATIONS, SHIPPED  # noqa: E402
from export.convert import convert, representative  # noqa: E402
from tests.helpers import smoke  # noqa: E402
from tests.helpers.exported import bundle_of  # noqa: E402
from tfbwe.errors import ModelError  # noqa: E402
from tfbwe.model.bundle import load_bundle, shipped  # noqa: E402
from tfbwe.model.interpreter import MAIN  # noqa: E402
from tfbwe.model.step_model import RESTORE, restoring_runner  # noqa: E402
from tfbwe.network.autoencoder import autoencoder, step_graph  # noqa: E402
from tfbwe.network.restorer import restorer  # noqa: E402
from tfbwe.network.run_folder import best_network, read_features  # noqa: E402
from tfbwe.network.shapes import AutoencoderConfig, RestorerConfig  # noqa: E402
from tfbwe.restoration.statistics import FEATURES  # noqa: E402

SMALL = AutoencoderConfig(
    bins=64, channels=(4, 4, 4), kernels=(5, 3, 3), strides=(4, 2, 2), bottleneck=8, dilations=(1, 2)
)


def test_the_float_graphs_are_the_networks():
    verification = bundle_of("none").manifest.verification
    assert verification["max_nepers"] < 1e-3
    assert verification["restoring_max_nepers"] < 1e-3


def test_representative_data_hold_states_as_they_occur():
    network = autoencoder(SMALL)
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
    features = rng.normal(0, 1, (2, 9, 64)).astype(np.float32)
    found = list(representative(step_graph(network, SMALL), features))
    assert len(found) == 2 * 2
    np.testing.assert_array_equal(found[0]["features"][0, 0], features[0, 3])
    assert np.abs(found[1]["state_1"]).min() > 0
    assert not found[2]["state_1"][0, 0].any()  # a new excerpt starts from zero


def test_verification_refuses_what_is_not_a_number():
    network = autoencoder(preset_config())
    with np.load(smoke.run() / "features.npz") as arrays:
        features = arrays["valid"][:1].astype(np.float32)
    network.set_weights([np.full_like(w, np.nan) for w in network.get_weights()])
    with pytest.raises(ModelError, match="nan"):
        verify.verify(network, bundle_of("none"), features)


def test_verification_refuses_a_restoring_network_that_strays():
    network = best_network(smoke.restoring_run())
    features = read_features(smoke.restoring_run(), FEATURES)[1]
    assert verify.verify_restoring(network, bundle_of("none"), features)["restoring_rms_nepers"] <= 1e-4
    layer = network.get_layer("out")
    layer.set_weights([layer.get_weights()[0], layer.get_weights()[1] + 0.01])
    with pytest.raises(ModelError, match="the difference is "):
        verify.verify_restoring(network, bundle_of("none"), features)


@functools.cache
def restored():
    """Shipped restoring network, features of training and of held-out music, and what it makes of these."""
    network = best_network(SHIPPED)
    train, valid = read_features(SHIPPED, FEATURES)
    expected = network.predict(valid, verbose=0)
    assert expected.max() > 2  # there is much to restore
    return network, train, valid, expected


@pytest.mark.parametrize("quantisation", QUANTISATIONS)
def test_the_restoring_network_of_a_file_is_near_to_the_trained_one(quantisation):
    network, train, valid, expected = restored()
    features = np.random.default_rng(0).normal(0, 1, (2, 8, SMALL.bins)).astype(np.float32)
    flatbuffer = convert(autoencoder(SMALL), SMALL, network, quantisation, features, train)
    run = restoring_runner(dataclasses.replace(bundle_of("none"), flatbuffer=flatbuffer))
    received = np.concatenate([run(statistics=one[None])["log_gain"] for one in valid])
    rms = np.sqrt(np.mean((received - expected) ** 2))
    assert rms < {"none": 1e-4, "float16": 5e-3, "dynamic": 0.08, "int8": 0.14}[quantisation]


@pytest.mark.parametrize("model", shipped())
def test_a_shipped_file_restores_as_the_trained_network_does(model):
    _, _, valid, expected = restored()
    run = restoring_runner(load_bundle(model))
    received = np.concatenate([run(statistics=one[None])["log_gain"] for one in valid])
    assert np.sqrt(np.mean((received - expected) ** 2)) < verify.MAX_RMS_NEPERS["int8"]


def test_without_a_restoring_network_a_file_has_one_signature_and_restores_nothing():
    network = autoencoder(SMALL)
    names = []
    for restorer_or_none in (None, restorer(RestorerConfig(channels=4, dilations=(1,), pooled=4))):
        flatbuffer = convert(network, SMALL, restorer_or_none, "none")
        names.append(sorted(tf.lite.Interpreter(model_content=flatbuffer).get_signature_list()))
    assert names == [[MAIN], [MAIN, RESTORE]]


def preset_config():
    values = json.loads((smoke.run() / "config.json").read_text())["config"]["network"]
    return AutoencoderConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def test_an_operation_that_is_not_built_in_is_refused(monkeypatch):
    def serve(*_):
        return None

    def refuse(self):
        raise RuntimeError("Some ops are not supported by the native TFLite runtime")

    monkeypatch.setattr("export.convert._save", serve)
    monkeypatch.setattr(
        tf.lite.TFLiteConverter,
        "from_saved_model",
        classmethod(
            lambda cls, *_, **__: type("C", (), {"target_spec": type("S", (), {})(), "convert": refuse})()
        ),
    )
    with pytest.raises(ModelError, match="not supported"):
        convert(autoencoder(SMALL), SMALL, None, "none", np.zeros((1, 4, 64), np.float32))
