from __future__ import annotations

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.errors import ConfigError  # noqa: E402
from tfbwe.model.features import HEAD  # noqa: E402
from tfbwe.network.autoencoder import (  # noqa: E402
    LOG_RESIDUAL_RANGE,
    AutoencoderConfig,
    autoencoder,
    block_graph,
    decoder_graph,
    macs_per_frame,
    step_graph,
)
from tfbwe.network.run_folder import config_from_dict  # noqa: E402
from tfbwe.stft import HOP_LENGTH, SAMPLE_RATE  # noqa: E402

SMALL = AutoencoderConfig(
    bins=64, channels=(4, 5, 6), kernels=(5, 3, 3), strides=(4, 2, 2), bottleneck=8, dilations=(1, 2, 4)
)
DEFAULT = AutoencoderConfig()
PAPER = dataclasses.replace(SMALL, causal=False)
BLOCK = dataclasses.replace(SMALL, frames=20, time_stride=4, causal=False)


def with_random_weights(network, seed=0):
    """Fill every weight, those of the head too, which start at zero."""
    rng = np.random.default_rng(seed)
    network.set_weights(
        [rng.normal(0, 1 / np.sqrt(max(1, np.prod(w.shape[:-1]))), w.shape) for w in network.get_weights()]
    )
    return network


def features(config, frames, batch=1, seed=1):
    return np.random.default_rng(seed).normal(0, 1, (batch, frames, config.bins)).astype(np.float32)


def residual(network, x):
    return keras.ops.convert_to_numpy(network(x, training=False))


def outputs(graph, inputs):
    return {
        name: keras.ops.convert_to_numpy(tensor) for name, tensor in graph(inputs, training=False).items()
    }


@pytest.mark.parametrize("config", [SMALL, DEFAULT, PAPER], ids=["small", "default", "paper"])
def test_an_untrained_network_adds_nothing(config):
    found = residual(autoencoder(config), features(config, 5, batch=2))
    assert found.shape == (2, 5, config.bins)
    assert found.dtype == np.float32
    assert not found.any()


@pytest.mark.parametrize("frame", [3, 10, 19])
def test_a_later_frame_changes_no_earlier_output(frame):
    network = with_random_weights(autoencoder(SMALL))
    x = features(SMALL, 20)
    changed = x.copy()
    changed[:, frame] += 1
    before, after = residual(network, x), residual(network, changed)
    np.testing.assert_array_equal(before[:, :frame], after[:, :frame])
    assert (before[:, frame] != after[:, frame]).any()


def test_the_network_of_the_paper_looks_ahead():
    network = with_random_weights(autoencoder(PAPER))
    x = features(PAPER, 20)
    changed = x.copy()
    changed[:, 10] += 1
    before, after = residual(network, x), residual(network, changed)
    assert (before[:, 9] != after[:, 9]).any()


@pytest.mark.parametrize("config", [SMALL, DEFAULT], ids=["small", "default"])
def test_the_step_graph_is_the_network_frame_by_frame(config):
    network = with_random_weights(autoencoder(config))
    x = features(config, 24)
    whole = residual(network, x)
    step = step_graph(network, config)
    states = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes.items()}
    for i in range(x.shape[1]):
        out = outputs(step, {"features": x[:, i : i + 1], **states})
        states = {name: out[f"next_{name}"] for name in states}
        np.testing.assert_allclose(out[HEAD][0, 0], whole[0, i], atol=1e-5)
    assert 0.01 < np.std(whole) < 4  # neither dead nor at the limits


def test_all_shapes_of_the_step_graph_are_static():
    step = step_graph(autoencoder(SMALL), SMALL)
    tensors = [*step.inputs, *keras.tree.flatten(step.output)]
    assert len(tensors) == 1 + 3 + 1 + 3
    assert all(None not in tensor.shape for tensor in tensors)


def test_the_residual_stays_within_its_range_whatever_the_weights():
    network = with_random_weights(autoencoder(SMALL))
    found = residual(network, 1e3 * features(SMALL, 4))
    assert (found.min(), found.max()) == LOG_RESIDUAL_RANGE


def test_a_network_looks_back_no_further_than_its_step_graph_remembers():
    network = with_random_weights(autoencoder(SMALL))
    reach = sum(2 * dilation for dilation in SMALL.dilations)
    x = features(SMALL, reach + 2)
    changed = x.copy()
    changed[:, 0] += 1
    before, after = residual(network, x), residual(network, changed)
    assert (before[:, reach] != after[:, reach]).any()
    np.testing.assert_array_equal(before[:, reach + 1], after[:, reach + 1])


def counted_macs(step):
    """Multiply-accumulate operations of one call, from the layers themselves."""
    total = 0
    for layer in step.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv1D | keras.layers.Dense):
            places = np.prod(layer.output.shape[1:-1])
            total += int(places * np.prod(layer.kernel.shape))
    return total


