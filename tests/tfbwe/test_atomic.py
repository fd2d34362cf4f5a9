"""Files that are either the old or the new one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfbwe.atomic import remove_leftovers, replacing, temporary_name


def test_the_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_text("old")
    with replacing(path) as temporary:
        assert temporary.suffix == ".npz"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_after_an_error_the_old_file_stands_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail_half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_attempt_left_is_taken_up_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    (tmp_path / ".part-a.txt").write_text("what was left")
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_of_processes_that_have_ended_are_removed(tmp_path: Path) -> None:
    program = "from tfbwe.atomic import temporary_name; print(temporary_name())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    theirs, ours = done.stdout.strip(), temporary_name()
    assert f"-{os.getpid()}-" in ours
    machine = theirs.split("-")[1]
    elsewhere = theirs.replace(machine, machine[::-1])
    for name in (theirs, theirs + ".id3", ours, elsewhere, "tfbwe-notes-1-x", "song.wav"):
        (tmp_path / name).touch()
    (tmp_path / theirs.replace(".part", ".folder")).mkdir()
    removed = 2 if os.name == "posix" else 0
    assert remove_leftovers(tmp_path) == removed
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {ours, elsewhere, "tfbwe-notes-1-x", "song.wav"} <= left
    assert (theirs in left) == (not removed)
    assert remove_leftovers(tmp_path / "no such folder") == 0
