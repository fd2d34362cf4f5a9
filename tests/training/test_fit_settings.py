"""Wrong settings of training are found at once: importing Keras takes seconds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT
from training import fit

WITHOUT_KERAS = """
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None
from training.fit import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--preset", "huge"], "no preset stft/huge; there are stft/default, "),
        (["--set", "bogus=1"], "--set bogus=1: unknown key; there are model, network, "),
        (["--set", "network.bogus=1"], "--set network.bogus=1: unknown key; there are bins, "),
        (["--set", "hours=-1"], "hours must be above 0"),
    ],
)
def test_wrong_settings_are_found_without_keras(tmp_path, wrong, named):
    argv = ["--model", "stft", "--data", str(tmp_path), "--run", str(tmp_path / "run"), *wrong]
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"training.fit: {named}")
    assert len(answer.stderr.splitlines()) == 1


def test_a_wrong_model_is_told_of_all_that_can_be_trained(tmp_path, capsys):
    with pytest.raises(SystemExit):
        fit.main(["--model", "huge", "--data", str(tmp_path), "--run", str(tmp_path / "run")])
    assert "expected stft or cqt or restore, received 'huge'" in capsys.readouterr().err
