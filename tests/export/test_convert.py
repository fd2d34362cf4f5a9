"""From a network to graphs: what is converted and what is verified."""

from __future__ import annotations

import json

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from export import verify  # noqa: E402
from export.convert import convert, representative  # noqa: E402
from tests.helpers import smoke  # noqa: E402
from tests.helpers.exported import bundle_of  # noqa: E402
from tfbwe.errors import ModelError  # noqa: E402
from tfbwe.network.autoencoder import AutoencoderConfig, autoencoder, step_graph  # noqa: E402

SMALL = AutoencoderConfig(
    bins=64, channels=(4, 4, 4), kernels=(5, 3, 3), strides=(4, 2, 2), bottleneck=8, dilations=(1, 2)
)


def test_the_float_graph_is_the_network():
    manifest = bundle_of("none").manifest
    assert manifest.verification["max_nepers"] < 1e-3


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
        convert(autoencoder(SMALL), SMALL, np.zeros((1, 4, 64), np.float32), "none")
