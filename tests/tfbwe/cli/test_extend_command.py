from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tfbwe.cli import main


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def fails(result, reason):
    status, out, lines = result
    assert (status, out, len(lines)) == (1, "", 1), lines
    assert lines[0].startswith("tfbwe: ")
    assert reason in lines[0]


def test_extend_writes_beside_the_input_and_says_so(extending, song):
    path = song()
    status, out, lines = extending(path)
    assert (status, lines) == (0, [])
    assert out.startswith(f"{path.parent / 'a song.extended.wav'}: cutoff 69") or "cutoff 70" in out
    assert files(path.parent) == ["a song.extended.wav", "a song.wav"]


def test_extend_keeps_format_length_and_tags(extending, song, low_passed, tmp_path):
    path = tmp_path / "x.flac"
    with soundfile.SoundFile(path, "w", 16000, 2, "PCM_24") as file:
        file.title, file.artist = "Träumerei", "Clara"
        file.write(low_passed(2, 1.0, 16000, 8000).T)
    assert extending(path)[0] == 0
    with soundfile.SoundFile(tmp_path / "x.extended.flac") as file:
        assert (file.samplerate, file.frames, file.subtype) == (44100, 44100, "PCM_24")
        assert (file.title, file.artist) == ("Träumerei", "Clara")


def test_extend_a_folder_keeps_its_tree_below_the_output_folder(extending, song, tmp_path):
    for name in ("in/1.wav", "in/a b/2.flac", "in/a b/c/3.aiff", "in/.hidden.wav"):
        song(name)
    (tmp_path / "in" / "cover.jpg").write_bytes(b"x")
    (tmp_path / "out").mkdir()
    assert extending(tmp_path / "in", "-o", tmp_path / "out")[0] == 0
    assert files(tmp_path / "out") == ["1.wav", "a b/2.flac", "a b/c/3.aiff"]


def test_extend_a_folder_extended_twice_leaves_out_what_it_made(extending, song, tmp_path):
    song("in/1.wav")
    assert extending(tmp_path / "in")[0] == 0
    assert extending(tmp_path / "in", "--force")[0] == 0
    assert files(tmp_path / "in") == ["1.extended.wav", "1.wav"]


def test_extend_one_failing_file_is_reported_and_the_others_go_on(extending, song, tmp_path):
    good, other = song("in/1.wav"), song("in/3.wav")
    bad = tmp_path / "in" / "2.wav"
    bad.write_bytes(b"")
    status, _, lines = extending(good, bad, other)
    assert status == 1
    assert lines == [f"tfbwe: {bad}: the file is empty (0 bytes)"]
    assert files(tmp_path / "in") == ["1.extended.wav", "1.wav", "2.wav", "3.extended.wav", "3.wav"]


def test_extend_a_failing_file_leaves_no_folder_of_its_tree(extending, song, tmp_path):
    (tmp_path / "in" / "a" / "b").mkdir(parents=True)
    (tmp_path / "in" / "a" / "b" / "x.wav").write_bytes(b"no sound")
    (tmp_path / "out").mkdir()
    fails(extending(tmp_path / "in", "-o", tmp_path / "out"), "not a sound file")
    assert list((tmp_path / "out").iterdir()) == []


def test_extend_a_folder_that_cannot_be_made_fails_its_file_alone(extending, song, tmp_path):
    song("in/1/x.wav")
    song("in/2/x.wav")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "1").write_bytes(b"a file, no folder")
    status, _, lines = extending(tmp_path / "in", "-o", tmp_path / "out")
    assert status == 1
    assert len(lines) == 1
    assert str(tmp_path / "out" / "1") in lines[0]
    assert files(tmp_path / "out") == ["1", "2/x.wav"]


def test_extend_an_unwritable_output_folder_is_reported_and_the_other_files_go_on(
    extending, song, tmp_path, monkeypatch
):
    song("in/1/x.wav")
    song("in/x.wav")
    (tmp_path / "out").mkdir()

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    status, _, lines = extending(tmp_path / "in", "-o", tmp_path / "out")
    assert status == 1
    assert lines == [f"tfbwe: {tmp_path}/out/1: the folder cannot be made: Permission denied"]
    assert files(tmp_path / "out") == ["x.wav"]


