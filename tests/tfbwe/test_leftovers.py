"""What a killed process left is removed, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tfbwe.leftovers import owned_by, remove_leftovers, temporary_name, temporary_prefix


def test_temporary_files_of_processes_that_have_ended_are_removed(tmp_path: Path) -> None:
    program = "from tfbwe.leftovers import temporary_name; print(temporary_name())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    theirs, ours = done.stdout.strip(), temporary_name()
    assert f"-{os.getpid()}-" in ours
    machine = theirs.split("-")[1]
    elsewhere = theirs.replace(machine, machine[::-1])
    for name in (theirs, theirs + ".id3", ours, elsewhere, "tfbwe-notes-1-x", "song.wav"):
        (tmp_path / name).touch()
    (tmp_path / theirs.replace(".part", ".folder") / "within").mkdir(parents=True)
    removed = 3 if os.name == "posix" else 0
    assert remove_leftovers(tmp_path) == removed
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert {ours, elsewhere, "tfbwe-notes-1-x", "song.wav"} <= left
    assert (theirs in left) == (not removed)
    assert remove_leftovers(tmp_path / "no such folder") == 0


def test_what_was_written_elsewhere_for_this_process_is_removed_when_it_says_so(tmp_path: Path) -> None:
    with owned_by(temporary_prefix()):
        (tmp_path / temporary_name()).touch()
    assert remove_leftovers(tmp_path) == 0
    assert remove_leftovers(tmp_path, own=True) == 1
    assert not list(tmp_path.iterdir())