@pytest.mark.parametrize(
    "config",
    [SMALL, DEFAULT],
    ids=["small", "default"],
)
def test_the_stated_arithmetic_is_that_of_the_layers(config):
    assert macs_per_frame(config) == counted_macs(step_graph(autoencoder(config), config))


def test_the_default_network_keeps_to_its_budget():
    network = autoencoder(DEFAULT)
    assert network.count_params() <= 500_000
    assert macs_per_frame(DEFAULT) * SAMPLE_RATE / HOP_LENGTH <= 80e6


@pytest.mark.parametrize(
    "change",
    [
        {"bins": 0},
        {"bins": 770},
        {"bins": 2048},
        {"channels": (4, 4)},
        {"channels": ()},
        {"kernels": (5, 3, -3)},
        {"strides": (4, 0, 2)},
        {"strides": (4, 2, 2.0)},
        {"dilations": ()},
        {"dilations": (1, 0)},
        {"dilations": 3},
        {"bottleneck": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": float("nan")},
    ],
    ids=str,
)
def test_a_configuration_that_makes_no_network_is_an_error(change):
    with pytest.raises(ConfigError):
        dataclasses.replace(SMALL, **change)


@pytest.mark.parametrize(
    "values",
    [{"depth": 3}, {"heads": ["log_residual"]}, {"bottleneck": "wide"}, [1, 2], {"dropout": None}],
    ids=str,
)
def test_a_written_configuration_of_another_version_is_an_error(values):
    with pytest.raises(ConfigError):
        config_from_dict(AutoencoderConfig, values)


def test_a_configuration_returns_from_json_lists():
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(SMALL).items()}
    assert config_from_dict(AutoencoderConfig, values) == SMALL


def test_a_network_that_looks_ahead_has_no_step_graph():
    with pytest.raises(ConfigError, match="causal"):
        step_graph(autoencoder(PAPER), PAPER)


def test_an_untrained_network_of_blocks_adds_nothing():
    found = residual(autoencoder(BLOCK), features(BLOCK, 20, batch=2))
    assert found.shape == (2, 20, BLOCK.bins)
    assert not found.any()


def test_a_block_graph_is_the_network_on_one_block():
    network = with_random_weights(autoencoder(BLOCK))
    graph = block_graph(network, BLOCK)
    assert [tensor.shape for tensor in graph.inputs] == [(1, 20, BLOCK.bins)]
    x = features(BLOCK, 20)
    found = residual(network, x)
    assert found.std() > 1e-3
    outs = outputs(graph, {"features": x})
    assert list(outs) == [HEAD]
    np.testing.assert_array_equal(outs[HEAD], found)


def test_every_frame_of_a_block_counts_for_every_other_within_reach():
    network = with_random_weights(autoencoder(BLOCK))
    x = features(BLOCK, 20)
    changed = x.copy()
    changed[:, 11] += 1
    before, after = residual(network, x), residual(network, changed)
    assert (before != after).any(axis=(0, 2)).all()


def test_the_residual_of_a_block_is_a_line_between_groups_of_frames():
    network = with_random_weights(autoencoder(BLOCK))
    head = residual(network, features(BLOCK, 20))[0]
    assert (np.abs(head) < 9).all()  # none was clipped
    bends = np.abs(np.diff(head, 2, axis=0)).max(axis=1)
    centres = np.arange(1.5, 20, 4)  # of the groups of four
    straight = [i for i in range(18) if not any(i < centre < i + 2 for centre in centres)]
    assert len(straight) >= 6
    assert bends[straight].max() < 1e-4 < bends.max()


def test_the_stated_arithmetic_of_a_block_is_that_of_the_layers():
    network = autoencoder(BLOCK)
    assert macs_per_frame(BLOCK) * 20 == counted_macs(network)


def test_the_decoder_runs_a_step_or_a_block():
    assert decoder_graph(autoencoder(SMALL), SMALL).name == "stft_step"
    assert decoder_graph(autoencoder(BLOCK), BLOCK).name == "block"
    assert BLOCK.state_shapes == {}
    with pytest.raises(ConfigError, match="fixed number of frames"):
        block_graph(autoencoder(SMALL), SMALL)


@pytest.mark.parametrize(
    "change", [{"frames": 22}, {"time_stride": 0}, {"frames": None}, {"causal": True}, {"frames": 0}], ids=str
)
def test_a_configuration_that_makes_no_network_of_blocks_is_an_error(change):
    with pytest.raises(ConfigError):
        dataclasses.replace(BLOCK, **change)


def test_a_saved_network_does_the_same_after_loading(tmp_path):
    network = with_random_weights(autoencoder(SMALL))
    network.save(tmp_path / "network.keras")
    x = features(SMALL, 6)
    loaded = keras.models.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(residual(loaded, x), residual(network, x))
