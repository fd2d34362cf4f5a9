from __future__ import annotations

import dataclasses

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.errors import ConfigError  # noqa: E402
from tfbwe.network.autoencoder import (  # noqa: E402
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
PAPER = dataclasses.replace(SMALL, causal=False, heads=("log_residual",))
BLOCK = dataclasses.replace(SMALL, frames=20, time_stride=4, causal=False)


def with_random_weights(network, seed=0):
    """Fill every weight, those of the heads too, which start at zero."""
    rng = np.random.default_rng(seed)
    network.set_weights(
        [rng.normal(0, 1 / np.sqrt(max(1, np.prod(w.shape[:-1]))), w.shape) for w in network.get_weights()]
    )
    return network


def features(config, frames, batch=1, seed=1):
    return np.random.default_rng(seed).normal(0, 1, (batch, frames, config.bins)).astype(np.float32)


def outputs(network, x):
    return {name: keras.ops.convert_to_numpy(head) for name, head in network(x, training=False).items()}


@pytest.mark.parametrize("config", [SMALL, DEFAULT, PAPER], ids=["small", "default", "paper"])
def test_an_untrained_network_changes_nothing(config):
    heads = outputs(autoencoder(config), features(config, 5, batch=2))
    assert tuple(heads) == config.heads
    for head in heads.values():
        assert head.shape == (2, 5, config.bins)
        assert head.dtype == np.float32
        assert not head.any()


@pytest.mark.parametrize("frame", [3, 10, 19])
def test_a_later_frame_changes_no_earlier_output(frame):
    network = with_random_weights(autoencoder(SMALL))
    x = features(SMALL, 20)
    changed = x.copy()
    changed[:, frame] += 1
    before, after = outputs(network, x), outputs(network, changed)
    for name in SMALL.heads:
        np.testing.assert_array_equal(before[name][:, :frame], after[name][:, :frame])
        assert (before[name][:, frame] != after[name][:, frame]).any()


def test_the_network_of_the_paper_looks_ahead():
    network = with_random_weights(autoencoder(PAPER))
    x = features(PAPER, 20)
    changed = x.copy()
    changed[:, 10] += 1
    before, after = outputs(network, x)["log_residual"], outputs(network, changed)["log_residual"]
    assert (before[:, 9] != after[:, 9]).any()


@pytest.mark.parametrize("config", [SMALL, DEFAULT], ids=["small", "default"])
def test_the_step_graph_is_the_network_frame_by_frame(config):
    network = with_random_weights(autoencoder(config))
    x = features(config, 24)
    whole = outputs(network, x)
    step = step_graph(network, config)
    states = {name: np.zeros(shape, np.float32) for name, shape in config.state_shapes.items()}
    for i in range(x.shape[1]):
        out = outputs(step, {"features": x[:, i : i + 1], **states})
        states = {name: out[f"next_{name}"] for name in states}
        for name in config.heads:
            np.testing.assert_allclose(out[name][0, 0], whole[name][0, i], atol=1e-5)
    assert all(0.01 < np.std(head) < 4 for head in whole.values())  # neither dead nor at the limits


def test_all_shapes_of_the_step_graph_are_static():
    step = step_graph(autoencoder(SMALL), SMALL)
    tensors = [*step.inputs, *keras.tree.flatten(step.output)]
    assert len(tensors) == 1 + 3 + 2 + 3
    assert all(None not in tensor.shape for tensor in tensors)


def test_heads_stay_within_their_range_whatever_the_weights():
    network = with_random_weights(autoencoder(SMALL))
    heads = outputs(network, 1e3 * features(SMALL, 4))
    assert heads["log_gain"].max() == 9
    assert heads["log_gain"].min() == -4
    assert np.abs(heads["log_residual"]).max() == 9


def test_the_gain_is_a_share_of_the_predicted_change():
    network = with_random_weights(autoencoder(SMALL))
    names = ("log_gain_product", "log_residual_groups")
    inner = keras.Model(network.input, [network.get_layer(name).output for name in names])
    gain, residual = (keras.ops.convert_to_numpy(x) for x in inner(features(SMALL, 8)))
    share = gain / residual
    assert share.min() > 0
    assert share.max() < 1
    assert np.ptp(share) > 0.2


def test_a_network_looks_back_no_further_than_its_step_graph_remembers():
    network = with_random_weights(autoencoder(SMALL))
    reach = sum(2 * dilation for dilation in SMALL.dilations)
    x = features(SMALL, reach + 2)
    changed = x.copy()
    changed[:, 0] += 1
    before, after = outputs(network, x)["log_gain"], outputs(network, changed)["log_gain"]
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
    [SMALL, DEFAULT, dataclasses.replace(SMALL, heads=("log_residual",))],
    ids=["small", "default", "one"],
)
def test_the_stated_arithmetic_is_that_of_the_layers(config):
    assert macs_per_frame(config) == counted_macs(step_graph(autoencoder(config), config))


def test_the_default_network_keeps_to_its_budget():
    network = autoencoder(DEFAULT)
    assert network.count_params() <= 500_000
    assert macs_per_frame(DEFAULT) * SAMPLE_RATE / HOP_LENGTH <= 72e6


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
        {"heads": ()},
        {"heads": ("phase",)},
        {"heads": ("log_gain", "log_gain")},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"dropout": float("nan")},
    ],
    ids=str,
)
def test_a_configuration_that_makes_no_network_is_an_error(change):
    with pytest.raises(ConfigError):
        dataclasses.replace(SMALL, **change)


@pytest.mark.parametrize("values", [{"depth": 3}, {"bottleneck": "wide"}, [1, 2], {"dropout": None}], ids=str)
def test_a_written_configuration_of_another_version_is_an_error(values):
    with pytest.raises(ConfigError):
        config_from_dict(AutoencoderConfig, values)


def test_a_configuration_returns_from_json_lists():
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(SMALL).items()}
    assert config_from_dict(AutoencoderConfig, values) == SMALL


def test_a_network_that_looks_ahead_has_no_step_graph():
    with pytest.raises(ConfigError, match="causal"):
        step_graph(autoencoder(PAPER), PAPER)


def test_an_untrained_network_of_blocks_changes_nothing():
    heads = outputs(autoencoder(BLOCK), features(BLOCK, 20, batch=2))
    assert tuple(heads) == BLOCK.heads
    for head in heads.values():
        assert head.shape == (2, 20, BLOCK.bins)
        assert not head.any()


def test_a_block_graph_is_the_network_on_one_block():
    network = with_random_weights(autoencoder(BLOCK))
    graph = block_graph(network, BLOCK)
    assert [tensor.shape for tensor in graph.inputs] == [(1, 20, BLOCK.bins)]
    x = features(BLOCK, 20)
    for name, head in outputs(network, x).items():
        assert head.std() > 1e-3
        np.testing.assert_array_equal(outputs(graph, {"features": x})[name], head)


def test_every_frame_of_a_block_counts_for_every_other_within_reach():
    network = with_random_weights(autoencoder(BLOCK))
    x = features(BLOCK, 20)
    changed = x.copy()
    changed[:, 11] += 1
    before, after = outputs(network, x)["log_residual"], outputs(network, changed)["log_residual"]
    assert (before != after).any(axis=(0, 2)).all()


def test_the_heads_of_a_block_are_lines_between_groups_of_frames():
    network = with_random_weights(autoencoder(BLOCK))
    head = outputs(network, features(BLOCK, 20))["log_residual"][0]
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
    loaded = outputs(keras.models.load_model(tmp_path / "network.keras"), x)
    for name, head in outputs(network, x).items():
        np.testing.assert_array_equal(loaded[name], head)
