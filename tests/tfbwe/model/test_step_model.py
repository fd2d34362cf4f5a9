import dataclasses
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tfbwe.errors import ModelError
from tfbwe.model.bundle import load_bundle
from tfbwe.model.features import HEAD
from tfbwe.model.step_model import StepModel
from tfbwe.restoration.statistics import BANDS, FEATURES

BUNDLE = load_bundle("stft")
MANIFEST = BUNDLE.manifest
BINS = MANIFEST.transform["bins"]


def features(frames=8, channels=1, seed=0):
    return np.random.default_rng(seed).uniform(-1.4, 2, (frames, channels, BINS)).astype(np.float32)


def run(model, frames):
    return np.stack([model.step(frame) for frame in frames])


def changed(**parts):
    return dataclasses.replace(BUNDLE, manifest=dataclasses.replace(MANIFEST, **parts))


def statistics(seed=0):
    rows = np.random.default_rng(seed).normal(0, 1, (1, BANDS, FEATURES))
    return rows.astype(np.float32)


def test_residuals_come_one_row_a_channel():
    found = StepModel(BUNDLE, 2).step(features(1, 2)[0])
    assert found.shape == (2, BINS)
    assert found.dtype == np.float32
    assert (found[0] != found[1]).any()


def test_the_restoring_network_remembers_nothing_and_leaves_the_other_alone():
    model = StepModel(BUNDLE, 1)
    frames = features()
    expected = run(model, frames)
    model.reset()
    first = model.restoring(statistics()).copy()
    parts = [
        model.step(frames[0]),
        model.restoring(statistics(1)),
        *(model.step(frame) for frame in frames[1:]),
    ]
    assert first.shape == (1, BANDS)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert (parts[1] != first).any()
    np.testing.assert_array_equal(model.restoring(statistics()), first)
    np.testing.assert_array_equal(np.stack([parts[0], *parts[2:]]), expected)


def test_what_the_restoring_network_returned_stays_as_it_is():
    model = StepModel(BUNDLE, 1)
    first = model.restoring(statistics())
    kept = first.copy()
    model.restoring(statistics(1))
    np.testing.assert_array_equal(first, kept)


def test_a_model_without_a_restoring_network_restores_nothing():
    gain = StepModel(changed(restoring={}), 1).restoring(statistics())
    assert gain.shape == (1, BANDS)
    assert not gain.any()


@pytest.mark.parametrize(
    ("side", "shapes"),
    [("input", ((1, BANDS, FEATURES + 1), (1, BANDS))), ("output", ((1, BANDS, FEATURES), (1, BANDS - 1)))],
)
def test_a_restoring_network_of_other_tensors_is_refused(monkeypatch, side, shapes):
    found = [{name: _details(shape)} for name, shape in zip(("statistics", "log_gain"), shapes, strict=True)]
    monkeypatch.setattr("tfbwe.model.step_model.opened_signature", lambda bundle, name: (None, *found))
    with pytest.raises(ModelError, match=rf"stft.tflite: expected the {side}s .*155.*, the graph has "):
        StepModel(BUNDLE, 1)


def test_a_restoring_network_that_the_graph_has_not_is_refused(monkeypatch):
    monkeypatch.setattr("tfbwe.model.step_model.RESTORE", "serving_magic")
    with pytest.raises(ModelError, match=r"stft.tflite: the interpreter refuses it: .*serving_magic"):
        StepModel(BUNDLE, 1)


def _details(shape, index=0, dtype=np.float32):
    return {"index": index, "shape": np.array(shape), "dtype": dtype}


def test_states_are_carried_from_frame_to_frame():
    model = StepModel(BUNDLE, 1)
    frames = features()
    carried = run(model, frames)
    for frame, expected in zip(frames[1:], carried[1:], strict=True):
        model.reset()
        assert np.abs(model.step(frame) - expected).max() > 1e-3


def test_reset_and_a_new_model_give_the_same_bits():
    model = StepModel(BUNDLE, 2)
    frames = features(channels=2)
    first = run(model, frames)
    model.reset()
    np.testing.assert_array_equal(run(model, frames), first)
    np.testing.assert_array_equal(run(StepModel(BUNDLE, 2), frames), first)


def test_the_memory_reaches_as_far_back_as_the_longest_state_and_no_further():
    model = StepModel(BUNDLE, 1)
    span = sum(shape[1] for shape in MANIFEST.states.values())
    frames = features(span + 3)
    other = frames.copy()
    other[0] = features(1, seed=1)[0]
    differs = (run(model, frames) != (model.reset(), run(model, other))[1]).any(axis=(1, 2))
    assert differs[0]
    assert differs[1 : span + 1].any()
    assert not differs[span + 1 :].any()


