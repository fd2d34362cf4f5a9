"""The restoring network goes into the same files: which one, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers import smoke
from tests.helpers.exported import copy_of_run

pytest.importorskip("tensorflow")

from export import cli
from tfbwe import Decoder
from tfbwe.measures.cost import weakened_noise
from tfbwe.model.bundle import load_bundle
from tfbwe.model.step_model import StepModel
from tfbwe.network.run_folder import read_description


def test_a_restoring_network_alone_is_refused_with_the_way_out(failing, tmp_path):
    run = smoke.restoring_run()
    line = failing(run, "-o", tmp_path / "out")
    assert line.endswith(f"it goes into the same files: tfbwe-export RUN --restore {run}")
    assert not (tmp_path / "out").exists()


def restoring_with(failing, tmp_path, restore, *more):
    line = failing(smoke.run(), "--restore", restore, "-o", tmp_path / "out", "--graph", "step", *more)
    assert not (tmp_path / "out").exists()
    return line


def test_only_the_run_of_a_restoring_network_restores(failing, tmp_path):
    line = restoring_with(failing, tmp_path, smoke.run())
    assert f"--restore {smoke.run()}: expected a run of python -m training.fit --model restore" in line
    assert "no such run" in restoring_with(failing, tmp_path, tmp_path / "no such run")


@pytest.mark.parametrize("name", ["config.json", "best.keras", "features.npz"])
def test_an_incomplete_or_damaged_restoring_run_is_one_line(name, failing, tmp_path):
    run = copy_of_run(tmp_path, source=smoke.restoring_run())
    data = (run / name).read_bytes()
    (run / name).write_bytes(data[: len(data) // 2])
    assert name in restoring_with(failing, tmp_path, run)
    (run / name).unlink()
    assert name in restoring_with(failing, tmp_path, run)


def test_a_restoring_network_that_strays_is_not_written(failing, tmp_path, monkeypatch):
    predict = StepModel.restoring
    monkeypatch.setattr(StepModel, "restoring", lambda self, read: predict(self, read) + np.float32(0.01))
    line = restoring_with(failing, tmp_path, smoke.restoring_run(), "--quantize", "none")
    assert "the difference is 0.01" in line


def test_without_a_restoring_network_a_file_restores_nothing(tmp_path):
    cli.export(smoke.run(), tmp_path, ["none"], False, ["step"])
    bundle = load_bundle(tmp_path / "stft.none.tflite")
    assert bundle.manifest.restoring == {}
    assert "restoring_rms_nepers" not in bundle.manifest.verification
    x = weakened_noise((1, 2 * smoke.RATE))
    decoder = Decoder(bundle, 1, cutoff_hz=8000.0, diffuse=0.0)
    y = np.concatenate([decoder.process(x), decoder.flush()], axis=1)[:, decoder.latency :]
    np.testing.assert_array_equal(y, x)


def test_the_restoring_network_of_the_checkout_is_taken_where_none_is_named(tmp_path):
    assert cli.main([str(smoke.run()), "-o", str(tmp_path), "--graph", "step", "--quantize", "none"]) == 0
    bundle = load_bundle(tmp_path / "stft.none.tflite")
    described = read_description(cli.SHIPPED)
    del described["command"]
    assert bundle.manifest.restoring["training"] == described
    x = weakened_noise((1, 2 * smoke.RATE))
    decoder = Decoder(bundle, 1, cutoff_hz=8000.0, diffuse=0.0)
    y = np.concatenate([decoder.process(x), decoder.flush()], axis=1)[:, decoder.latency :]
    assert np.abs(y - x).max() > 1e-3
