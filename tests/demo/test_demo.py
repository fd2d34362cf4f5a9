from __future__ import annotations

import importlib.util
import json
import subprocess
import sys

import pytest
import soundfile

from demo import demo
from tests.helpers.paths import ROOT

pytest.importorskip("matplotlib")

FILES = {"received.wav", "extended.wav", "reference.wav", "spectrogram.png", "report.json"}


def test_the_demo_shows_what_came_back(tmp_path, capsys):
    out = tmp_path / "build" / "demo"
    assert demo.main([str(out)]) == 0
    assert {path.name for path in out.iterdir()} == FILES
    report = json.loads((out / "report.json").read_text())
    received, extended = report["received"], report["extended"]
    scores = {"visqol"} if importlib.util.find_spec("visqol") else set()
    assert received.keys() == extended.keys() == {"sdr_db", "snr_db", "lsd", "lsd_hf"} | scores
    assert extended["lsd_hf"] < received["lsd_hf"] / 2
    assert extended["sdr_db"] > received["sdr_db"] - 2
    assert report["measured_cutoff_hz"] == pytest.approx(8000, rel=0.02)
    assert report["latency_samples"] == 2048
    for key in ("rtf", "macs_per_s", "size_bytes"):
        assert report[key] > 0
    lengths = {soundfile.info(out / name).frames for name in FILES if name.endswith(".wav")}
    assert lengths == {10 * 44100}
    assert "lsd_hf" in capsys.readouterr().out


def test_the_demo_can_be_repeated_and_names_a_missing_model(tmp_path, capsys):
    assert demo.main([str(tmp_path), "--model", str(tmp_path / "none.tflite")]) == 1
    assert capsys.readouterr().err.startswith("demo: ")
    (tmp_path / "extended.wav").write_bytes(b"old")
    assert demo.main([str(tmp_path)]) == 0
    assert soundfile.info(tmp_path / "extended.wav").frames == 10 * 44100


def test_the_demo_needs_no_more_than_the_receiver_and_matplotlib(tmp_path):
    absent = ("visqol", "scipy", "numba", "llvmlite", "keras", "tensorflow", "joblib", "pyloudnorm")
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({absent}))\n"
        "from demo import demo\n"
        "demo.find_spec = lambda name: None\n"
        "sys.exit(demo.main(sys.argv[1:]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "visqol" not in json.loads((tmp_path / "report.json").read_text())["extended"]