def test_extend_never_writes_over_another_input(extending, song, tmp_path):
    one, other = song("in/m1.wav"), song("in/m1.extended.wav")
    before = other.read_bytes()
    fails(extending(one, other, "--force"), f"{other}: is an input, and the output of {one}")
    fails(extending(one, tmp_path / "in" / "." / "m1.extended.wav", "--force"), "is an input")
    assert other.read_bytes() == before


def test_extend_says_what_it_leaves_out_below_the_output_folder(extending, song, tmp_path):
    song("tree/1.wav")
    lost = song("tree/a/b/2.wav")
    line = f"tfbwe: {lost}: lies in the output folder, and is left out"
    assert extending(tmp_path / "tree", "-o", tmp_path / "tree" / "a")[2] == [line]
    assert extending(tmp_path / "tree", "-o", tmp_path / "tree" / "a", "--force")[2] == [line]


def test_extend_a_name_of_no_sound_format_is_refused(extending, song, tmp_path):
    fails(extending(song(), "-o", tmp_path / "n.doc"), "n.doc: expected a suffix")
    assert files(tmp_path) == ["in/a song.wav"]


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
def test_extend_a_name_that_is_not_utf_8(extending, song, tmp_path):
    path = song().rename(tmp_path / os.fsdecode(b"in/\xe9.wav"))
    status, out, lines = extending(path)
    assert (status, lines) == (0, [])
    assert "\\udce9.extended.wav: cutoff" in out
    assert soundfile.info(os.fsencode(tmp_path) + b"/in/\xe9.extended.wav").frames == 44100


def test_extend_an_existing_output_is_refused_without_force(extending, song, tmp_path):
    path = song()
    (tmp_path / "out.wav").write_bytes(b"precious")
    fails(extending(path, "-o", tmp_path / "out.wav"), "--force")
    assert (tmp_path / "out.wav").read_bytes() == b"precious"
    assert extending(path, "-o", tmp_path / "out.wav", "--force")[0] == 0
    assert soundfile.info(tmp_path / "out.wav").frames == 44100
    before = path.read_bytes()
    fails(extending(path, "-o", path, "--force"), "source itself")
    assert path.read_bytes() == before


def test_extend_a_missing_folder_of_one_output_file_is_refused(extending, song, tmp_path):
    fails(extending(song(), "-o", tmp_path / "no" / "x.wav"), "does not exist")
    assert files(tmp_path) == ["in/a song.wav"]


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        (None, "No such file"),
        (b"", "empty"),
        (b"this is no sound\n" * 100, "not a sound file"),
        ("cut", "cut short"),
        (np.nan, "NaN or infinite sample at 0.5"),
        (np.inf, "NaN or infinite sample at 0.5"),
        ("folder", "no sound files"),
        (7000, "8000-192000 Hz"),
        ("nine", "1-8 channels"),
    ],
)
def test_extend_bad_input_is_one_line_and_nothing_is_written(
    extending, song, tmp_path, low_passed, contents, reason
):
    path = tmp_path / "in" / "bad one.wav"
    path.parent.mkdir()
    if isinstance(contents, bytes):
        path.write_bytes(contents)
    elif contents == "cut":
        song("in/bad one.wav")
        path.write_bytes(path.read_bytes()[:-1000])
    elif isinstance(contents, float):
        x = low_passed(2, 1.0)
        x[1, 22050] = contents
        song("in/bad one.wav", x, subtype="FLOAT")
    elif contents == "folder":
        path.mkdir()
    elif contents == 7000:
        song("in/bad one.wav", rate=7000, x=low_passed(1, 1.0, 7000, 2000))
    elif contents == "nine":
        song("in/bad one.wav", low_passed(9, 0.1))
    before = files(tmp_path)
    (tmp_path / "out").mkdir()
    result = extending(path, "-o", tmp_path / "out")
    fails(result, reason)
    assert str(path) in result[2][0]
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        *(
            ("cutoff", value, "expected HZ, more than 0, or auto")
            for value in ("0", "-1", "nan", "inf", "8k", "")
        ),
        *(("diffuse", value, "expected 0 to 1") for value in ("2", "-0.1", "nan", "all")),
        ("phase", "griffin-lim", "invalid choice"),
    ],
)
def test_extend_settings_out_of_every_range_are_wrong_usage(extending, song, tmp_path, option, value, reason):
    status, out, lines = extending(song(), song("in/2.wav"), f"--{option}", value)
    assert (status, out) == (2, "")
    assert f"argument --{option}: {reason}" in lines[-1]
    assert value in lines[-1]
    assert files(tmp_path) == ["in/2.wav", "in/a song.wav"]


