"""Training the restoring network from the command line."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import smoke
from tests.helpers.paths import ROOT

keras = pytest.importorskip("keras")

from training import fit  # noqa: E402
from training.learning.presets import preset  # noqa: E402
from training.learning.run import read_config, read_history  # noqa: E402


def test_a_restoring_network_trains_on_statistics_and_goes_on_where_it_was_stopped(tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    model = ["--model", "restore", "--preset", "smoke", "--data", str(smoke.music())]
    assert fit.main([*model, "--run", str(whole)]) == 0
    assert read_config(whole) == preset("restore", "smoke")
    assert [int(row["epoch"]) for row in read_history(whole)] == [1, 2]
    assert (whole / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert keras.models.load_model(whole / "best.keras").name == "restorer"
    script = (
        "import sys; from training import fit; from training.learning import run\n"
        "end = run.Recorder.on_epoch_end\n"
        "def once(self, epoch, logs=None):\n"
        "    end(self, epoch, logs); raise KeyboardInterrupt\n"
        "run.Recorder.on_epoch_end = once\n"
        "sys.exit(fit.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, *model, "--run", str(parts)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run(command, cwd=ROOT, env=environment, capture_output=True).returncode == 130
    assert fit.main([*model, "--run", str(parts), "--resume"]) == 0
    for a, b in zip(smoke.state(whole / "last.keras"), smoke.state(parts / "last.keras"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
