from __future__ import annotations

import collections
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import smoke
from tests.helpers.exported import bundle_of, change_config, copy_of_run, exported
from tests.helpers.paths import ROOT

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from export import cli, verify  # noqa: E402
from tfbwe import Decoder  # noqa: E402
from tfbwe.model.bundle import load_bundle  # noqa: E402
from tfbwe.network.run_folder import best_network  # noqa: E402

TYPES = {0: "float32", 1: "float16", 2: "int32", 4: "int64", 9: "int8"}
EVERY = pytest.mark.parametrize("quantisation", cli.QUANTISATIONS)


def graph(flatbuffer):
    from tensorflow.lite.python import schema_py_generated as schema

    return schema.Model.GetRootAsModel(flatbuffer, 0)


@EVERY
def test_a_graph_is_made_of_builtins_alone(quantisation):
    from tensorflow.lite.python import schema_py_generated as schema

    model = graph(bundle_of(quantisation).flatbuffer)
    assert model.OperatorCodesLength() > 3
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        assert code.CustomCode() is None
        assert max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) != schema.BuiltinOperator.CUSTOM


@EVERY
def test_inputs_and_outputs_are_float_and_static(quantisation):
    bundle = bundle_of(quantisation)
    main = graph(bundle.flatbuffer).Subgraphs(0)
    indices = [*main.InputsAsNumpy(), *main.OutputsAsNumpy()]
    states = len(bundle.manifest.states)
    assert len(indices) == 1 + states + 1 + states
    restoring = graph(bundle.flatbuffer).Subgraphs(1)
    assert [len(x) for x in (restoring.InputsAsNumpy(), restoring.OutputsAsNumpy())] == [1, 1]
    for part in (main, restoring):
        for index in [*part.InputsAsNumpy(), *part.OutputsAsNumpy()]:
            tensor = part.Tensors(int(index))
            assert tensor.Type() == 0  # FLOAT32
            assert all(n > 0 for n in tensor.ShapeAsNumpy())
            assert not tensor.ShapeSignatureLength() or all(n > 0 for n in tensor.ShapeSignatureAsNumpy())


@EVERY
def test_a_model_file_says_what_it_is_and_that_it_was_verified(quantisation):
    manifest = bundle_of(quantisation).manifest
    assert manifest.quantisation == quantisation
    assert manifest.verification["excerpts"] == 16
    for name in ("rms_nepers", "restoring_rms_nepers"):
        assert manifest.verification[name] <= verify.MAX_RMS_NEPERS[quantisation]
    for training, run in (
        (manifest.training, smoke.run()),
        (manifest.restoring["training"], smoke.restoring_run()),
    ):
        described = json.loads((run / "config.json").read_text())
        del described["command"]  # it tells the paths of whoever trained
        assert training == described
    assert manifest.restoring["parameters"] == best_network(smoke.restoring_run()).count_params()
    assert 0 < manifest.restoring["macs_per_s"] < 0.1 * manifest.macs_per_s
    beside = exported() / f"stft.{quantisation}.json"
    assert beside.read_text() == manifest.to_json()


def bytes_of_constants(quantisation):
    """Bytes of the constants of a graph for each type of number."""
    model = graph(bundle_of(quantisation).flatbuffer)
    main = model.Subgraphs(0)
    sizes = collections.Counter()
    for i in range(main.TensorsLength()):
        tensor = main.Tensors(i)
        sizes[TYPES[tensor.Type()]] += model.Buffers(tensor.Buffer()).DataLength()
    return sizes


def test_quantisation_makes_the_weights_smaller():
    weights = {q: bytes_of_constants(q) for q in cli.QUANTISATIONS}
    exact = weights["none"]["float32"]
    assert weights["float16"]["float16"] == pytest.approx(exact / 2, rel=0.05)
    assert weights["int8"]["int8"] == pytest.approx(exact / 4, rel=0.05)
    assert weights["int8"]["float32"] < 0.01 * exact
    assert weights["dynamic"]["int8"] > 0.5 * exact / 4
    for quantisation in ("float16", "dynamic", "int8"):
        assert bundle_of(quantisation).manifest.size_bytes < bundle_of("none").manifest.size_bytes


@pytest.mark.parametrize(("model", "most"), [("stft", 500_000), ("cqt", 1_500_000)])
def test_a_shipped_model_keeps_to_its_budget(model, most):
    manifest = load_bundle(model).manifest
    assert manifest.quantisation == "int8"
    assert manifest.size_bytes <= most


@pytest.mark.parametrize("quantisation", ["none", "int8"])
def test_a_model_file_extends_a_signal(quantisation):
    decoder = Decoder(exported() / f"stft.{quantisation}.tflite", 1, cutoff_hz=8000.0)
    x = smoke.made_up_song(9, 1.0, channels=1)
    spectrum = np.fft.rfft(x)
    above = np.fft.rfftfreq(x.shape[1], 1 / smoke.RATE) > 8000
    spectrum[:, above] = 0
    x = np.fft.irfft(spectrum, x.shape[1]).astype(np.float32)
    y = np.concatenate([decoder.process(x), decoder.flush()], axis=1)[:, decoder.latency :]
    assert y.shape == x.shape
    assert np.isfinite(y).all()
    added = np.abs(np.fft.rfft((y - x) * np.hanning(x.shape[1]))) ** 2
    below_crossover = np.fft.rfftfreq(x.shape[1], 1 / smoke.RATE) < 5500
    assert added[:, above].sum() > 1e3 * added[:, below_crossover].sum()
    assert np.abs(y - x).max() > 1e-4


