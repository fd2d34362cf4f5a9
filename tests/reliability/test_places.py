"""Odd names, rates, channels, links and folders, through ``tfbwe extend``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from tests.helpers.paths import ROOT
from tests.helpers.sound_files import noise
from tfbwe.audio.writer import Writer

NAMES = [
    "with  two spaces .wav",
    "quo'te\"`.wav",
    "new\nline.wav",
    "tab\tand \x1b[31m.wav",
    b"l\xe4tin.wav",
    "-dash.wav",
    "--help.wav",
    "$(false);*?.wav",
    " .wav",
    "é" * 118 + ".wav",
]
"""The longest is 240 bytes, with ``.extended`` 249 of 255."""

posix = pytest.mark.skipif(os.name != "posix", reason="names that only POSIX has")


def put(name, x=None, rate=44100):
    soundfile.write(os.fsencode(name), (noise() if x is None else x).T, rate, format="WAV")


@posix
def test_a_file_of_any_name_is_extended_in_its_folder_and_said_in_one_line(tmp_path, monkeypatch, extending):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        put(name)
    status, out, err = extending("--jobs", "1", "--cutoff", "8000", "--", *map(os.fsdecode, NAMES))
    assert (status, err) == (0, [])
    expected = {os.fsencode(name).replace(b".wav", b".extended.wav") for name in NAMES}
    assert set(os.listdir(b".")) == expected | {os.fsencode(name) for name in NAMES}
    *lines, last = out.splitlines()
    assert (len(lines), last) == (len(NAMES), f"{len(NAMES)} extended")
    assert out.replace("\n", "").isprintable()


@posix
@pytest.mark.parametrize("inputs", [".", "./"])
def test_a_folder_of_any_names_is_extended(tmp_path, monkeypatch, extending, inputs):
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        put(name)
    assert extending("--jobs", "1", "--cutoff", "8000", inputs)[0] == 0
    assert len(os.listdir(b".")) == 2 * len(NAMES)


@posix
def test_a_name_of_255_bytes_is_refused_beside_itself_and_goes_to_a_folder(tmp_path, monkeypatch, extending):
    monkeypatch.chdir(tmp_path)
    name = "x" * 251 + ".wav"
    put(name)
    status, _, err = extending("--jobs", "1", "--cutoff", "8000", name)
    assert status == 1
    (line,) = err
    assert "too long" in line
    assert os.listdir() == [name]
    os.mkdir("out")
    assert extending("--jobs", "1", "--cutoff", "8000", name, "-o", "out")[0] == 0
    assert os.listdir("out") == [name]


@pytest.mark.parametrize(("channels", "rate"), [(32, 48000), (9, 8000), (1, 7999), (2, 192001), (2, 100)])
def test_what_is_beyond_the_range_is_refused_in_one_line(tmp_path, monkeypatch, extending, channels, rate):
    monkeypatch.chdir(tmp_path)
    put("x.wav", noise(channels, 500), rate)
    status, out, err = extending("x.wav")
    assert (status, out) == (1, "")
    (line,) = err
    assert "x.wav: expected" in line
    assert str(channels if channels > 8 else rate) in line
    assert os.listdir() == ["x.wav"]


@pytest.mark.parametrize(("channels", "rate"), [(1, 8000), (2, 192000), (8, 44100)])
def test_what_is_at_the_end_of_the_range_is_extended(tmp_path, monkeypatch, extending, channels, rate):
    monkeypatch.chdir(tmp_path)
    put("x.wav", noise(channels, rate // 4), rate)
    assert extending("x.wav", "--cutoff", "3000")[0] == 0
    written = soundfile.info("x.extended.wav")
    assert (written.channels, written.samplerate) == (channels, max(rate, 44100))
    assert written.duration == pytest.approx(0.25)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, to mount a folder read-only")
def test_a_folder_that_is_mounted_read_only_is_read_from_and_never_written_to(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("in")
    os.mkdir("out")
    put("in/x.wav")
    mount = "mount --bind in in && mount -o remount,ro,bind in in && cd . && exec "
    tfbwe = f"{shlex.quote(sys.executable)} -m tfbwe extend in/x.wav --cutoff 8000"

    def run(more=""):
        command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount + tfbwe + more]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )

    beside = run()
    if "unshare:" in beside.stderr or "mount:" in beside.stderr:
        pytest.skip(beside.stderr)
    assert beside.returncode == 1
    (line,) = beside.stderr.splitlines()
    assert line.endswith("in/x.extended.wav: cannot be written: Read-only file system")
    assert run(" -o out").returncode == 0
    assert (os.listdir("in"), os.listdir("out")) == (["x.wav"], ["x.wav"])


@posix
def test_links_and_loops_of_them_end(tmp_path, monkeypatch, extending):
    monkeypatch.chdir(tmp_path)
    os.makedirs("in/below")
    os.makedirs("out")
    put("elsewhere.wav")
    put("in/below/real.wav")
    os.symlink("..", "in/below/up")
    os.symlink("../elsewhere.wav", "in/linked.wav")
    os.symlink("gone.wav", "in/dangling.wav")
    os.symlink("self.wav", "in/self.wav")
    os.symlink("b.wav", "in/a.wav")
    os.symlink("a.wav", "in/b.wav")
    status, out, err = extending("--jobs", "1", "--cutoff", "8000", "in", "-o", "out")
    assert status == 1
    assert out.splitlines()[-1] == "2 extended, 4 failed"
    assert sorted(line.split(":")[1].strip() for line in err) == [
        *("in/a.wav", "in/b.wav", "in/dangling.wav", "in/self.wav")
    ]
    assert sorted(os.listdir("out")) == ["below", "linked.wav"]
    assert not os.path.islink("out/linked.wav")


@posix
def test_a_folder_that_is_a_link_to_itself_is_refused(tmp_path, monkeypatch, extending):
    monkeypatch.chdir(tmp_path)
    os.symlink("loop", "loop")
    status, _, err = extending("loop")
    assert status == 1
    (line,) = err
    assert line.startswith("tfbwe: loop: ")


@posix
@pytest.mark.parametrize("gone", ["in", "out"])
def test_a_folder_that_vanishes_meanwhile_fails_its_files_alone(tmp_path, monkeypatch, extending, gone):
    """The first file is open for reading then, and the last lies elsewhere."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("in")
    os.mkdir("out")
    for name in ("in/1.wav", "in/2.wav", "elsewhere.wav"):
        put(name, noise(2, 100000))
    write = Writer.write
    written = []

    def write_and_remove(self, x):
        if not written:
            shutil.rmtree(gone)
        written.append(1)
        write(self, x)

    monkeypatch.setattr(Writer, "write", write_and_remove)
    status, _, err = extending("--jobs", "1", "--cutoff", "8000", "in", "elsewhere.wav", *["-o", "out"])
    assert status == 1
    assert err
    assert all(line.startswith("tfbwe: ") for line in err)
    assert not any(name.startswith(".") for _, _, names in os.walk(".") for name in names)
    if gone == "in":
        assert sorted(os.listdir("out")) == ["1.wav", "elsewhere.wav"]
        assert np.isfinite(soundfile.read("out/1.wav")[0]).all()
