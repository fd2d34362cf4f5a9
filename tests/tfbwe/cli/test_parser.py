from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.paths import ROOT
from tests.helpers.restoring import gentle, music, rounded
from tfbwe.model.bundle import digest, pack
from tfbwe.model.manifest import Manifest


def fails(result, reason):
    status, out, lines = result
    assert (status, out, len(lines)) == (1, "", 1), lines
    assert lines[0].startswith("tfbwe: ")
    assert reason in lines[0]


@pytest.mark.usefixtures("stand_in")
def test_info_tells_what_a_file_holds_and_whether_anything_would_be_added(tfbwe, song, low_passed):
    status, out, lines = tfbwe("info", song(), "--json")
    found = json.loads(out)
    assert (status, lines) == (0, [])
    assert (found["container"], found["subtype"], found["sample_rate"]) == ("WAV", "PCM_16", 44100)
    assert (found["channels"], found["seconds"], found["extendable"], found["reason"]) == (2, 1.0, True, None)
    assert found["cutoff_hz"] == pytest.approx(7000, rel=0.03)
    _, out, _ = tfbwe("info", song("in/full.wav", low_passed(2, 1.0, cutoff_hz=22050)))
    assert "extendable" in out
    assert "no edge" in out
    for seconds, reason in ((1.0, "it is silent"), (0.0, "it holds no sound")):
        silence = np.zeros((1, round(44100 * seconds)))
        found = json.loads(tfbwe("info", song("in/silence.wav", silence), "--json")[1])
        assert (found["cutoff_hz"], found["extendable"], found["reason"]) == (None, False, reason)
    fails(tfbwe("info", "no such.wav"), "No such file")


