"""Training on several devices and in several processes, held to the same run on one device."""

from __future__ import annotations

import atexit
import functools
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import smoke
from tests.helpers.paths import ROOT

keras = pytest.importorskip("keras")

from training import fit  # noqa: E402
from training.learning.run import read_config, read_history  # noqa: E402

JAX = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
TENSORFLOW = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="needs tensorflow")
LONG = pytest.mark.skipif("DEVICES" not in os.environ, reason="takes minutes: make devices-test")
PARTS = "tests/helpers/fit_on_devices.py"
ALONE = "tests/helpers/fit_without_tensorflow.py"
TINY = ["--model", "restore", "--preset", "smoke", "--set", "epochs=2", "epoch_steps=3", "filters=20"]
TINY = [*TINY, "batch_size=4", "valid_crops=8", "clip_norm=0.01"]
STFT = ["--model", "stft", "--preset", "smoke", "--set", "hours=0.01", "epoch_hours=0.005", "clip_norm=0.1"]
CQT = ["--model", "cqt", "--preset", "smoke", "--set", "hours=0.009", "epoch_hours=0.0045"]
DROPOUT = ["network.dropout=0.2"]


def started(script, argv, backend):
    """Begin to train in a process of its own."""
    return subprocess.Popen(
        [sys.executable, script, *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": backend},
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(processes, seconds=1200):
    """Status and lines of processes, none of which goes on for ever."""
    try:
        lines = [process.communicate(timeout=seconds)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, lines, strict=True)]


def succeeded(*processes):
    for status, lines in ended(processes):
        assert status == 0, lines[-1500:]


def address():
    """A port of this machine that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def in_processes(model, runs, *more, scripts=(ALONE, ALONE)):
    """Begin to train in two processes on JAX; each has a run folder."""
    where = address()
    return [
        started(script, [*on(model, run), "--devices", f"{k}/2@{where}", *more], "jax")
        for k, (run, script) in enumerate(zip(runs, scripts, strict=True))
    ]


def on(model, run):
    return [*model, "--data", str(smoke.music()), "--run", str(run)]


def numbers(run):
    """The training curve, without the speed."""
    rows = read_history(run)
    return np.array(
        [[float(row[name]) for name in row if name != "audio_seconds_per_second"] for row in rows]
    )


def assert_same_run(mine, its, rtol=1e-5, state_rtol=1e-3):
    """The same curve, which is written with six digits, weights and moments of gradients."""
    assert len(numbers(mine)) == read_config(mine).epochs
    np.testing.assert_allclose(numbers(mine), numbers(its), rtol=rtol, atol=1e-6)
    for a, b in zip(smoke.state(mine / "last.keras"), smoke.state(its / "last.keras"), strict=True):
        np.testing.assert_allclose(a, b, rtol=state_rtol, atol=1e-4 * np.abs(b).max() + 1e-12)


@JAX
def test_two_processes_train_as_one_does_and_the_first_alone_writes(tmp_path):
    one, first, second = (tmp_path / name for name in ("one", "first", "second"))
    succeeded(started(ALONE, on(TINY, one), "jax"), *in_processes(TINY, (first, second)))
    assert_same_run(first, one)
    assert not second.exists()
    assert {path.name for path in first.iterdir()} == {path.name for path in one.iterdir()}


@TENSORFLOW
def test_two_devices_of_tensorflow_train_as_one_does(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    both = [*on(TINY, one), "--", *on(TINY, two), "--devices", "2"]
    ((status, lines),) = ended([started(PARTS, ["2", *both], "tensorflow")])
    assert status == 0, lines[-1500:]
    assert_same_run(two, one)
    assert "tensorflow on cpu:0, cpu:1\n" in lines


@pytest.fixture
def failing(capsys):
    """Return the one line that the command line ends with."""

    def run(*argv):
        capsys.readouterr()
        assert fit.main(list(argv)) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line

    return run


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="needs tensorflow as the backend")
def test_several_processes_on_tensorflow_are_refused_in_one_line(tmp_path, failing, monkeypatch):
    def never(*_):
        raise AssertionError("a refusal must not change how the process that calls ends")

    monkeypatch.setattr(atexit, "register", never)
    line = failing(*on(TINY, tmp_path / "run"), "--devices", f"0/2@{address()}")
    assert "several processes on JAX alone, not on tensorflow; set KERAS_BACKEND=jax" in line
    assert not (tmp_path / "run").exists()


def test_more_devices_than_there_are_are_refused_in_one_line(tmp_path, failing):
    line = failing(*on(TINY, tmp_path / "run"), "--devices", "99")
    assert "--devices 99: expected up to 1 device of this machine, " in line
    assert line.endswith("finds cpu:0")
    assert not (tmp_path / "run").exists()


@functools.cache
def single(kind, backend):
    """Run folder of one device."""
    folder = smoke.music().with_name(f"single {kind} {backend}")
    succeeded(started(PARTS, ["1", *on(MODELS[kind], folder)], backend))
    return folder


MODELS = {"stft": STFT, "stft, dropout": [*STFT, *DROPOUT], "cqt": CQT, "restore": TINY}


@LONG
@JAX
@pytest.mark.parametrize("kind", MODELS)
def test_two_processes_train_every_model_as_one_does(kind, tmp_path):
    succeeded(*in_processes(MODELS[kind], [tmp_path / "run"] * 2))
    assert_same_run(tmp_path / "run", single(kind, "jax"))


@LONG
@pytest.mark.parametrize(
    ("kind", "backend"),
    [*((kind, "jax") for kind in MODELS), *((kind, "tensorflow") for kind in ("stft", "cqt"))],
)
def test_two_devices_train_every_model_as_one_does(kind, backend, tmp_path):
    """Dropout too on JAX, where it is a function of the seed; on TensorFlow each device draws its own."""
    pytest.importorskip(backend)
    succeeded(started(PARTS, ["2", *on(MODELS[kind], tmp_path / "run"), "--devices", "2"], backend))
    assert_same_run(tmp_path / "run", single(kind, backend))


@LONG
@JAX
def test_a_killed_process_ends_the_other_and_one_process_goes_on_to_the_same_curve(tmp_path):
    run = tmp_path / "run"
    scripts = (PARTS, "tests/helpers/killed_process.py")
    where = address()
    processes = [
        started(script, [*first, *on(STFT, run), "--devices", f"{k}/2@{where}", "--workers", "1"], "jax")
        for k, (script, first) in enumerate(zip(scripts, (["1"], []), strict=True))
    ]
    (status, lines), (killed, _) = ended(processes)
    assert killed == -signal.SIGKILL
    assert status == 1
    assert "process 0 of 2 ends: another one did, or cannot be reached; " in lines.splitlines()[-1]
    assert "Traceback" not in lines
    assert len(read_history(run)) == 1
    again = shutil.copytree(run, tmp_path / "again")
    succeeded(started(PARTS, ["1", *on(STFT, run), "--resume"], "jax"))
    assert_same_run(run, single("stft", "jax"))
    succeeded(started(PARTS, ["2", *on(STFT, again), "--resume", "--devices", "2"], "jax"))
    assert_same_run(again, single("stft", "jax"))


@LONG
@JAX
def test_processes_that_do_not_agree_all_end_in_one_line(tmp_path):
    run = tmp_path / "run"
    where = address()
    found = ended(
        [
            started(ALONE, [*on(TINY, run), "--devices", f"{k}/2@{where}", "--seed", str(k)], "jax")
            for k in range(2)
        ]
    )
    for process, (status, lines) in enumerate(found):
        assert status == 1
        assert f"process 1 has another seed than process 0, here it is {process}; " in lines.splitlines()[-1]
    assert not run.exists()


@LONG
@JAX
def test_mixed_precision_and_another_network_to_start_from_work_in_two_processes(tmp_path):
    more = ("--mixed-precision", "--init", str(single("stft", "jax")))
    succeeded(*in_processes(STFT, [tmp_path / "run"] * 2, *more))
    assert numbers(tmp_path / "run")[0, 1] < numbers(single("stft", "jax"))[0, 1]
    assert (
        keras.models.load_model(tmp_path / "run" / "best.keras").get_layer("down_0").compute_dtype
        == "bfloat16"
    )