def test_extend_a_cutoff_too_high_for_a_file_names_the_file(extending, song, low_passed, tmp_path):
    low, high = song("in/1.wav", low_passed(1, 0.5, 16000, 7000), 16000), song("in/2.wav")
    status, _, lines = extending(low, high, "--cutoff", "9000")
    assert status == 1
    said = "expected HZ up to 8000, half the sample rate, or auto, received 9000"
    assert lines == [f"tfbwe: {low}: --cutoff: {said}"]
    assert files(tmp_path) == ["in/1.wav", "in/2.extended.wav", "in/2.wav"]


def test_extend_half_the_sample_rate_is_a_cutoff_and_what_resampling_keeps_of_it_is_said(
    extending, song, low_passed
):
    low = song("in/1.wav", low_passed(1, 0.5, 16000, 8000), 16000)
    status, out, lines = extending(low, "--cutoff", "8000")
    assert status == 0
    said = "resampling keeps 16000 Hz sound up to 7600 Hz: extended from there, not 8000 Hz"
    assert lines == [f"tfbwe: {low}: {said}"]
    assert "cutoff 7600 Hz (given)" in out


def test_extend_a_phase_that_the_model_lacks_is_refused_once_before_any_file_is_opened(tfbwe):
    result = tfbwe("extend", "no.wav", "nor this.wav", "--model", "cqt", "--phase", "pghi")
    fails(result, "expected one of received, mirror for a cqt model, received 'pghi'")


def test_extend_where_nothing_is_added_is_said(extending, song, low_passed):
    path = song(x=low_passed(2, 1.0, cutoff_hz=22050))
    status, _, lines = extending(path)
    assert status == 0
    assert lines == [f"tfbwe: {path}: the spectrum has no edge; nothing added"]


def test_extend_standard_input_becomes_standard_output(song, stand_in, monkeypatch):
    sink = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(song().read_bytes())))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=sink, flush=lambda: None, isatty=lambda: False))
    assert main(["extend", "-", "--cutoff", "7000"]) == 0
    x, rate = soundfile.read(io.BytesIO(sink.getvalue()))
    assert (rate, x.shape) == (44100, (44100, 2))


def test_extend_a_silent_file_and_one_without_sound_are_written(extending, song, tmp_path):
    assert extending(song("in/1.wav", np.zeros((2, 8000)), 8000), "--cutoff", "3800")[0] == 0
    x, rate = soundfile.read(tmp_path / "in" / "1.extended.wav")
    assert (rate, x.shape) == (44100, (44100, 2))
    assert not x.any()
    for rate in (8000, 44100):
        empty = song("in/2.wav", np.zeros((2, 0)), rate)
        status, _, lines = extending(empty, "--force")
        assert (status, lines) == (0, [f"tfbwe: {empty}: it holds no sound; nothing added"])
    assert soundfile.info(tmp_path / "in" / "2.extended.wav").frames == 0


def test_extend_an_interruption_leaves_nothing_and_exits_130(extending, song, tmp_path, monkeypatch):
    path = song()

    def interrupt(self, x):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfbwe.audio.writer.Writer.write", interrupt)
    assert extending(path)[0] == 130
    assert files(tmp_path) == ["in/a song.wav"]