def test_info_says_what_was_identified_and_draws_it(tfbwe, song, tmp_path):
    pytest.importorskip("matplotlib")
    path = song("in/dull song.wav", rounded(gentle(music(6.0))))
    picture = tmp_path / "spectrum of it.png"
    status, out, lines = tfbwe("info", path, "--json", "--png", picture)
    found = json.loads(out)
    assert (status, lines) == (0, [])
    assert "dB an octave; weak band to" in found["condition"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    fails(tfbwe("info", path, "--png", picture), "--force")
    silence = song("in/silence.wav", np.zeros((1, 44100)))
    status, out, lines = tfbwe("info", silence, "--png", tmp_path / "none.png")
    assert (status, "silent" in out, len(lines)) == (1, True, 1)
    assert "nothing to draw" in lines[0]
    fails(
        tfbwe("info", ROOT / "tfbwe" / "weights" / "stft.tflite", "--png", tmp_path / "x.png"), "a sound file"
    )
    assert json.loads(tfbwe("info", silence, "--json")[1])["condition"] is None


def test_info_prints_the_manifest_of_a_model_and_refuses_a_bad_one(tfbwe, tmp_path):
    flatbuffer = b"\x1c\x00\x00\x00TFL3" + bytes(100)
    values = {field.name: "x" for field in dataclasses.fields(Manifest)}
    numbers = {"format_version": 2, "highest_hz": 16000.0, "macs_per_s": 5e7, "size_bytes": len(flatbuffer)}
    empty = {"transform": {}, "normalisation": {}, "training": {}, "verification": {}, "states": {}}
    manifest = Manifest(
        **{
            **values,
            **numbers,
            **empty,
            "restoring": {},
            "graph": {"kind": "step", "parameters": 1},
            "cutoff_range_hz": (3500.0, 16000.0),
            "sha256": digest(flatbuffer),
        }
    )
    path = tmp_path / "my model.tflite"
    path.write_bytes(pack(flatbuffer, manifest))
    status, out, _ = tfbwe("info", path)
    assert status == 0
    assert json.loads(out)["cutoff_range_hz"] == [3500.0, 16000.0]
    data = bytearray(path.read_bytes())
    for damaged in (data[:-10], data[:50], bytes([*data[:20], data[20] ^ 1, *data[21:]])):
        path.write_bytes(damaged)
        fails(tfbwe("info", path), str(path))
    path.write_bytes(pack(flatbuffer, dataclasses.replace(manifest, format_version=99)))
    fails(tfbwe("info", path), "version")
    fails(tfbwe("extend", "x.wav", "--model", path), "version")
    fails(tfbwe("extend", "x.wav", "--model", "wavelet"), "no such model")


def test_compare_gives_valid_json_whose_unknown_numbers_are_null(tfbwe, song, low_passed):
    x = low_passed(2, 2.0, cutoff_hz=20000)
    reference, same = song("in/1.wav", x), song("in/2.wav", x)
    lowered = song("in/3.wav", low_passed(2, 2.0, cutoff_hz=7000))
    _, out, _ = tfbwe("compare", reference, same, "--cutoff", "8000", "--json")
    found = json.loads(out, parse_constant=lambda name: pytest.fail(name))
    assert (found["snr_db"], found["lsd"], found["lsd_hf"], found["cutoff_hz"]) == (None, 0, 0, 8000)
    _, out, _ = tfbwe("compare", reference, lowered, "--json")
    found = json.loads(out)
    assert found["cutoff_hz"] == pytest.approx(7000, rel=0.03)
    assert found["lsd_hf"] > 2
    assert all(math.isfinite(found[key]) for key in ("sdr_db", "snr_db", "lsd", "lsd_hf", "lsd_top"))
    assert found["level_hf_db"] < -20
    status, out, lines = tfbwe("compare", reference, same)
    assert (status, len(lines)) == (0, 1)
    assert lines[0].startswith(f"tfbwe: {same}: has no edge")
    assert "--cutoff HZ gives lsd_hf" in lines[0]
    assert "lsd_hf" not in out


def test_compare_measures_no_further_than_the_reference_reaches_and_says_so(tfbwe, song, low_passed):
    whole, walled = song("in/1.wav", low_passed(2, 2.0, cutoff_hz=21000)), low_passed(2, 2.0, cutoff_hz=12000)
    walled = song("in/2.wav", walled)
    status, out, lines = tfbwe("compare", walled, whole, "--cutoff", "8000", "--json")
    found = json.loads(out)
    assert status == 0
    assert len(lines) == 1
    assert lines[0].startswith(f"tfbwe: {walled}: its band ends at 12")
    assert found["lsd_top"] is None
    assert None not in (found["lsd_hf"], found["lsd_hf_matched"], found["level_hf_db"])
    _, out, lines = tfbwe("compare", walled, whole, "--cutoff", "17000", "--json")
    found = json.loads(out)
    assert [found[name] for name in ("lsd_hf", "lsd_hf_matched", "lsd_top", "level_hf_db")] == [None] * 4
    assert tfbwe("compare", whole, walled, "--cutoff", "8000")[2] == []


def test_compare_finds_a_wall_above_16_khz_and_measures_what_is_missing(tfbwe, song, low_passed):
    whole = song("in/1.wav", low_passed(2, 2.0, cutoff_hz=21000))
    walled = song("in/2.wav", low_passed(2, 2.0, cutoff_hz=17000))
    _, out, lines = tfbwe("compare", whole, walled, "--json")
    found = json.loads(out)
    assert found["cutoff_hz"] == pytest.approx(17000, rel=0.01)
    assert found["lsd_hf"] is None
    assert found["lsd_top"] > 1
    assert found["level_hf_db"] < -20
    assert [line.split(": ", 2)[2] for line in lines] == [
        "has no edge below 16000 Hz where a received band could end; --cutoff HZ gives lsd_hf"
    ]


def test_compare_says_where_the_two_do_not_fit(tfbwe, song, low_passed):
    reference = song("in/1.wav", low_passed(2, 1.0, cutoff_hz=21000))
    fails(tfbwe("compare", reference, song("in/2.wav", low_passed(1, 1.0))), "expected 2 channels as")
    fails(tfbwe("compare", song("in/5.wav", low_passed(1, 1.0)), reference), "expected 1 channel as")
    fails(tfbwe("compare", reference, song("in/3.wav", np.zeros((2, 0)))), "no sound")
    said = "--cutoff: expected HZ below 20000, where the measured band ends, or auto, received 23000"
    fails(tfbwe("compare", reference, reference, "--cutoff", "23000"), f"{reference}: {said}")
    status, _, lines = tfbwe("compare", reference, song("in/4.wav", low_passed(2, 0.9, 48000), 48000))
    assert status == 0
    assert ["resampled" in lines[0], "shorter" in lines[1], len(lines)] == [True, True, 2]


def test_compare_draws_a_picture_and_does_not_replace_one(tfbwe, song, tmp_path):
    pytest.importorskip("matplotlib")
    path = song()
    assert tfbwe("compare", path, path, "--png", tmp_path / "a b.png")[0] == 0
    assert (tmp_path / "a b.png").read_bytes().startswith(b"\x89PNG")
    fails(tfbwe("compare", path, path, "--png", tmp_path / "a b.png"), "--force")
    fails(tfbwe("compare", path, path, "--png", tmp_path / "p.jpg"), "ends in .png")


def test_benchmark_lists_every_shipped_graph(tfbwe, monkeypatch, tmp_path):
    from tfbwe.measures import runtimes
    from tfbwe.model import bundle

    graphs = bundle.shipped_graphs()
    assert set(graphs) == {*bundle.shipped(), "wave/stft-mono", "wave/stft-stereo"}
    some = {name: path for name, path in graphs.items() if name in ("stft", "wave/stft-mono")}
    monkeypatch.setattr(runtimes, "shipped_graphs", lambda: some)
    monkeypatch.setattr(runtimes, "CHECKOUT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "tfbwe-bench"
    program.write_text(
        '#!/bin/sh\necho \'{"runtime": "C", "channels": 1, "hop_ms": 0.1, "hop_ms_p99": 0.2,'
        ' "hop_rtf": 0.01, "rtf": 0.01, "peak_rss_mb": null}\'\n'
    )
    program.chmod(0o755)
    status, out, lines = tfbwe("benchmark", "--all", "--json")
    assert (status, len(lines)) == (0, 1)
    assert "no rows for a browser" in lines[0]
    rows = json.loads(out)
    assert [(row["model"], row["graph"]) for row in rows] == [
        ("stft", "step"),
        ("wave/stft-mono", "wave"),
        ("wave/stft-mono", "wave"),
    ]
    assert [row["runtime"].split()[0] for row in rows] == ["Python,", "Python,", "C"]
    for row in rows:
        assert 0 < row["hop_ms"] <= row["hop_ms_p99"]
        assert row["latency_samples"] == 2048
        assert row["parameters"] == 310605 + 44737  # both networks
        assert 0 < row["rtf"] < 1
    _, out, _ = tfbwe("benchmark", "--all")
    assert out.splitlines()[3].split()[:5] == ["wave/stft-mono", "C", "wave", "1", "dynamic"]
    program.write_text("#!/bin/sh\necho tfbwe-bench: no TFLite >&2\nexit 1\n")
    fails(tfbwe("benchmark", "--all"), "tfbwe-bench: no TFLite")


def test_benchmark_reports_its_five_figures(tfbwe, stand_in):
    stand_in.manifest = SimpleNamespace(mono_macs_per_s=6e7, size_bytes=400000, graph={"kind": "step"})
    status, out, lines = tfbwe("benchmark", "--json")
    found = json.loads(out)
    assert (status, lines) == (0, [])
    assert list(found) == ["rtf", "peak_rss_mb", "latency_samples", "macs_per_s", "size_bytes"]
    assert found["rtf"] > 0
    assert (found["latency_samples"], found["macs_per_s"], found["size_bytes"]) == (2048, 6e7, 400000)


@pytest.mark.parametrize("command", [[], ["extend"], ["info"], ["compare"], ["benchmark"]])
def test_help_shows_an_example_and_imports_nothing_heavy(command):
    code = (
        "import sys; from tfbwe.cli import main; status = main(sys.argv[1:]);"
        "heavy = {'numpy', 'soundfile', 'soxr', 'ai_edge_litert', 'tqdm', 'matplotlib'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    done = subprocess.run([sys.executable, "-c", code, *command, "--help"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"tfbwe {' '.join(command)}".rstrip() + " " in done.stdout[done.stdout.index("examples:") :]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["extend"],
        ["extend", "x", "--clip", "hard"],
        ["extend", "x", "--cutoff", "y"],
        ["--no"],
        ["extend", ""],
    ],
)
def test_wrong_usage_exits_2(tfbwe, arguments):
    status, out, lines = tfbwe(*arguments)
    assert (status, out) == (2, "")
    assert lines[0].startswith("usage: tfbwe")


def test_libraries_that_write_to_standard_error_themselves_are_kept_off_it(tmp_path):
    (tmp_path / "text.mp3").write_text("hello world\n" * 100)
    done = subprocess.run(
        [sys.executable, "-m", "tfbwe", "compare", "text.mp3", "text.mp3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("tfbwe: text.mp3: not a sound file")


@pytest.fixture
def whole(song, low_passed):
    """Return a maker of sound files that reach so far up that comparing says nothing about it."""
    return lambda name="in/a song.wav": song(name, low_passed(2, 1.0, cutoff_hz=21000))


def test_a_closed_pipe_ends_quietly(tmp_path, whole):
    path = whole()
    command = f"'{sys.executable}' -m tfbwe compare '{path}' '{path}' --cutoff 8000 --json | true"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["extend", ""], ["extend", "x", "-o", ""], ["info", ""], ["compare", "x", ""]]
)
def test_an_empty_name_is_wrong_usage_said_clearly(tfbwe, arguments):
    status, _, lines = tfbwe(*arguments)
    assert status == 2
    assert lines[-1].endswith("expected the name of a file, received an empty one")


def shell(command, **environment):
    """Run a command line of tfbwe, here called so, in a process of its own."""
    script = f"tfbwe() {{ '{sys.executable}' -m tfbwe \"$@\"; }}; {command}"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=environment, cwd=ROOT)


