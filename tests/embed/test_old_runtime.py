"""The graph from wave to wave on tflite-runtime 2.14, of 2023, the last that there is.

It is installed in an environment of its own, which takes Python 3.11.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.decoding import music
from tests.helpers.paths import ROOT
from tfbwe import Decoder
from tfbwe.stft import HOP_LENGTH, N_FFT

PROGRAM = Path(__file__).parent / "old_runtime.py"
FLOAT32 = ROOT / "networks" / "stft" / "stft-float32.tflite"
"""The network alone, for the decoder in NumPy."""
SHIPPED = ROOT / "tfbwe" / "weights" / "wave"
SIDES = {"mono": 1, "stereo": 2}
HOPS = 260
LOST = slice(150, 170)
"""Hops that are lost: more than the 100 ms after which the network forgets."""
REQUIREMENTS = ("tflite-runtime==2.14.0", "numpy<2")
LEAST_DB = 90.0
LEAST_SAME_DB = 110.0
"""Of the same graph in the same interpreter: what rounding of the sum to float32 leaves."""


def write_music(path, model, channels):
    """Hops of music with a loss and two cutoffs, and what the decoder makes of them."""
    hops = music(channels, HOPS * HOP_LENGTH / 44100, cutoff_hz=5000).reshape(channels, HOPS, HOP_LENGTH)
    hops = np.ascontiguousarray(hops.swapaxes(0, 1))
    hops[LOST] = 0
    lost = np.zeros(HOPS, np.float32)
    lost[LOST] = HOP_LENGTH * np.arange(1, LOST.stop - LOST.start + 1)
    decoder = Decoder(model, channels, cutoff_hz=5000.0, diffuse=0.75)
    blocks = [
        decoder.process(None if count else hop, HOP_LENGTH) for hop, count in zip(hops, lost, strict=True)
    ]
    blocks.append(decoder.process(np.zeros_like(hops[0])))
    assert decoder.latency == N_FFT  # the graph's own latency and one hop, which the graph does without
    same = {"cutoff_hz": np.full(HOPS, 5000, np.float32), "diffuse": np.full(HOPS, 0.75, np.float32)}
    np.savez(path, hop=hops, lost=lost, expected=np.stack(blocks[1:]), **same)
    return path


def ran(python, model, path, least_db):
    return subprocess.run(
        [python, str(PROGRAM), str(model), str(path), str(least_db)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("side", SIDES)
def test_the_program_runs_the_shipped_graph_as_the_decoder_does(side, tmp_path):
    model = SHIPPED / f"stft-{side}.tflite"
    path = write_music(tmp_path / "music.npz", model, SIDES[side])
    done = ran(sys.executable, model, path, LEAST_SAME_DB)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dB below the added band" in done.stdout


def test_the_program_fails_where_the_output_is_another(tmp_path):
    model = SHIPPED / "stft-mono.tflite"
    path = write_music(tmp_path / "music.npz", model, 1)
    with np.load(path) as arrays:
        altered = dict(arrays)
    altered["expected"][100] *= 1.001
    np.savez(path, **altered)
    done = ran(sys.executable, model, path, LEAST_SAME_DB)
    assert done.returncode == 1
    assert "dB below the added band" in done.stdout


@pytest.fixture(scope="module")
def old_python(tmp_path_factory):
    """Interpreter of an environment with tflite-runtime 2.14, made anew."""
    python = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if python is None:
        pytest.skip("tflite-runtime 2.14 needs Python 3.11, which is not installed")
    folder = tmp_path_factory.mktemp("old-runtime")
    made = subprocess.run([python, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"python3.11 makes no environment: {made.stdout}{made.stderr}")
    own = folder / "bin" / "python"
    pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    done = subprocess.run([*pip, *REQUIREMENTS], capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip() or "pip says nothing").splitlines()[-1]
        pytest.skip(f"{' and '.join(REQUIREMENTS)} cannot be installed: {why}")
    return own


@pytest.fixture(scope="module")
def float32_graphs(tmp_path_factory):
    """Folder of the shipped network's graphs in float32."""
    pytest.importorskip("tensorflow")
    from export import cli

    folder = tmp_path_factory.mktemp("graphs")
    arguments = [str(ROOT / "networks" / "stft"), "-o", str(folder), "--graph", "wave", "--quantize", "none"]
    assert cli.main(arguments) == 0
    return folder


@pytest.mark.parametrize("side", SIDES)
def test_float32_on_the_interpreter_of_2023_equals_the_decoder(side, old_python, float32_graphs, tmp_path):
    path = write_music(tmp_path / "music.npz", FLOAT32, SIDES[side])
    done = ran(old_python, float32_graphs / f"stft-{side}.none.tflite", path, LEAST_DB)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tflite_runtime 2.14.0, NumPy 1." in done.stdout


@pytest.mark.parametrize("side", SIDES)
def test_dynamic_range_is_refused_there_by_the_name_of_the_operation(side, old_python, tmp_path):
    model = SHIPPED / f"stft-{side}.tflite"
    path = write_music(tmp_path / "music.npz", model, SIDES[side])
    done = ran(old_python, model, path, LEAST_DB)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith(str(model))]
    assert "tflite_runtime 2.14.0" in line
    assert "FULLY_CONNECTED' version '12'" in line
    assert "Traceback" not in done.stderr
