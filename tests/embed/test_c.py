"""The decoder in C does what the decoder in Python does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.decoding import music, noise
from tests.helpers.native import CMAKE, CTEST, SOURCE, configured, find_tflite, missing, run, tool
from tests.helpers.paths import ROOT
from tfbwe._version import __version__
from tfbwe.decoder import Decoder
from tfbwe.model.bundle import WEIGHTS

SIDES = {1: "mono", 2: "stereo"}
VERSIONS_DB = 40
"""The shipped networks round their inputs to 8 bits while they run, and versions of TFLite round apart.
Measured at least 48 (mono) and 64 dB (stereo) between LiteRT 2.3 and TFLite 2.17.1; the shipped quantisation
itself lies 36 dB below the added band."""
EXACT_DB = 100
"""For networks in float32: measured at least 116 and 107 dB between those versions."""

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder of the programs."""
    return configured(tmp_path_factory.mktemp("c"), "-DCMAKE_C_FLAGS=-Werror")


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """Folder of the wave graphs with the network in float32."""
    pytest.importorskip("tensorflow")
    from export import cli

    out = tmp_path_factory.mktemp("exact")
    run_folder = str(ROOT / "networks" / "stft")
    assert cli.main([run_folder, "-o", str(out), "--graph", "wave", "--quantize", "none"]) == 0
    return out


def shipped(channels):
    return WEIGHTS / "wave" / f"stft-{SIDES[channels]}.tflite"


def signal(channels, seconds=3.0):
    x = music(channels, seconds)
    return x + noise(channels, x.shape[1], 8000.0, 0.01)


def script(x, seed):
    """Return steps of (verb, number, block): blocks of any size, losses, two cutoffs, a reset."""
    rng = np.random.default_rng(seed)
    steps = [("cutoff", 8000.0, None)]
    at = 0
    while at < x.shape[1]:
        size = int(rng.choice([0, 1, 511, 512, 513, 2049, rng.integers(4000)]))
        block = x[:, at : at + size]
        at += size
        if rng.random() < 0.1:
            steps += [("lost", int(n), None) for n in rng.integers(0, 3000, 3)]
        if rng.random() < 0.05:
            steps.append(("cutoff", float(rng.integers(3500, 15000)) + 0.5, None))
        steps.append(("process", block.shape[1], block))
    half = len(steps) // 2
    return [*steps[:half], ("reset", 0, None), *steps[half:]]


def in_python(model, channels, steps, fixed_hz=None):
    """Return the output of the decoder; with one cutoff throughout if it is given."""
    decoder = Decoder(model, channels, cutoff_hz=fixed_hz or 8000.0)
    parts = []
    for verb, number, block in steps:
        if verb == "cutoff" and fixed_hz is None:
            decoder._extension._given_cutoff_hz = number  # C can change it, Python's decoder need not
        elif verb == "reset":
            decoder.reset()
        elif verb in ("process", "lost"):
            parts.append(decoder.process(block, number if block is None else 0).ravel())
    return np.concatenate(parts)


def in_c(built, folder, model, steps):
    (folder / "script").write_text("".join(f"{verb} {number}\n" for verb, number, _ in steps))
    blocks = [block.ravel() for _, _, block in steps if block is not None]
    np.concatenate(blocks).astype("<f4").tofile(folder / "in")
    run(built / "replay", model, folder / "script", folder / "in", folder / "out")
    return np.fromfile(folder / "out", "<f4")


def below_added_db(built, folder, model, channels):
    """How far the outputs of C and Python lie apart, below the band that they add."""
    steps = script(signal(channels), channels)
    expected = in_python(model, channels, steps).astype(float)
    received = in_c(built, folder, model, steps)
    assert received.shape == expected.shape
    added = expected - in_python(model, channels, steps, fixed_hz=21000.0)
    assert np.sum(added**2) > 0
    return 10 * np.log10(np.sum(added**2) / max(np.sum((received - expected) ** 2), 1e-30))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_shipped_graphs_sound_in_c_as_in_python(built, tmp_path, channels):
    assert below_added_db(built, tmp_path, shipped(channels), channels) > VERSIONS_DB


@pytest.mark.parametrize("channels", [1, 2])
def test_in_float32_c_and_python_are_100_db_below_the_added_band_apart(built, exact, tmp_path, channels):
    model = exact / f"stft-{SIDES[channels]}.none.tflite"
    assert below_added_db(built, tmp_path, model, channels) > EXACT_DB


def test_its_own_tests_pass(built):
    run(CTEST, "--output-on-failure", cwd=built)


def test_its_own_tests_pass_with_sanitizers(tmp_path):
    configured(tmp_path, "-DTFBWE_SANITIZE=ON", "-DTFBWE_PROGRAMS=OFF")
    run(CTEST, "--output-on-failure", cwd=tmp_path)


