"""The CQT model from music to a run, to model files and to the decoder."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import smoke

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from export import cli as export_cli  # noqa: E402
from tfbwe import Decoder  # noqa: E402
from tfbwe.cqt import BLOCK_LENGTH, CQT  # noqa: E402
from tfbwe.cqt.stream import block_window  # noqa: E402
from tfbwe.model.bundle import load_bundle  # noqa: E402
from tfbwe.network.autoencoder import autoencoder  # noqa: E402
from tfbwe.transform import TRANSFORMS  # noqa: E402
from training import fit  # noqa: E402
from training.examples.drawn import Music, example  # noqa: E402
from training.learning.objective import Trainer  # noqa: E402
from training.learning.presets import preset  # noqa: E402
from training.learning.run import read_history  # noqa: E402
from training.learning.transforms import ConstantQ  # noqa: E402

CONFIG = preset("cqt", "smoke")


def arguments(data, run, *more):
    settings = ["--model", "cqt", "--preset", "smoke", "--set", "hours=0.009", "epoch_hours=0.0045"]
    return [*settings, "--data", str(data), "--run", str(run), *more]


@functools.cache
def run() -> Path:
    """Run folder of the preset smoke, trained on music for two epochs."""
    folder = smoke.run().with_name("cqt run")
    assert fit.main(arguments(smoke.music(), folder)) == 0
    return folder


@functools.cache
def exported() -> Path:
    out = smoke.run().with_name("cqt models")
    networks = [str(run()), "--restore", str(smoke.restoring_run())]
    assert export_cli.main([*networks, "-o", str(out), "--quantize", *export_cli.QUANTISATIONS]) == 0
    return out


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def batch_of(count):
    music = Music(smoke.music(), "train")
    examples = [example(music, CONFIG, (5, i)) for i in range(count)]
    return {name: np.stack([one[name] for one in examples]) for name in examples[0]}


def random_trainer(objective="log_magnitude"):
    network = autoencoder(CONFIG.network)
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(0, 0.2, w.shape) for w in network.get_weights()])
    return Trainer(network, objective, 0.5, "cqt")


def test_the_network_sees_what_the_decoder_sees():
    x = np.random.default_rng(0).normal(0, 0.1, (2, BLOCK_LENGTH)).astype(np.float32)
    real, imaginary = (numpy(part) for part in ConstantQ(400)(x))
    cqt = CQT()
    expected = cqt.forward(x * block_window(BLOCK_LENGTH, BLOCK_LENGTH // 4))[..., cqt.constant_q][..., :400]
    np.testing.assert_allclose(real + 1j * imaginary, expected, atol=1e-3)
    assert ConstantQ(400).frequencies[0] == 64.0
    assert ConstantQ(400).frequencies[-1] == pytest.approx(20300, abs=100)


def test_what_lies_below_the_cutoff_is_left_to_the_received_signal():
    """A loss of the output alone: another residual under the cutoff changes nothing."""
    waves = {**batch_of(2), "cutoff_hz": np.full((2, 1), 10000, np.float32)}
    waves["reach_hz"] = np.maximum(waves["reach_hz"], 10000)
    waves["bandwidth_hz"] = np.full((2, 1), 20000, np.float32)
    trainer = random_trainer()
    low = trainer.transform.frequencies <= 10000
    untouched = trainer.network

    def loss(low_by, high_by):
        def changed(features, training=None):
            return untouched(features) + np.where(low, low_by, high_by).astype(np.float32)

        trainer.network = changed
        return numpy(trainer(waves))

    np.testing.assert_array_equal(loss(0.5, 0.0), loss(0.0, 0.0))
    assert (loss(0.0, 0.5) != loss(0.0, 0.0)).all()


def test_a_run_learns_from_music():
    rows = read_history(run())
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["val_loss"]) < float(rows[0]["val_loss"])
    assert json.loads((run() / "config.json").read_text())["config"]["model"] == "cqt"
    with np.load(run() / "features.npz") as features:
        assert features["valid"].shape[1:] == features["train"].shape[1:] == (448, 400)
        assert np.isfinite(features["train"]).all()


@pytest.mark.parametrize("quantisation", export_cli.QUANTISATIONS)
def test_every_model_file_decodes(quantisation):
    bundle = load_bundle(exported() / f"cqt.{quantisation}.tflite")
    manifest = bundle.manifest
    assert manifest.transform == {**TRANSFORMS["cqt"].parameters, "bins": 400}
    assert manifest.states == {}
    assert 0 <= manifest.verification["rms_nepers"] <= manifest.verification["limit_rms_nepers"]
    assert manifest.verification["restoring_rms_nepers"] <= manifest.verification["limit_rms_nepers"]
    x = smoke.made_up_song(3, 1.0)
    decoder = Decoder(bundle, 2, cutoff_hz=8000.0)
    y = np.concatenate([decoder.process(x), decoder.flush()], axis=1)[:, decoder.latency :]
    assert y.shape == x.shape
    assert np.isfinite(y).all()
    assert np.abs(y - x).max() > 0


def test_a_run_of_the_paper_is_not_exported_for_a_decoder_that_cannot_take_it(tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(run(), folder)
    described = json.loads((folder / "config.json").read_text())
    described["config"]["objective"] = "squared_error"
    (folder / "config.json").write_text(json.dumps(described))
    assert export_cli.main([str(folder), "-o", str(tmp_path / "models")]) == 1
    assert "the paper's objective" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("setting", ["network.frames=224", "network.bins=420"])
def test_a_network_for_other_blocks_is_refused_in_one_line(tmp_path, capsys, setting):
    assert fit.main(arguments(smoke.music(), tmp_path / "run", "--set", setting)) == 1
    assert "frames=448" in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_damaged_network_is_not_exported(tmp_path, capsys):
    folder = tmp_path / "run"
    shutil.copytree(run(), folder)
    (folder / "best.keras").write_bytes(b"no network")
    assert export_cli.main([str(folder), "-o", str(tmp_path / "models")]) == 1
    assert "best.keras" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()