def test_a_name_that_the_output_s_encoding_lacks_is_printed_escaped(whole):
    path = whole("in/n\u20ac.wav")
    done = shell(f"tfbwe compare '{path}' '{path}' --cutoff 8000", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "n\\u20ac.wav" in done.stdout
    done = shell(f"tfbwe compare '{path}' '{path}' --json", PYTHONIOENCODING="ascii", PYTHONUTF8="1")
    assert json.loads(done.stdout)["reference"] == str(path)


def test_closed_and_full_outputs_are_no_traceback(whole):
    path = whole()
    done = shell(f"tfbwe compare '{path}' '{path}' --cutoff 8000 >&-")
    assert (done.returncode, done.stderr) == (0, "")
    done = shell(f"tfbwe compare '{path}' no.wav 2>&-")
    assert (done.returncode, done.stdout) == (1, "")
    if os.path.exists("/dev/full"):
        done = shell(f"tfbwe compare '{path}' '{path}' --cutoff 8000 > /dev/full")
        assert (done.returncode, done.stderr) == (1, "tfbwe: standard output: No space left on device\n")


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_signals_that_end_a_process_are_its_exit_status(tfbwe, monkeypatch, name, status):
    if not hasattr(signal, name):
        pytest.skip("not on this system")
    number = getattr(signal, name)
    monkeypatch.setattr("tfbwe.cli.commands.info", lambda options: signal.raise_signal(number))
    before = signal.signal(number, signal.SIG_DFL)  # under nohup SIGHUP comes in ignored
    try:
        assert tfbwe("info", "x") == (status, "", [f"tfbwe: stopped by {name}"])
        assert signal.getsignal(number) == signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN)
        assert tfbwe("info", "x")[0] is None
    finally:
        signal.signal(number, before)
