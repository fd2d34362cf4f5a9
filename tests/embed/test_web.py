"""The browser embedding, run by its own tests in a headless Chromium."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from tests.helpers.chromium import MISSING, find_chromium
from tests.helpers.paths import ROOT
from tfbwe.model.bundle import WEIGHTS

WEB = ROOT / "embed" / "web"
PATIENCE_S = 300

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason=MISSING),
    pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js"),
    pytest.mark.skipif(
        not (WEB / "node_modules" / "playwright-core").exists(), reason="run npm install in embed/web first"
    ),
]


def models(folder):
    """Shipped wave graphs, and where TensorFlow is there the same in float32."""
    found = sorted((WEIGHTS / "wave").glob("*.tflite"))
    if importlib.util.find_spec("tensorflow"):
        from export import cli

        run = ROOT / "networks" / "stft"
        assert cli.main([str(run), "-o", str(folder), "--graph", "wave", "--quantize", "none"]) == 0
        found += sorted(folder.glob("*.tflite"))
    return found


def test_the_browser_equals_python_plays_and_shows_errors(tmp_path):
    vectors = tmp_path / "vectors"
    write = [sys.executable, WEB / "tests" / "vectors.py", vectors, *models(tmp_path / "models")]
    subprocess.run(write, cwd=ROOT, check=True, timeout=PATIENCE_S)
    ran = subprocess.run(
        ["node", WEB / "tests" / "run.mjs", vectors],
        env={**os.environ, "CHROMIUM": find_chromium()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
    )
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout
