"""Channels of the restoring network are scaled alike, and it says what it said before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

import keras

from tfbwe.network.restorer import equalised
from tfbwe.network.run_folder import best_network

SHIPPED = Path(__file__).parents[3] / "networks/restore"


@pytest.fixture(scope="module")
def shipped():
    with np.load(SHIPPED / "features.npz") as kept:
        return best_network(SHIPPED), kept["valid"].astype(np.float32)


def loudest(network, statistics):
    """Of each channel of what the first convolution returns."""
    output = keras.Model(network.input, network.get_layer("in").output)
    return np.abs(output.predict(statistics, verbose=0)).max(axis=(0, 1))


def test_the_function_stays_and_its_channels_come_nearer_to_each_other(shipped):
    network, statistics = shipped
    before = network.predict(statistics, verbose=0)
    found = equalised(network, statistics)
    np.testing.assert_array_equal(network.predict(statistics, verbose=0), before)
    np.testing.assert_allclose(found.predict(statistics, verbose=0), before, atol=1e-4)
    spread, wide = (np.log(loudest(one, statistics)).std() for one in (found, network))
    assert spread < wide


def test_a_channel_that_is_always_0_stays_so(shipped):
    network, statistics = shipped
    copy = keras.models.clone_model(network)
    copy.set_weights([0 * weight for weight in network.get_weights()])
    assert not equalised(copy, statistics).predict(statistics, verbose=0).any()
