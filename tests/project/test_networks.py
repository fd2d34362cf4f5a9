"""The networks that the shipped models were quantised from: they are those, and can be trained further."""

import dataclasses
import json

import numpy as np
import pytest

from tests.helpers.paths import ROOT

pytest.importorskip("keras")

from export.verify import verify, verify_restoring
from tfbwe.model.bundle import load_bundle, shipped_graphs
from tfbwe.network.run_folder import RESTORE, best_network, read_description, read_features
from tfbwe.restoration.statistics import FEATURES

NETWORKS = ROOT / "networks"
KINDS = ("stft", "cqt")


def float_model(kind):
    return load_bundle(str(NETWORKS / kind / f"{kind}-float32.tflite"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_float_file_is_the_shipped_model_before_quantisation(kind):
    exact, shipped = (dataclasses.asdict(b.manifest) for b in (float_model(kind), load_bundle(kind)))
    assert (exact["quantisation"], shipped["quantisation"]) == ("none", "int8")
    for key in ("model", "transform", "normalisation", "restoring", "training"):
        assert exact[key] == shipped[key]


@pytest.mark.parametrize("kind", KINDS)
def test_the_run_folder_is_that_of_the_shipped_model(kind):
    description = read_description(NETWORKS / kind)
    training = load_bundle(kind).manifest.training
    assert json.loads(json.dumps(training["config"])) == description["config"]
    assert training["git_revision"] == description["git_revision"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_float_file_computes_what_the_network_does(kind):
    network = best_network(NETWORKS / kind)
    frames, bins = network.input_shape[1] or 40, network.input_shape[2]
    features = np.random.default_rng(0).normal(0, 1, (1, frames, bins)).astype(np.float32)
    assert verify(network, float_model(kind), features)["rms_nepers"] <= 1e-4


@pytest.mark.parametrize("name", shipped_graphs())
def test_every_shipped_file_holds_the_same_restoring_network(name):
    description = read_description(NETWORKS / RESTORE)
    restoring = load_bundle(shipped_graphs()[name]).manifest.restoring
    assert json.loads(json.dumps(restoring["training"]["config"])) == description["config"]
    assert restoring["training"]["git_revision"] == description["git_revision"]
    assert restoring["parameters"] == best_network(NETWORKS / RESTORE).count_params()


@pytest.mark.parametrize("kind", KINDS)
def test_the_float_file_restores_as_the_network_does(kind):
    network, (_, statistics) = best_network(NETWORKS / RESTORE), read_features(NETWORKS / RESTORE, FEATURES)
    found = verify_restoring(network, float_model(kind), statistics)
    assert found["restoring_rms_nepers"] <= 1e-4
