"""Measuring a music folder."""

import math

import numpy as np
import pytest
import soundfile

from tests.helpers.noise import RATE, narrow_noise, noise
from training.corpus import main
from training.music import scan as scan_module
from training.music.manifest import MANIFEST_NAME, read_manifest, write_manifest
from training.music.scan import scan


@pytest.fixture
def music(tmp_path):
    """A tree with two usable files and one of every kind that is not."""
    soundfile.write(tmp_path / "wide.wav", noise(1, channels=2), RATE)
    soundfile.write(tmp_path / "other.flac", noise(2), RATE)
    soundfile.write(tmp_path / "narrow.wav", narrow_noise(3), RATE)
    soundfile.write(tmp_path / "low rate.wav", noise(4), 16000)
    soundfile.write(tmp_path / "short.wav", noise(5, seconds=1.0), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(6 * RATE), RATE)
    soundfile.write(tmp_path / "nan.wav", np.full(6 * RATE, np.nan, np.float32), RATE, subtype="FLOAT")
    (tmp_path / "text.mp3").write_text("no sound at all")
    (tmp_path / "empty.ogg").touch()
    return tmp_path


def test_scan_measures_and_says_what_it_leaves_out(music, capsys):
    assert main(["scan", str(music), "--jobs", "1"]) == 0
    streams = capsys.readouterr()
    rows = {row.file: row for row in read_manifest(music)}
    assert set(rows) == {"wide.wav", "other.flac"}
    wide = rows["wide.wav"]
    assert (wide.sample_rate, wide.channels, wide.seconds) == (RATE, 2, 5.2)
    assert wide.bandwidth_hz > 15000
    assert math.isfinite(wide.loudness_lufs)
    assert wide.size_bytes == (music / "wide.wav").stat().st_size
    for line in (
        "left out: narrow.wav: bandwidth 4",
        "left out: low rate.wav: bandwidth 8000 Hz, a target needs 12000 Hz",
        "left out: short.wav: 1.00 s long, a target needs 5 s",
        "left out: silent.wav: silent",
        "left out: nan.wav: holds NaN",
        "left out: text.mp3: not readable",
        "left out: empty.ogg: not readable",
    ):
        assert line in streams.err
    assert "left out: 7 files" in streams.out


def test_loudness_of_a_sine_is_as_the_standard_says(tmp_path):
    sine = 10 ** (-20 / 20) * np.sin(2 * np.pi * 997 * np.arange(6 * RATE) / RATE)
    hiss = np.random.default_rng(1).standard_normal((6 * RATE, 1)) * 1e-4
    soundfile.write(tmp_path / "sine.wav", sine[:, None].repeat(2, 1) + hiss, RATE, subtype="FLOAT")
    tracks, _ = scan(tmp_path, jobs=1)
    assert tracks[0].loudness_lufs == pytest.approx(-20.0, abs=0.1)


def test_excerpts_of_a_long_file_reach_from_its_start_to_its_end(tmp_path):
    ramp = np.linspace(0, 1, 100 * 8000, dtype=np.float32)
    soundfile.write(tmp_path / "ramp.wav", ramp, 8000, subtype="FLOAT")
    x = scan_module.excerpts(tmp_path / "ramp.wav", count=4, seconds=2.0)
    assert x.shape == (4, 1, 16000)
    assert x.dtype == np.float32
    assert x[0, 0, 0] == ramp[0]
    assert x[-1, 0, -1] == ramp[-1]


def test_a_second_scan_measures_only_what_changed(music, monkeypatch):
    scan(music, jobs=1)
    manifest = (music / MANIFEST_NAME).read_bytes()
    soundfile.write(music / "new.wav", noise(9), RATE)
    measured = []
    original = scan_module.measure
    monkeypatch.setattr(scan_module, "measure", lambda d, s: measured.append(s.file) or original(d, s))
    scan(music, jobs=1)
    assert "new.wav" in measured
    assert not {"wide.wav", "other.flac"} & set(measured)
    assert manifest.splitlines()[1] in (music / MANIFEST_NAME).read_bytes()
    measured.clear()
    scan(music, resume=False, jobs=1)
    assert {"wide.wav", "other.flac", "new.wav"} <= set(measured)


def test_rows_of_an_interrupted_scan_are_taken_up(music, monkeypatch):
    tracks, _ = scan(music, jobs=1)
    (music / MANIFEST_NAME).unlink()
    write_manifest(music / ".manifest.partial.csv", tracks[:1])
    measured = []
    original = scan_module.measure
    monkeypatch.setattr(scan_module, "measure", lambda d, s: measured.append(s.file) or original(d, s))
    assert scan(music, jobs=1)[0] == tracks
    assert tracks[0].file not in measured
    assert not (music / ".manifest.partial.csv").exists()


def test_several_threads_measure_the_same(music):
    assert scan(music, jobs=1)[0] == scan(music, resume=False, jobs=2)[0]


@pytest.mark.parametrize("files", [(), ("narrow.wav",)])
def test_a_folder_without_usable_music_is_one_line_and_exit_1(tmp_path, capsys, files):
    for file in files:
        soundfile.write(tmp_path / file, narrow_noise(3), RATE)
    assert main(["scan", str(tmp_path), "--jobs", "1"]) == 1
    assert "none usable" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / MANIFEST_NAME).exists()
