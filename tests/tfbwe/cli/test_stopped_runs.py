"""``tfbwe extend`` with several processes, stopped and killed: with the shipped model, as a user runs it."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.helpers.paths import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no signals")

UNFINISHED = re.compile(r"\.tfbwe-[0-9a-f]+-([0-9]+)-.*")


def _interruptible():
    """What a shell runs in its background ignores Ctrl-C, and so does all that it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Run:
    """A run of ``tfbwe extend`` in a process group of its own, as one of a terminal is."""

    def __init__(self, *arguments):
        command = [sys.executable, "-m", "tfbwe", "extend", *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_interruptible,
        )

    def until(self, found):
        """Wait until something is so."""
        for _ in range(6000):
            if value := found():
                return value
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.01)
        raise AssertionError("it never came to be")

    def end(self):
        """Return exit status and lines, once all processes of the group have ended."""
        out, err = self.process.communicate(timeout=60)
        for _ in range(500):
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return self.process.returncode, out.splitlines(), err.splitlines()
            time.sleep(0.02)
        raise AssertionError("a process was left behind")


def writing(folder):
    """Process that writes each unfinished file of a folder, by its name."""
    found = {path.name: UNFINISHED.fullmatch(path.name) for path in folder.glob(".*")}
    return {name: int(match[1]) for name, match in found.items() if match and (folder / name).stat().st_size}


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture
def album(song, low_passed, tmp_path):
    """Make a folder of two long files and two short ones."""
    for n, times in enumerate((1, 40, 1, 40)):
        song(f"in/song {n}.wav", np.tile(low_passed(2, 1.0, cutoff_hz=7000, seed=n), times))
    return tmp_path / "in"


def test_a_killed_run_goes_on_to_the_files_of_one_job(album, tmp_path):
    out, whole = tmp_path / "out", tmp_path / "whole"
    run = Run(album, "-o", out, "--jobs", 2)
    run.until(lambda: out.is_dir() and (out / "song 0.wav").exists() and writing(out))
    os.killpg(run.process.pid, signal.SIGKILL)
    run.end()
    left = [name for name in os.listdir(out) if UNFINISHED.fullmatch(name)]
    assert left
    status, said, lines = Run(album, "-o", out, "--jobs", 2, "--skip-existing").end()
    assert status == 0
    files = "1 unfinished file" if len(left) == 1 else f"{len(left)} unfinished files"
    assert f"tfbwe: {out}: removed {files} of a run that was killed" in lines
    assert re.fullmatch("[1-3] extended, [1-3] skipped", said[-1])
    assert Run(album, "-o", whole, "--jobs", 1).end()[0] == 0
    assert hashes(out) == hashes(whole)
    assert len(hashes(out)) == 4


@pytest.mark.parametrize(
    ("name", "status", "group"),
    [("SIGINT", 130, True), ("SIGTERM", 143, True), ("SIGTERM", 143, False), ("SIGHUP", 129, True)],
)
def test_a_stopped_run_leaves_nothing_behind(album, tmp_path, name, status, group):
    out = tmp_path / "out"
    run = Run(album, "-o", out, "--jobs", 2)
    run.until(lambda: out.is_dir() and writing(out))
    (os.killpg if group else os.kill)(run.process.pid, getattr(signal, name))
    found, said, lines = run.end()
    assert found == status
    assert lines[-2:] == [
        "tfbwe: the same command with --skip-existing goes on from here",
        "tfbwe: interrupted" if name == "SIGINT" else f"tfbwe: stopped by {name}",
    ]
    assert not [line for line in lines if "Traceback" in line]
    assert not [path.name for path in out.glob(".*")]
    assert re.fullmatch("[0-3] extended.*", said[-1])


def test_a_worker_that_is_killed_is_one_failed_file(album, tmp_path):
    out = tmp_path / "out"
    run = Run(album, "-o", out, "--jobs", 2)
    processes = run.until(lambda: out.is_dir() and writing(out))
    os.kill(next(iter(processes.values())), signal.SIGKILL)
    status, said, lines = run.end()
    assert status == 1
    killed = [line for line in lines if "killed" in line]
    assert len(killed) == 1
    assert re.search(
        r"song \d.wav: its process was killed \(SIGKILL\), perhaps for want of memory", killed[0]
    )
    assert said[-1] == "3 extended, 1 failed"
    assert not list(out.glob(".*"))