def test_an_installed_library_is_found_by_pkg_config(built, tmp_path):
    if not shutil.which("pkg-config"):
        pytest.skip("pkg-config is missing")
    prefix = tmp_path / "prefix"
    configured(tmp_path / "build", f"-DCMAKE_INSTALL_PREFIX={prefix}", "-DTFBWE_TESTS=OFF")
    run(CMAKE, "--install", tmp_path / "build")
    found = next(prefix.rglob("tfbwe.pc")).parent
    where = {**os.environ, "PKG_CONFIG_PATH": str(found)}
    flags = run("pkg-config", "--cflags", "--libs", "tfbwe", env=where)
    assert run("pkg-config", "--modversion", "tfbwe", env=where).strip() == __version__
    first = SOURCE / "examples" / "first.c"
    here = Path(find_tflite()).resolve().parent
    run("cc", "-std=c99", first, "-o", tmp_path / "first", *flags.split(), f"-Wl,-rpath,{here}")
    raw = signal(2, 0.5).T.astype("<f4").tobytes()
    command = [tmp_path / "first", shipped(2), "8000"]
    assert len(subprocess.run(command, input=raw, capture_output=True, check=True).stdout) == len(raw)
    assert (
        "usage: tfbwe-wav"
        in subprocess.run([prefix / "bin" / "tfbwe-wav"], capture_output=True, text=True).stderr
    )


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_the_program_extends_a_file_and_takes_the_latency_out(built, tmp_path, channels, subtype, form):
    x = 0.5 * signal(channels, 0.7)
    soundfile.write(tmp_path / "in.wav", x.T, 44100, subtype=subtype, format=form)
    sent = soundfile.read(tmp_path / "in.wav", dtype="float32", always_2d=True)[0].T
    run(built / "tfbwe-wav", shipped(channels), tmp_path / "in.wav", tmp_path / "out.wav", "8000", "0.5")
    assert soundfile.info(tmp_path / "out.wav").subtype == subtype
    received = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)[0].T
    decoder = Decoder(shipped(channels), channels, 8000.0, diffuse=0.5)
    expected = np.concatenate([decoder.process(sent), decoder.flush()], axis=1)[:, decoder.latency :]
    assert received.shape == sent.shape
    added = np.sqrt(np.mean((expected - sent) ** 2))
    step = 2.0**-16 if subtype == "PCM_16" else 2.0**-24
    assert np.max(np.abs(expected - received)) < 0.3 * added + step
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.wav", "out.wav"]


def refused(built, *arguments):
    done = subprocess.run([built / "tfbwe-wav", *map(str, arguments)], capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("INFO")]
    return done.returncode, "\n".join(lines)


def test_the_program_refuses_in_one_line_what_it_cannot_do(built, tmp_path):
    good, out = tmp_path / "good.wav", tmp_path / "out.wav"
    soundfile.write(good, signal(1, 0.2).T, 44100)
    soundfile.write(tmp_path / "48.wav", signal(1, 0.2).T, 48000)
    soundfile.write(tmp_path / "8bit.wav", signal(1, 0.2).T, 44100, subtype="PCM_U8")
    soundfile.write(tmp_path / "nan.wav", np.full(5000, np.nan), 44100, subtype="FLOAT")
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "cut.tflite").write_bytes(shipped(1).read_bytes()[:-1000])
    cases = [
        ((shipped(1), tmp_path / "48.wav", out, "8000"), "expected 44100 samples a second"),
        ((shipped(1), tmp_path / "8bit.wav", out, "8000"), "expected PCM of 16, 24 or 32 bits"),
        ((shipped(1), tmp_path / "nan.wav", out, "8000"), "expected finite samples"),
        ((shipped(1), tmp_path / "text.wav", out, "8000"), "expected a WAV file"),
        ((shipped(1), tmp_path / "none.wav", out, "8000"), "cannot be opened"),
        ((shipped(2), good, out, "8000"), "number of channels: expected 2"),
        ((tmp_path / "cut.tflite", good, out, "8000"), "no manifest at the end"),
        ((WEIGHTS / "stft.tflite", good, out, "8000"), "not a graph from wave to wave"),
        ((shipped(1), good, good, "8000"), "is there already"),
        ((shipped(1), good, tmp_path / "no" / "out.wav", "8000"), "cannot be made"),
        ((shipped(1), good, out, "-8"), "outside its range"),
        ((shipped(1), good, out, "8000", "2"), "outside its range"),
    ]
    before = sorted(tmp_path.iterdir())
    for arguments, words in cases:
        status, said = refused(built, *arguments)
        assert status == 1
        assert words in said
        assert said.count("\n") == 0
    assert sorted(tmp_path.iterdir()) == before
    status, said = refused(built, shipped(1), good, out, "high")
    assert (status, said) == (2, "tfbwe-wav: CUTOFF: expected a number, received 'high'")
    assert refused(built)[0] == 2


