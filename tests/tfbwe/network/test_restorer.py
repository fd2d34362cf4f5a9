"""The restoring network."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.errors import ConfigError  # noqa: E402
from tfbwe.network.restorer import LOG_GAIN_RANGE, macs, restorer  # noqa: E402
from tfbwe.network.shapes import RestorerConfig  # noqa: E402
from tfbwe.restoration.statistics import BANDS, FEATURES  # noqa: E402


def test_untrained_it_changes_nothing():
    read = np.random.default_rng(0).standard_normal((3, BANDS, FEATURES)).astype(np.float32)
    assert not np.asarray(restorer(RestorerConfig())(read)).any()


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
def test_it_gives_one_gain_for_each_band(stride):
    network = restorer(RestorerConfig(channels=4, dilations=(1, 2), pooled=4, stride=stride))
    network.get_layer("out").bias.assign([9.0])
    gain = np.asarray(network(np.ones((2, BANDS, FEATURES), np.float32)))
    assert gain.shape == (2, BANDS)
    assert (gain <= LOG_GAIN_RANGE[1]).all()


def test_the_default_costs_at_most_ten_million_operations_a_second():
    assert macs(RestorerConfig()) * 4 <= 10e6
    assert restorer(RestorerConfig()).count_params() < 120_000


@pytest.mark.parametrize("change", [{"channels": 0}, {"dilations": ()}, {"stride": 1.5}, {"pooled": -1}])
def test_other_shapes_are_refused(change):
    with pytest.raises(ConfigError):
        RestorerConfig(**change)


def test_it_is_saved_and_loaded(tmp_path):
    network = restorer(RestorerConfig(channels=4, dilations=(1,), pooled=4))
    network.get_layer("out").bias.assign([0.5])
    network.save(tmp_path / "a.keras")
    read = np.random.default_rng(0).standard_normal((1, BANDS, FEATURES)).astype(np.float32)
    again = keras.models.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(np.asarray(again(read)), np.asarray(network(read)), atol=1e-6)
