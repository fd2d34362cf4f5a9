"""``tfbwe extend`` on folders: what a user sees of many files, in one process with no network."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tfbwe.cli.extending import Outcome, _Report
from tfbwe.console import Progress
from tfbwe.leftovers import temporary_name


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def album(song, low_passed, tmp_path):
    """Make a folder of four files: two to extend, one with nothing to add, one that is damaged."""
    song("in/1.wav")
    song("in/b/2.flac")
    song("in/3.wav", low_passed(2, 1.0, cutoff_hz=22050))
    (tmp_path / "in" / "4.wav").write_bytes(b"")
    return tmp_path / "in"


def test_a_closing_line_counts_what_came_of_many_files(extending, album, song, tmp_path):
    out = tmp_path / "out"
    status, said, lines = extending(album, "-o", out)
    assert status == 1
    assert said.splitlines()[-1] == "2 extended, 1 with nothing to add, 1 failed"
    assert len(said.splitlines()) == 4
    assert lines == [
        f"tfbwe: {album}/3.wav: the spectrum has no edge; nothing added",
        f"tfbwe: {album}/4.wav: the file is empty (0 bytes)",
    ]
    song("in/4.wav")
    status, said, lines = extending(album, "-o", out, "--skip-existing")
    assert (status, lines) == (0, [])
    assert said.splitlines()[-1] == "1 extended, 3 skipped"
    assert f"{out}/1.wav: exists already, skipped" in said.splitlines()


def test_quiet_leaves_errors_and_the_closing_line(extending, album, tmp_path):
    status, said, lines = extending(album, "-o", tmp_path / "out", "--quiet")
    assert (status, said) == (1, "2 extended, 1 with nothing to add, 1 failed\n")
    assert lines == [f"tfbwe: {album}/4.wav: the file is empty (0 bytes)"]
    assert extending(album / "1.wav", "--quiet") == (0, "", [])


def test_one_file_has_no_closing_line(extending, song):
    path = song()
    assert len(extending(path)[1].splitlines()) == 1
    status, said, lines = extending(path, "--skip-existing")
    assert (status, lines) == (0, [])
    assert said == f"{path.parent}/a song.extended.wav: exists already, skipped\n"


def test_skipping_and_replacing_exclude_each_other(extending, song):
    status, _, lines = extending(song(), "--skip-existing", "--force")
    assert status == 2
    assert "not allowed with argument" in lines[-1]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "inf", ""])
def test_jobs_are_a_whole_number_from_1_up(tfbwe, value):
    status, _, lines = tfbwe("extend", "x.wav", "--jobs", value)
    assert status == 2
    assert lines[-1].endswith(f"expected a whole number from 1 up, received {value!r}")


def test_a_dry_run_says_what_would_go_where_and_writes_nothing(extending, album, tmp_path, monkeypatch):
    monkeypatch.setattr("tfbwe.audio.reader.Reader.__init__", lambda *_: pytest.fail("was opened"))
    before = files(tmp_path)
    status, said, lines = extending(album, tmp_path / "no.wav", "-o", tmp_path / "out", "--dry-run")
    assert (status, lines) == (1, [f"tfbwe: {tmp_path}/no.wav: cannot be read: No such file or directory"])
    assert said.splitlines() == [
        *(f"{album}/{name} -> {tmp_path}/out/{name}" for name in ("1.wav", "3.wav", "4.wav", "b/2.flac")),
        "4 would be extended, 1 would fail",
    ]
    assert files(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_a_dry_run_sees_outputs_that_exist(extending, album, song, tmp_path):
    there = song("out/1.wav")
    command = (album, "-o", tmp_path / "out", "--dry-run")
    status, said, lines = extending(*command)
    assert (status, lines) == (1, [f"tfbwe: {there}: exists already; --force replaces it"])
    assert said.splitlines()[-1] == "3 would be extended, 1 would fail"
    status, said, _ = extending(*command, "--skip-existing")
    assert (status, said.splitlines()[-1]) == (0, "3 would be extended, 1 would be skipped")
    assert extending(*command, "--force")[1].splitlines()[-1] == "4 would be extended"


@pytest.mark.parametrize("name", ["new/", "deep/er/new/"])
def test_an_output_folder_is_made(extending, song, tmp_path, name):
    path = song()
    assert extending(path, "-o", f"{tmp_path}/{name}")[0] == 0
    assert extending(path, song("in/2.wav"), "-o", tmp_path / "several")[0] == 0
    assert extending(tmp_path / "in", "-o", tmp_path / "folder")[0] == 0
    assert files(tmp_path / name) == ["a song.wav"]
    assert files(tmp_path / "several") == files(tmp_path / "folder") == ["2.wav", "a song.wav"]


def test_an_output_folder_in_which_nothing_was_written_is_taken_away(extending, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.wav").write_bytes(b"")
    assert extending(tmp_path / "in", "-o", tmp_path / "a" / "b")[0] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_file_name_for_many_files_is_named_as_the_mistake(extending, song, tmp_path):
    one, other = song("in/1.wav"), song("in/2.wav")
    before = files(tmp_path)
    mistake = f"tfbwe: {tmp_path}/one.wav: a file name, but"
    way_out = f"give a folder, such as -o {tmp_path}/one/"
    assert extending(one, other, "-o", tmp_path / "one.wav") == (
        1,
        "",
        [f"{mistake} there are 2 inputs; {way_out}"],
    )
    assert extending(one.parent, "-o", tmp_path / "one.wav") == (
        1,
        "",
        [f"{mistake} {one.parent} is a folder; {way_out}"],
    )
    assert extending(one, other, "-o", one)[2] == [
        f"tfbwe: {one}: a file, but there are 2 inputs; give a folder"
    ]
    assert extending(one, "-o", f"{other}/")[2] == [
        f"tfbwe: {other}/: a file, but its name ends in a slash; give a folder"
    ]
    assert (files(tmp_path), (tmp_path / "one.wav").exists()) == (before, False)


def test_sound_is_not_written_to_a_terminal(tfbwe, song, monkeypatch):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    terminal = Terminal(io.BytesIO())
    path = song()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        status, _, lines = tfbwe("extend", path, "-o", "-")
    assert (status, len(lines)) == (1, 1)
    assert lines[0].startswith("tfbwe: standard output: is a terminal")
    assert terminal.buffer.getvalue() == b""


def test_lines_do_not_get_into_sound_on_standard_output(song, stand_in, monkeypatch, capfdbinary):
    from tfbwe.cli import main

    path = song()
    with open(path, "rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert main(["extend", "-", str(song("in/2.wav"))]) == 0
    shown = capfdbinary.readouterr()
    assert shown.out[:4] == b"RIFF"
    assert b"2.extended" not in shown.out
    assert b"2 extended" in shown.err


def test_one_bar_stands_for_all_files(extending, song, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    inputs = [song("in/1.wav"), song("in/2.wav")]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", terminal)
        assert extending(*inputs)[0] == 0
        assert extending(*inputs, "--force", "--quiet")[0] == 0
    assert terminal.getvalue().count("2 files: 0.00s") == 1


def test_files_that_are_not_open_yet_count_as_the_mean_of_those_that_are():
    shown = []

    class Recorded(Progress):
        def __call__(self, done, total):
            shown.append((done, total))

    report = _Report(4, True, io.StringIO(), Recorded())
    one, two, three, four = (("a", str(n)) for n in range(4))
    report.show(one, 1.0, 10.0)
    report.show(two, 2.0, 20.0)
    report.show(one, 10.0, 10.0)
    report(one, Outcome("extended"))
    report(three, Outcome("skipped"))
    report.show(two, 5.0, 20.0)
    report(two, Outcome("failed"))
    report.show(four, 1.0, 30.0)
    assert shown == [(1, 40), (3, 60), (12, 60), (15, 45), (11, 40)]


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_what_a_killed_run_left_is_removed_and_what_lives_is_not(extending, song, tmp_path, monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path, own = song(), os.getpid()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    name = temporary_name()
    dead = name.replace(f"-{own}-", f"-{ended.pid}-")
    elsewhere = re.sub("tfbwe-[0-9a-f]{12}", "tfbwe-0123456789ab", dead)
    for left in (name, dead, elsewhere, ".tfbwe-x.part"):
        (path.parent / left).write_bytes(b"unfinished")
    (temporary / dead.removeprefix(".").removesuffix(".part")).write_bytes(b"spooled")
    status, _, lines = extending(path)
    assert status == 0
    assert lines == [
        f"tfbwe: {where}: removed 1 unfinished file of a run that was killed"
        for where in (path.parent, temporary)
    ]
    kept = {"a song.wav", "a song.extended.wav", name, elsewhere, ".tfbwe-x.part"}
    assert set(files(path.parent)) == kept
    assert list(temporary.iterdir()) == []


def test_a_file_that_needs_too_much_memory_is_one_failed_file(extending, song, monkeypatch):
    paths = [song("in/1.wav"), song("in/2.wav")]

    def write(self, x):
        if Path(self.name).name.startswith("1"):
            raise MemoryError
        self.frames += x.shape[1]

    monkeypatch.setattr("tfbwe.audio.writer.Writer.write", write)
    status, said, lines = extending(*paths)
    assert (status, lines) == (1, [f"tfbwe: {paths[0]}: not enough memory"])
    assert said.splitlines()[-1] == "1 extended, 1 failed"
