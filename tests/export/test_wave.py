"""The whole decoder as one graph: it does what the decoder does."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("tensorflow")

import tensorflow as tf

from export import cli
from export.wave import TENSORS, WaveGraph
from tests.helpers.decoding import cut, decode, music, noise
from tests.helpers.paths import ROOT
from tfbwe.band import HIGHEST_CUTOFF_HZ, HIGHEST_HZ
from tfbwe.decoder import Decoder
from tfbwe.errors import ConfigError, ModelError
from tfbwe.model.bundle import WEIGHTS, load_bundle
from tfbwe.model.manifest import Manifest
from tfbwe.model.step_model import StepModel
from tfbwe.model.wave_model import WaveModel
from tfbwe.network.autoencoder import autoencoder
from tfbwe.network.restorer import restorer
from tfbwe.network.shapes import AutoencoderConfig, RestorerConfig

RUN = ROOT / "networks" / "stft"
STEP = RUN / "stft-float32.tflite"
BLOCKS = st.lists(st.sampled_from([0, 1, 511, 512, 513, 2049]) | st.integers(0, 4000))
SETTINGS = [(8000.0, 1.0), (4003.7, 0.3), (11025.0, 0.6), (15200.0, 1.0)]
SIDES = {1: "mono", 2: "stereo"}


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tfbwe-wave-")


@functools.cache
def exact() -> Path:
    """Folder of the wave graphs of the shipped network in float32."""
    out = Path(_folder().name)
    assert cli.main([str(RUN), "-o", str(out), "--graph", "wave", "--quantize", "none"]) == 0
    return out


def wave(channels, **more):
    return Decoder(exact() / f"stft-{SIDES[channels]}.none.tflite", channels, **more)


def step(channels, **more):
    return Decoder(STEP, channels, **more)


def below_added_db(received, expected, x):
    """How far the difference of two outputs lies below the band that was added to a signal."""
    late = np.pad(x, ((0, 0), (2048, 0)))[:, : expected.shape[1]]
    added = float(np.sum(np.square(expected - late, dtype=np.float64)))
    error = float(np.sum(np.square(received.astype(np.float64) - expected)))
    return 10 * np.log10(added / max(error, 1e-30))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("cutoff_hz", "diffuse"), SETTINGS)
def test_the_graph_is_the_decoder_to_100_db_of_the_added_band(channels, cutoff_hz, diffuse):
    x = music(channels, 2.0, min(cutoff_hz, 9000.0)) + noise(channels, 2 * 44100, cutoff_hz, 0.01)
    received = decode(wave(channels, cutoff_hz=cutoff_hz, diffuse=diffuse), x, [100, 5000, 5001, 40000])
    expected = decode(step(channels, cutoff_hz=cutoff_hz, diffuse=diffuse), x)
    assert below_added_db(received, expected, x) > 100


def test_it_follows_through_loss_silence_and_full_scale():
    x = np.clip(4 * music(2, 3.0), -1, 1)
    x[:, 60000:70000] = 0
    outputs = []
    for decoder in (wave(2, cutoff_hz=8000.0), step(2, cutoff_hz=8000.0)):
        parts = [decoder.process(x[:, :30000]), decoder.process(None, 900), decoder.process(None, 6000)]
        parts += [
            decoder.process(x[:, 36900:80000]),
            decoder.process(None, 100),
            decoder.process(x[:, 80100:]),
        ]
        outputs.append(np.concatenate([*parts, decoder.flush()], axis=1))
    sent = x.copy()
    sent[:, 30000:36900] = 0
    sent[:, 80000:80100] = 0
    assert below_added_db(*outputs, sent) > 85


def test_a_cutoff_that_is_not_given_is_tracked_alike():
    x = music(1, 6.0)
    decoders = [wave(1), step(1)]
    received, expected = (decode(decoder, x) for decoder in decoders)
    assert decoders[0].cutoff_hz is None  # flushed
    assert below_added_db(received, expected, x) > 100


@settings(max_examples=12, deadline=None)
@given(
    sizes=st.lists(st.sampled_from([0, 1, 511, 512, 513, 2049]) | st.integers(0, 4000)),
    channels=st.sampled_from([1, 2]),
)
def test_block_sizes_change_no_bit(sizes, channels):
    x = music(channels, 0.5)
    decoder = wave(channels, cutoff_hz=8000.0)
    whole = decode(decoder, x)
    np.testing.assert_array_equal(decode(decoder, x, cut(x.shape[1], sizes)), whole)


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_a_cutoff_out_of_range_and_a_wall_leave_the_received_signal(channels):
    x = music(channels, 1.5)
    late = np.pad(x, ((0, 0), (2048, 0)))
    np.testing.assert_array_equal(decode(wave(channels, cutoff_hz=HIGHEST_CUTOFF_HZ + 1), x), late)
    np.testing.assert_array_equal(decode(wave(channels, cutoff_hz=8000.0, diffuse=0.0), x), late)
    assert not decode(wave(channels, cutoff_hz=8000.0), 0 * x).any()
    loud = decode(wave(channels, cutoff_hz=8000.0), (1e30 * x).astype(np.float32))
    assert np.isfinite(loud).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_the_shipped_graph_is_the_decoder_in_float32_to_its_stated_figure(channels):
    path = WEIGHTS / "wave" / f"stft-{SIDES[channels]}.tflite"
    manifest = load_bundle(path).manifest
    assert manifest.quantisation == "dynamic"
    assert manifest.verification["below_added_db"] >= manifest.verification["limit_below_added_db"] >= 20
    x = music(channels, 2.0)
    received, expected = (decode(Decoder(model, channels, 8000.0), x) for model in (path, STEP))
    assert below_added_db(received, expected, x) > manifest.verification["limit_below_added_db"]


@pytest.mark.parametrize("side", SIDES.values())
def test_the_shipped_graph_comes_from_the_shipped_network(side):
    own = load_bundle(WEIGHTS / "wave" / f"stft-{side}.tflite").manifest
    step = load_bundle("stft").manifest
    assert own.training == step.training
    assert own.restoring == step.restoring != {}
    assert Manifest.from_json((WEIGHTS / "wave" / f"stft-{side}.json").read_text()) == own


@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_is_made_of_builtins_and_its_manifest_says_what_each_tensor_is(channels):
    bundle = load_bundle(exact() / f"stft-{SIDES[channels]}.none.tflite")
    interpreter = tf.lite.Interpreter(model_content=bundle.flatbuffer)
    operations = {row["op_name"] for row in interpreter._get_ops_details()}
    assert "RFFT2D" in operations
    assert not [name for name in operations if name.startswith("Flex") or name == "CUSTOM"]
    signature = interpreter.get_signature_list()["serving_default"]
    graph = bundle.manifest.graph
    assert graph == {
        **graph,
        "kind": "wave",
        "channels": channels,
        "hop_length": 512,
        "latency_samples": 1536,
    }
    names = {*signature["inputs"], *(name for name in signature["outputs"] if not name.startswith("next_"))}
    assert set(graph["tensors"]) == names <= set(TENSORS)
    assert {f"next_{name}" for name in bundle.manifest.states} < set(signature["outputs"])


def test_its_latency_is_that_of_an_impulse():
    graph = WaveModel(load_bundle(exact() / "stft-mono.none.tflite"), 1)
    hops = np.zeros((8, 1, 512), np.float32)
    hops[1, 0, 100] = 1
    outputs = []
    for hop in hops:
        graph._interpreter.set_tensor(graph._inputs["hop"], hop)
        graph.process(hop, 0.0, 1.0, 0)
        outputs.append(_extended(graph))
    heard = np.concatenate(outputs, axis=1)[0]
    assert np.flatnonzero(heard).tolist() == [512 + 100 + graph.latency]


def _extended(graph):
    names = graph._interpreter.get_signature_runner().get_output_details()
    return graph._interpreter.get_tensor(names["extended"]["index"])


def test_what_a_wave_graph_is_not_for_is_refused_with_the_way_out():
    mono = exact() / "stft-mono.none.tflite"
    with pytest.raises(ConfigError, match="expected 1 channels, for which this graph was made, received 2"):
        Decoder(mono, 2)
    with pytest.raises(ConfigError, match="phase: expected mirror"):
        Decoder(mono, 1, phase="received")
    with pytest.raises(ModelError, match="received the whole decoder"):
        StepModel(load_bundle(mono), 1)
    with pytest.raises(ModelError, match="received a step graph"):
        WaveModel(load_bundle(STEP), 1)
    bundle = load_bundle(mono)
    other = {**bundle.manifest.states, "frame": (2,)}
    manifest = dataclasses.replace(bundle.manifest, states=other)
    with pytest.raises(ModelError, match="expected the inputs"):
        WaveModel(dataclasses.replace(bundle, manifest=manifest), 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--graph", "wave", "--quantize", "int8"], "makes the signal path coarse"),
        (["--graph", "wave", "--quantize", "none", "float16"], "makes the signal path coarse"),
    ],
)
def test_quantisations_that_a_wave_graph_cannot_have_are_one_line(arguments, words, tmp_path, capsys):
    assert cli.main([str(RUN), "-o", str(tmp_path), *arguments]) == 1
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_cqt_model_has_no_wave_graph(tmp_path, capsys):
    assert cli.main([str(ROOT / "networks" / "cqt"), "-o", str(tmp_path), "--graph", "wave"]) == 1
    assert "powers of two" in capsys.readouterr().err


@pytest.mark.parametrize("restoring", [None, RestorerConfig(channels=4, dilations=(1,), pooled=4)], ids=str)
def test_any_causal_network_makes_a_graph(restoring):
    config = AutoencoderConfig(bins=768, channels=(4, 4, 4), bottleneck=8, dilations=(1, 2))
    other = restoring and restorer(restoring)
    graph = WaveGraph(autoencoder(config), config, other, 2, HIGHEST_CUTOFF_HZ, HIGHEST_HZ)
    function = graph.function()
    given = {name: tf.zeros(shape) for name, shape in {**graph.input_shapes, **graph.state_shapes}.items()}
    out = function(**given)
    assert set(out) == {"extended", "high_band", "limited", *(f"next_{name}" for name in graph.state_shapes)}
    for name, shape in graph.state_shapes.items():
        assert out[f"next_{name}"].shape == shape


def test_it_counts_the_frames_that_were_held_down():
    loud = np.random.default_rng(0).standard_normal((2, 44100)).astype(np.float32)
    x = np.where(np.arange(44100) % 8820 < 2000, 1e-3, 0.3).astype(np.float32) * loud
    counts = []
    for decoder in (wave(2, cutoff_hz=6000.0), step(2, cutoff_hz=6000.0)):
        decoder.process(x)
        counts.append(decoder.limited_frames)
    assert counts[0] == counts[1] > 0