def test_a_cut_file_is_extended_as_far_as_it_goes_and_that_is_said(built, tmp_path):
    soundfile.write(tmp_path / "in.wav", signal(2, 0.5).T, 44100, subtype="PCM_16")
    whole = (tmp_path / "in.wav").read_bytes()
    (tmp_path / "in.wav").write_bytes(whole[: -4 * 1000])
    status, said = refused(built, shipped(2), tmp_path / "in.wav", tmp_path / "out.wav", "8000")
    assert status == 0
    assert "it ends 1000 samples before its header says" in said
    assert soundfile.info(tmp_path / "out.wav").frames == 22050 - 1000


def test_samples_beyond_full_scale_are_held_there_and_counted(built, tmp_path):
    x = np.clip(20 * signal(1, 0.5), -1, 1)
    soundfile.write(tmp_path / "in.wav", x.T, 44100, subtype="PCM_16")
    status, said = refused(built, shipped(1), tmp_path / "in.wav", tmp_path / "out.wav", "8000")
    assert status == 0
    assert "samples were held at full scale" in said
    assert np.max(np.abs(soundfile.read(tmp_path / "out.wav", dtype="int16")[0].astype(int))) >= 32767


def test_an_empty_file_and_a_cut_one_are_no_problem(built, tmp_path):
    soundfile.write(tmp_path / "in.wav", np.zeros(0), 44100)
    run(built / "tfbwe-wav", shipped(1), tmp_path / "in.wav", tmp_path / "out.wav", "8000")
    assert soundfile.info(tmp_path / "out.wav").frames == 0
    soundfile.write(tmp_path / "long.wav", signal(1, 0.2).T, 44100)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "long.wav").read_bytes()[:5001])
    run(built / "tfbwe-wav", shipped(1), tmp_path / "cut.wav", tmp_path / "out2.wav", "8000")
    assert soundfile.info(tmp_path / "out2.wav").frames == (5001 - 44) // 2


def test_it_is_small_and_needs_little_memory(built, tmp_path):
    if not shutil.which("strip"):
        pytest.skip("strip is missing")
    run("strip", "--strip-unneeded", built / "libtfbwe.a", "-o", tmp_path / "libtfbwe.a")
    assert (tmp_path / "libtfbwe.a").stat().st_size < 64 * 1024
    soundfile.write(tmp_path / "in.wav", signal(2, 2.0).T, 44100)
    measured = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    command = [built / "tfbwe-wav", shipped(2), tmp_path / "in.wav", tmp_path / "out.wav", "8000"]
    assert int(run(sys.executable, "-c", measured, *command)) < 20 * 1024


@pytest.mark.parametrize("channels", [1, 2])
def test_the_benchmark_prints_its_figures_as_json(built, channels):
    (line,) = run(built / "tfbwe-bench", shipped(channels)).splitlines()
    row = json.loads(line)
    assert row.pop("runtime").startswith("C, TFLite 2.")
    assert row.pop("channels") == channels
    assert set(row) == {"hop_ms", "hop_ms_p99", "hop_rtf", "rtf", "peak_rss_mb"}
    assert all(0 < value < 1000 for value in row.values())
    assert row["hop_ms"] <= row["hop_ms_p99"]


def test_the_benchmark_says_why_a_model_does_not_run(built):
    done = subprocess.run([built / "tfbwe-bench", "no such"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tfbwe-bench: no such: the model file cannot be read")


def test_without_a_cutoff_the_model_s_own_is_taken_and_said(built, tmp_path):
    x = signal(1, 0.5)
    soundfile.write(tmp_path / "in.wav", x.T, 44100, subtype="FLOAT")
    command = [built / "tfbwe-wav", shipped(1), tmp_path / "in.wav"]
    done = subprocess.run([*command, tmp_path / "own.wav"], capture_output=True, text=True, check=True)
    said = [line for line in done.stderr.splitlines() if line.startswith("tfbwe-wav")]
    assert said == [
        f"tfbwe-wav: {tmp_path / 'in.wav'}: no cutoff given; the default of the model is taken, 11025 Hz"
    ]
    run(*command, tmp_path / "given.wav", "11025")
    assert (tmp_path / "own.wav").read_bytes() == (tmp_path / "given.wav").read_bytes()


@pytest.mark.skipif(not tool("valgrind"), reason="valgrind is missing; `make c-test` fetches it")
def test_valgrind_finds_nothing(built, tmp_path):
    soundfile.write(tmp_path / "in.wav", signal(1, 0.2).T, 44100, subtype="FLOAT")
    suppressed = f"--suppressions={SOURCE / 'tests' / 'valgrind.supp'}"
    checked = [tool("valgrind"), "--quiet", "--leak-check=full", "--error-exitcode=9", suppressed]
    run(*checked, built / "tfbwe-wav", shipped(1), tmp_path / "in.wav", tmp_path / "out.wav", 8000)
