"""The browser embedding: plain JavaScript in Node.js, the rest by its own tests in a headless Chromium."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.chromium import MISSING, find_chromium
from tests.helpers.paths import ROOT
from tfbwe.model.bundle import WEIGHTS

WEB = ROOT / "embed" / "web"
PATIENCE_S = 600
OLDEST_NODE = 20


def find_node():
    """Path of Node.js 20 or later, that of this environment before others; None without any."""
    here = str(Path(sys.executable).parent)
    node = shutil.which("node", path=os.pathsep.join([here, os.environ.get("PATH", "")]))
    if node is None:
        return None
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=PATIENCE_S).stdout
    return node if int(said.lstrip("v").split(".")[0] or 0) >= OLDEST_NODE else None


NODE = find_node()
NO_NODE = f"no Node.js {OLDEST_NODE} or later: `make web-test` fetches one"
needs_node = pytest.mark.skipif(NODE is None, reason=NO_NODE)


def needs_browser(test):
    """Skip a test where what runs it in a browser is missing."""
    packages = (WEB / "node_modules" / "playwright-core").exists()
    test = pytest.mark.skipif(not packages, reason="no packages: `make web-test` fetches them")(test)
    return needs_node(pytest.mark.skipif(find_chromium() is None, reason=MISSING)(test))


def run_node(*arguments, chromium=None):
    """What a script in the folder prints; one that fails is a failed assertion with all it said."""
    ran = subprocess.run(
        [NODE, *map(str, arguments)],
        cwd=WEB,
        env={**os.environ, **({"CHROMIUM": chromium} if chromium else {})},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    print(ran.stdout, ran.stderr)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def models(folder):
    """Shipped wave graphs, and where TensorFlow is there the same in float32."""
    found = sorted((WEIGHTS / "wave").glob("*.tflite"))
    if importlib.util.find_spec("tensorflow"):
        from export import cli

        run = ROOT / "networks" / "stft"
        assert cli.main([str(run), "-o", str(folder), "--graph", "wave", "--quantize", "none"]) == 0
        found += sorted(folder.glob("*.tflite"))
    return found


@needs_node
def test_model_files_and_rings_without_a_browser():
    run_node("--test", WEB / "tests" / "unit.test.mjs")


@needs_browser
def test_the_browser_equals_python_plays_and_shows_errors(tmp_path):
    vectors = tmp_path / "vectors"
    write = [sys.executable, WEB / "tests" / "vectors.py", vectors, *models(tmp_path / "models")]
    subprocess.run(write, cwd=ROOT, check=True, timeout=PATIENCE_S)
    run_node(WEB / "tests" / "run.mjs", vectors, chromium=find_chromium())


@needs_browser
def test_the_benchmark_measures_a_model():
    model = WEIGHTS / "wave" / "stft-mono.tflite"
    (line,) = run_node(WEB / "benchmark.mjs", model, chromium=find_chromium()).splitlines()
    said = json.loads(line)
    assert set(said) == {"runtime", "channels", "hop_ms", "hop_ms_p99", "hop_rtf", "rtf", "peak_rss_mb"}
    assert said["runtime"].startswith("wasm, LiteRT.js ")
    assert (said["channels"], said["peak_rss_mb"], said["rtf"]) == (1, None, said["hop_rtf"])
    numbers = [said[key] for key in ("hop_ms", "hop_ms_p99", "hop_rtf")]
    assert all(math.isfinite(number) and number > 0 for number in numbers)


@needs_node
def test_the_benchmark_says_in_a_line_what_is_missing(tmp_path):
    nowhere = str(tmp_path / "chromium")
    readme = str(WEB / "README.md")
    for arguments, reason in (([], "model files"), (["none.tflite"], "none.tflite"), ([readme], nowhere)):
        ran = subprocess.run(
            [NODE, WEB / "benchmark.mjs", *arguments],
            env={**os.environ, "CHROMIUM": nowhere},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert (ran.returncode, ran.stdout) == (1, "")
        assert reason in ran.stderr
        assert ran.stderr.count("\n") == 1
