from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import smoke
from tests.helpers.paths import ROOT

keras = pytest.importorskip("keras")

from training import fit  # noqa: E402
from training.learning.presets import overridden, preset  # noqa: E402
from training.learning.run import describe, read_config, read_history  # noqa: E402
from training.learning.trainer import load_trainer  # noqa: E402
from training.music.manifest import MANIFEST_NAME, read_manifest, write_manifest  # noqa: E402
from training.provenance import git_revision  # noqa: E402


def arguments(data, run, *more):
    return [*smoke.SETTINGS, "--data", str(data), "--run", str(run), *more]


def in_a_process(script, argv, **environment):
    return subprocess.run(
        [sys.executable, *script, *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture
def failing(capsys):
    """Return a way to run the command line that expects one line on standard error, and returns it."""

    def run(*argv, status=1, begins="training.fit: "):
        capsys.readouterr()
        assert fit.main(list(argv)) == status
        lines = [line for line in capsys.readouterr().err.splitlines() if line]
        assert len(lines) == 1, lines
        assert lines[0].startswith(begins)
        return lines[0]

    return run


def test_the_run_folder_holds_all_that_was_done():
    run = smoke.run()
    files = {path.name for path in run.iterdir()}
    assert files == {
        "config.json",
        "history.csv",
        "curve.png",
        "best.keras",
        "last.keras",
        "features.npz",
        "tensorboard",
    }
    assert list((run / "tensorboard").rglob("events*"))
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    described = json.loads((run / "config.json").read_text())
    assert described["seed"] == 0
    assert described["backend"] == keras.backend.backend()
    assert {"python", "keras", "numpy"} <= described["versions"].keys()
    assert described["git_revision"] == git_revision()
    assert read_config(run) == overridden(preset("stft", "smoke"), ["hours=0.03"])


def test_the_loss_falls_on_training_and_on_held_out_music():
    rows = read_history(smoke.run())
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    for name in ("loss", "val_loss", "magnitude", "val_magnitude", "level", "val_level"):
        assert float(rows[-1][name]) < 0.9 * float(rows[0][name])
    assert all(float(row["audio_seconds_per_second"]) > 0 for row in rows)


def test_the_best_network_is_kept():
    rows = read_history(smoke.run())
    best = keras.models.load_model(smoke.run() / "best.keras")
    assert best.name == "autoencoder"
    last = load_trainer(smoke.run() / "last.keras")
    is_last = min(rows, key=lambda row: float(row["val_loss"])) is rows[-1]
    same = all(
        np.array_equal(a, b) for a, b in zip(best.get_weights(), last.network.get_weights(), strict=True)
    )
    assert same == is_last


def test_features_of_both_splits_are_kept_for_export():
    with np.load(smoke.run() / "features.npz") as features:
        frames, bins = preset("stft", "smoke").crop_frames, preset("stft", "smoke").network.bins
        assert features["train"].shape == (48, frames, bins)
        assert features["valid"].shape == (16, frames, bins)
        assert all(np.isfinite(features[name]).all() for name in features)


@functools.cache
def killed_run():
    """Run folder of a process that got a SIGKILL in its second epoch."""
    run = smoke.run().with_name("killed")
    killed = in_a_process(["tests/helpers/killed_run.py"], arguments(smoke.music(), run))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(read_history(run)) == 1
    return run


def test_a_killed_run_resumes_to_the_weights_of_an_uninterrupted_one(tmp_path):
    run = tmp_path / "run"
    shutil.copytree(killed_run(), run)
    assert fit.main(arguments(smoke.music(), run, "--resume")) == 0
    assert [row["epoch"] for row in read_history(run)] == ["1", "2", "3"]
    for mine, its in zip(
        smoke.state(run / "last.keras"), smoke.state(smoke.run() / "last.keras"), strict=True
    ):
        np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-5)
    for mine, its in zip(read_history(run), read_history(smoke.run()), strict=True):
        assert float(mine["val_loss"]) == pytest.approx(float(its["val_loss"]), rel=1e-4)


def test_a_run_killed_before_its_first_checkpoint_starts_again(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    config = overridden(preset("stft", "smoke"), ["hours=0.01"])
    (run / "config.json").write_text(json.dumps(describe(config, 0, True, None)))
    (run / ".part-last.keras").write_bytes(b"cut short")
    more = ("--set", "hours=0.01", "--mixed-precision", "--resume")
    assert fit.main(arguments(smoke.music(), run, *more)) == 0
    assert len(read_history(run)) == 1
    network = keras.models.load_model(run / "best.keras")
    assert network.get_layer("down_0").compute_dtype == "bfloat16"


def test_a_run_may_start_from_the_best_network_of_another(tmp_path, failing):
    run = tmp_path / "second"
    more = ("--set", "learning_rate=1e-9", "hours=0.001", "epoch_hours=0.001", "weight_decay=0.0")
    more = (*more, "network.dropout=0.1")  # no part of the shape
    assert fit.main(arguments(smoke.music(), run, "--init", str(smoke.run()), *more)) == 0
    first = min(float(row["val_loss"]) for row in read_history(smoke.run()))
    assert float(read_history(run)[0]["val_loss"]) == pytest.approx(first, rel=1e-3)
    described = json.loads((run / "config.json").read_text())
    assert described["init"] == json.loads((smoke.run() / "config.json").read_text())
    gone = ("--resume", "--init", str(tmp_path / "gone"))
    assert fit.main(arguments(smoke.music(), run, *gone, *more)) == 0
    other = arguments(smoke.music(), tmp_path / "third", "--init", str(smoke.run()))
    assert "same shape" in failing(*other, "--set", "network.bottleneck=24")


def test_a_finished_run_has_nothing_to_resume(tmp_path, failing):
    run = tmp_path / "run"
    shutil.copytree(smoke.run(), run)
    line = failing(*arguments(smoke.music(), run, "--resume"), status=0, begins=f"{run}: ")
    assert "finished already, 3 epochs" in line
    assert read_history(run) == read_history(smoke.run())
    assert (run / "last.keras").read_bytes() == (smoke.run() / "last.keras").read_bytes()


def test_a_second_run_into_the_same_folder_is_refused(failing):
    before = {path: path.stat().st_mtime_ns for path in smoke.run().rglob("*")}
    assert "--resume" in failing(*arguments(smoke.music(), smoke.run()))
    assert before == {path: path.stat().st_mtime_ns for path in smoke.run().rglob("*")}


@pytest.mark.parametrize(
    ("change", "differing"),
    [
        (["--seed", "1"], "seed is 0, not 1; take"),
        (["--mixed-precision"], "mixed_precision is False, not True; take"),
        (["--set", "hours=0.04"], "hours is 0.03, not 0.04; take"),
        (["--set", "network.bottleneck=8", "batch_size=2"],
         "network.bottleneck is 16, not 8; batch_size is 4, not 2; take"),
        (["--preset", "default"], "network.channels is (4, 4, 4), not (12, 24, 32); network.bottleneck"),
    ],
    ids=str,
)  # fmt: skip
def test_a_run_resumed_with_other_settings_is_told_which_differ(change, differing, failing):
    line = failing(*arguments(smoke.music(), smoke.run(), "--resume", *change))
    assert f"{smoke.run() / 'config.json'}: " in line
    assert f"started with; {differing}" in line


def test_a_damaged_checkpoint_is_one_line(tmp_path, capsys):
    run = tmp_path / "run"
    shutil.copytree(smoke.run(), run)
    data = (run / "last.keras").read_bytes()
    (run / "last.keras").write_bytes(data[: len(data) // 2])
    assert fit.main(arguments(smoke.music(), run, "--resume")) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith(f"training.fit: {run / 'last.keras'}: not a checkpoint")
    assert not any("Traceback" in line for line in lines)


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["config"].update(depth=3),
        lambda values: values["config"]["network"].update(depth=3),
        lambda values: values["config"].pop("network"),
        lambda values: values["config"].update(hours="long"),
        lambda values: values["config"].update(network=[]),
        lambda values: values.pop("config"),
    ],
    ids=["key", "network key", "no network", "type", "network type", "no config"],
)
def test_a_configuration_of_another_version_is_one_line(change, tmp_path, failing):
    values = json.loads((smoke.run() / "config.json").read_text())
    change(values)
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert str(tmp_path / "config.json") in failing(*arguments(smoke.music(), tmp_path, "--resume"))


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_configuration_that_is_no_json_object_is_one_line(text, tmp_path, failing):
    (tmp_path / "config.json").write_text(text)
    failing(*arguments(smoke.music(), tmp_path, "--resume"))


@pytest.mark.parametrize(
    "setting",
    ["depth=3", "network.depth=3", "network=3", "a.hours=1", "hours=long", "hours=-1", "hours=1e999", "hours",
     "batch_size=2.5", "network.dilations=(1,0)", "network.bins=100", "objective=best", "model=cqt",
     "objective=two_term", "warmup=1.0", "clip_norm=0.0"],
)  # fmt: skip
def test_a_setting_that_nobody_knows_or_that_is_off_is_one_line(setting, tmp_path, failing):
    failing(*arguments(smoke.music(), tmp_path / "run", "--set", setting))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "more",
    [
        ["--epochs", "3"],
        ["--see", "3"],
        ["--seed", "-1"],
        ["--seed", "one"],
        ["--workers", "0"],
        ["--model", "wavelet"],
    ],
    ids=str,
)
def test_an_unknown_option_is_a_usage_error(more, tmp_path):
    with pytest.raises(SystemExit) as stop:
        fit.main(arguments(smoke.music(), tmp_path / "run", *more))
    assert stop.value.code == 2


def test_missing_data_is_one_line_and_leaves_nothing(tmp_path, failing):
    assert "training.corpus scan" in failing(*arguments(tmp_path / "no such folder", tmp_path / "run"))
    assert "training.corpus scan" in failing(*arguments(tmp_path, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_data_that_lack_a_split_are_one_line(tmp_path, failing):
    for row in (rows := read_manifest(smoke.music() / MANIFEST_NAME)):
        shutil.copytree(smoke.music() / row.track, tmp_path / row.track)
    write_manifest(tmp_path / MANIFEST_NAME, [row for row in rows if row.split == "train"])
    assert "split valid" in failing(*arguments(tmp_path, tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_an_unknown_preset_names_those_there_are(tmp_path, failing):
    line = failing(*arguments(smoke.music(), tmp_path / "run", "--preset", "huge"))
    assert "stft/default" in line
    assert "stft/smoke" in line


def test_a_file_in_the_place_of_the_run_folder_is_one_line(tmp_path, failing):
    (tmp_path / "file").write_text("")
    line = failing(*arguments(smoke.music(), tmp_path / "file"))
    assert f"{tmp_path / 'file'}: expected a run folder" in line


def test_wrong_folders_are_found_before_tensorflow_is_imported(tmp_path):
    check = "import sys; from training.fit import main; main(sys.argv[1:]); assert 'keras' not in sys.modules"
    answer = in_a_process(["-c", check], arguments(tmp_path, tmp_path / "run"))
    assert answer.returncode == 0
    assert len(answer.stderr.splitlines()) == 1


def test_a_run_folder_that_cannot_be_made_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert fit.main(arguments(smoke.music(), tmp_path / "file" / "run")) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_help_needs_nothing_heavy():
    check = "import sys; sys.argv = ['fit', '--help']\ntry:\n    import runpy; runpy.run_module('training.fit', run_name='__main__')\nfinally:\n    assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)"  # noqa: E501
    answer = in_a_process(["-c", check], [])
    assert answer.returncode == 0, answer.stderr
    assert "--preset" in answer.stdout


def test_without_keras_the_way_out_is_named(tmp_path, failing, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    assert "tfbwe[train]" in failing(*arguments(smoke.music(), tmp_path / "run"))


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
def test_the_same_command_goes_on_under_jax_without_tensorflow(tmp_path):
    run = tmp_path / "run"
    shutil.copytree(killed_run(), run)
    argv = arguments(smoke.music(), run, "--resume")
    answer = in_a_process(["tests/helpers/fit_without_tensorflow.py"], argv, KERAS_BACKEND="jax")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.startswith("training on ")
    assert [row["epoch"] for row in read_history(run)] == ["1", "2", "3"]
    for mine, its in zip(read_history(run), read_history(smoke.run()), strict=True):
        assert float(mine["val_loss"]) == pytest.approx(float(its["val_loss"]), rel=0.02)