def test_existing_files_are_not_replaced_unless_forced(failing):
    file = exported() / "stft.none.tflite"
    before = file.stat().st_mtime_ns
    again = [str(smoke.run()), "--restore", str(smoke.restoring_run()), "-o", str(exported())]
    again += ["--graph", "step", "--quantize", "none"]
    assert "--force" in failing(*again)
    assert file.stat().st_mtime_ns == before
    assert cli.main([*again, "--force"]) == 0
    assert file.stat().st_mtime_ns != before
    assert load_bundle(file).flatbuffer


def test_a_sidecar_alone_is_not_replaced_either(failing, tmp_path):
    (tmp_path / "stft.int8.json").write_text("mine")
    assert "stft.int8.json" in failing(smoke.run(), "-o", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["stft.int8.json"]


@pytest.mark.parametrize("name", ["config.json", "best.keras", "features.npz"])
def test_an_incomplete_run_is_one_line(name, failing, tmp_path):
    assert name in failing(copy_of_run(tmp_path, name), "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_folder_that_is_not_there_is_one_line(failing, tmp_path):
    assert "no such run" in failing(tmp_path / "no such run", "-o", tmp_path / "out")


@pytest.mark.parametrize("name", ["config.json", "best.keras", "features.npz"])
def test_a_damaged_run_is_one_line(name, failing, tmp_path):
    run = copy_of_run(tmp_path)
    data = (run / name).read_bytes()
    (run / name).write_bytes(data[: len(data) // 2])
    assert name in failing(run, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_configuration_of_another_network_is_one_line(failing, tmp_path):
    run = copy_of_run(tmp_path)
    network = json.loads((run / "config.json").read_text())["config"]["network"]
    change_config(run, network={**network, "bottleneck": 20})
    assert "best.keras" in failing(run, "-o", tmp_path / "out")
    change_config(run, network={**network, "depth": 3})
    assert "config.json" in failing(run, "-o", tmp_path / "out")


def test_a_network_that_looks_ahead_is_not_exported(failing, tmp_path):
    run = copy_of_run(tmp_path)
    network = json.loads((run / "config.json").read_text())["config"]["network"]
    change_config(run, network={**network, "causal": False})
    assert "causal" in failing(run, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_network_of_the_paper_is_not_exported(failing, tmp_path):
    run = copy_of_run(tmp_path)
    change_config(run, objective="squared_error")
    assert "reads what was restored" in failing(run, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_broken_weights_are_not_exported(failing, tmp_path):
    run = copy_of_run(tmp_path)
    network = keras.models.load_model(run / "best.keras")
    layer = network.get_layer("narrow")
    kernel, bias = layer.get_weights()
    kernel[0, 0] = np.nan
    layer.set_weights([kernel, bias])
    network.save(run / "best.keras")
    assert "finite" in failing(run, "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_graph_that_strays_from_the_network_is_not_written(failing, tmp_path, monkeypatch):
    monkeypatch.setitem(verify.MAX_RMS_NEPERS, "float16", 1e-9)
    line = failing(smoke.run(), "-o", tmp_path / "out", "--quantize", "none", "float16")
    assert "stft.float16.tflite" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("argv", [["run"], ["run", "-o", "x", "--quantize", "int4"], ["-o", "x"]], ids=str)
def test_wrong_usage_exits_with_2(argv):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2


def test_a_file_in_the_place_of_the_output_is_one_line(failing, tmp_path):
    (tmp_path / "file").write_text("")
    assert "expected a folder" in failing(smoke.run(), "-o", tmp_path / "file")


def test_an_output_that_cannot_be_made_is_one_line(failing, tmp_path):
    (tmp_path / "file").write_text("")
    failing(smoke.run(), "-o", tmp_path / "file" / "out", "--quantize", "none")


def test_help_needs_nothing_heavy():
    check = """
import sys
from export.cli import main
try:
    main(["--help"])
finally:
    assert not {"keras", "tensorflow", "numpy"} & set(sys.modules)
"""
    answer = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "--quantize" in answer.stdout


def test_without_tensorflow_the_way_out_is_named(failing, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "export.convert")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert "tfbwe[export]" in failing(smoke.run(), "-o", tmp_path / "out")


def test_a_run_of_another_backend_is_exported_with_tensorflow(tmp_path):
    command = [sys.executable, "-m", "export.cli", smoke.run(), "-o", tmp_path, "--quantize", "none"]
    command += ["--restore", smoke.restoring_run()]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # which importing JAX has set in this process
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert load_bundle(tmp_path / "stft.none.tflite").manifest.verification["rms_nepers"] < 1e-4