def test_channels_are_independent():
    frames = features(channels=3)
    together = run(StepModel(BUNDLE, 3), frames)
    for channel in range(3):
        alone = run(StepModel(BUNDLE, 1), frames[:, channel : channel + 1])
        np.testing.assert_array_equal(together[:, channel], alone[:, 0])


def test_two_models_of_a_bundle_do_not_share_memory():
    frames = features()
    one, other = StepModel(BUNDLE, 1), StepModel(BUNDLE, 1)
    interleaved = []
    for frame in frames:
        interleaved.append(one.step(frame))
        other.step(frame[:, ::-1].copy())
    np.testing.assert_array_equal(np.stack(interleaved), run(StepModel(BUNDLE, 1), frames))


def test_residuals_are_finite_for_features_of_any_level():
    model = StepModel(BUNDLE, 1)
    for level in (0.0, -1.4, 10.0, 1e6, -1e6):
        assert np.isfinite(model.step(np.full((1, BINS), level, np.float32))).all()


@pytest.mark.parametrize(
    "parts",
    [
        {"states": {}},
        {"states": {**MANIFEST.states, "state_0": (1, 2, 8)}},
        {"states": {**MANIFEST.states, "state_9": (1, 2, 8)}},
        {"transform": {**MANIFEST.transform, "bins": BINS - 8}, "highest_hz": 15000.0},
    ],
)
def test_a_graph_of_other_tensors_than_the_manifest_s_is_refused(parts):
    with pytest.raises(ModelError, match=r"stft.tflite: expected the (in|out)puts .*, the graph has "):
        StepModel(changed(**parts), 1)


@pytest.mark.parametrize("flatbuffer", [b"", b"\x1c\x00\x00\x00TFL3" + bytes(100), BUNDLE.flatbuffer[:5000]])
def test_a_flatbuffer_that_the_interpreter_refuses_is_a_model_error(flatbuffer):
    with pytest.raises(ModelError, match=r"stft.tflite: the interpreter refuses it: "):
        StepModel(dataclasses.replace(BUNDLE, flatbuffer=flatbuffer), 1)


def test_tensors_that_are_not_float32_are_refused(monkeypatch):
    def details(shapes, quantised=()):
        return {
            name: _details(shape, i, np.int8 if name in quantised else np.float32)
            for i, (name, shape) in enumerate(shapes.items())
        }

    frame, states = (1, 1, BINS), MANIFEST.states
    runner = SimpleNamespace(
        get_input_details=lambda: details({"features": frame, **states}),
        get_output_details=lambda: details(
            {HEAD: frame, **{f"next_{name}": shape for name, shape in states.items()}}, [HEAD]
        ),
    )
    interpreter = SimpleNamespace(allocate_tensors=lambda: None, get_signature_runner=lambda name: runner)
    monkeypatch.setattr("tfbwe.model.interpreter._interpreter_class", lambda: lambda **options: interpreter)
    with pytest.raises(
        ModelError, match=r"expected float32 for the output log_residual, the graph has .*int8"
    ):
        StepModel(BUNDLE, 1)


@pytest.mark.parametrize("key", ["kind", "sample_rate", "n_fft", "hop_length", "window", "bins"])
def test_another_transform_than_ours_is_refused(key):
    other = {**MANIFEST.transform, key: 4096}
    missing = {name: value for name, value in MANIFEST.transform.items() if name != key}
    for transform in (other, missing):
        expected = "stft or cqt" if key == "kind" else ".*2048.*"
        with pytest.raises(ModelError, match=rf"expected the transform {expected}, received "):
            StepModel(changed(transform=transform), 1)


def test_a_high_band_beyond_the_predicted_bins_is_refused():
    with pytest.raises(ModelError, match=r"expected highest_hz up to 20650.3 for 960 bins, received 21000"):
        StepModel(changed(highest_hz=21000.0), 1)


@pytest.mark.parametrize(
    "normalisation",
    [
        {},
        {"epsilon": 1e-4, "offset": 5.0},
        {"epsilon": 0.0, "offset": 5.0, "scale": 3.0},
        {"epsilon": 1e-4, "offset": 5.0, "scale": 0},
        {"epsilon": 1e-4, "offset": float("nan"), "scale": 3.0},
        {"epsilon": 1e-4, "offset": "5", "scale": 3.0},
        {"epsilon": 1e-4, "offset": 5.0, "scale": 3.0, "power": 2.0},
    ],
)
def test_a_normalisation_that_cannot_be_applied_is_refused(normalisation):
    with pytest.raises(ModelError, match="expected the normalisation epsilon, offset and scale, received"):
        StepModel(changed(normalisation=normalisation), 1)


def test_without_an_interpreter_the_error_says_what_to_install(monkeypatch):
    for name in ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModelError, match="pip install ai-edge-litert"):
        StepModel(BUNDLE, 1)
