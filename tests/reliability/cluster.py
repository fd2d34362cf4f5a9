"""Work on a cluster, disturbed: ``make cluster-test``, the long form of `tests.tfbwe.working.test_cluster`.

A real scheduler and two workers, as processes on this machine. Of each command the files must be, byte for
byte, those of processes here: undisturbed, after one worker is killed or paused in the middle, and after the
command is interrupted and given again. Nothing unfinished may be left.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import distributed
import pytest
import soundfile

from tests.helpers.clusters import Cluster, cluster_of, wait_for
from tests.helpers.made_shards import VARIANTS, write_music
from tests.helpers.paths import ROOT
from tests.helpers.smoke import RATE, made_up_song
from tests.reliability.command import hashes, leftovers
from training import corpus

SETTINGS = {"DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s"}
"""After so long a paused worker counts as lost."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A command.

    Attributes
    ----------
    module : str
        Its `main`.
    arguments : tuple of str
        ``OUT`` stands for the folder that it writes.
    result : callable
        What it made there, hashes by name.
    again : tuple of str
        Arguments to go on with.
    stopped : str
        What it says after an interruption.
    """

    module: str
    arguments: tuple[str, ...]
    stopped: str
    result: Callable[[Path], dict[str, str]] = hashes
    again: tuple[str, ...] = ()


EXTEND = Case("tfbwe.cli", ("extend", "songs", "-o", "OUT"), "tfbwe: interrupted", again=("--skip-existing",))
SCAN = Case(
    "training.corpus",
    ("scan", "OUT", "--no-resume"),
    "training.corpus: interrupted; the same command goes on from here",
)
PRECOMPUTE = Case(
    "training.precompute",
    ("--data", "pieces", "--out", "OUT", "--variants", str(VARIANTS)),
    "training.precompute: stopped; the same command goes on from here",
)
EVALUATE = Case(
    "training.evaluate",
    (
        *("--data", "tested", "--out", "OUT", "--visqol", "0", "--phases", "mirror"),
        *("--systems", "mirror", "model", "--conditions", "brickwall-8k", "brickwall-11k", "mp3-64k"),
    ),
    "training.evaluate: stopped; the same command goes on",
    lambda out: {name: value for name, value in hashes(out).items() if name.endswith("rows.csv")},
)
CASES = {"extend": EXTEND, "scan": SCAN, "precompute": PRECOMPUTE, "evaluate": EVALUATE}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the commands work on."""
    top = tmp_path_factory.mktemp("cluster")
    music = made_up_song(0, 20.0, 2).T
    for number in range(10):
        path = top / "songs" / f"album {number % 2}" / f"a song {number}.{'flac' if number % 3 else 'wav'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, music[number * RATE : (number + 10) * RATE : 2], RATE // 2)
    for number in range(30):
        path = top / "music" / f"artist {number}" / "song.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, music * (0.5 + number / 100), RATE)
    (top / "pieces").mkdir()
    write_music(top / "pieces")
    shutil.copytree(top / "music" / "artist 0", top / "tested" / "artist 0")
    shutil.copytree(top / "music" / "artist 1", top / "tested" / "artist 1")
    assert corpus.main(["scan", "--jobs", "1", str(top / "tested")]) == 0
    manifest = top / "tested" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",valid,", ",test,").replace(",train,", ",test,"))
    return top


@pytest.fixture
def expected(name, folder):
    """What a command makes in processes on this machine."""
    case, out = CASES[name], folder / f"{name} here"
    if not out.exists():
        run = started(case, folder, output(case, folder, out.name), "--jobs", "2")
        assert run.wait(600) == 0, run.said()
    assert case.result(out)
    return case.result(out)


def output(case: Case, folder: Path, name: str) -> Path:
    """Return the folder that a command is to write."""
    out = folder / name
    if case is SCAN:
        shutil.copytree(folder / "music", out, copy_function=shutil.copy2)
    return out


class Run(subprocess.Popen):
    """A command that runs, and what it said."""

    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace")


def started(case: Case, folder: Path, out: Path, *more: str) -> Run:
    """Start a command, in the folder: what it is given are relative paths."""
    name = out.relative_to(folder).as_posix()
    arguments = [name if argument == "OUT" else argument for argument in (*case.arguments, *more)]
    log = folder / f"{name}.log"
    with open(log, "wb") as file:
        run = Run(
            [sys.executable, "-m", "tests.helpers.clustered", case.module, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=file,
        )
    run.log = log
    return run


def counts(dask_scheduler) -> tuple[int, dict[str, int]]:
    """Tasks done so far, and how many each worker has been given and not done; runs in the scheduler."""
    done = sum(row[2] == "memory" for row in dask_scheduler.transition_log)
    return done, {str(ws.name): len(ws.processing) for ws in dask_scheduler.workers.values()}


def wait_for_the_middle(there: Cluster, run: Run) -> None:
    """Wait until some tasks are done and the first worker is at one."""
    with distributed.Client(there.address, set_as_default=False) as client:

        def is_in_the_middle() -> bool:
            assert run.poll() is None, f"it was through before:\n{run.said()}"
            done, given = client.run_on_scheduler(counts)
            return done >= 2 and given.get("worker-0", 0) > 0

        wait_for(is_in_the_middle, 300)


def check(case: Case, run: Run, out: Path, expected: dict[str, str]) -> None:
    assert run.wait(600) == 0, run.said()
    assert case.result(out) == expected
    assert leftovers(out) == []
    assert "Traceback" not in run.said()
    assert "distributed" not in run.said()


each_command = pytest.mark.parametrize("name", CASES)


@each_command
def test_two_workers_make_the_same_files(name, folder, expected, tmp_path):
    case, out = CASES[name], output(CASES[name], folder, f"{name} there")
    with cluster_of(tmp_path, 2, SETTINGS) as there:
        run = started(case, folder, out, "--cluster", there.address)
        check(case, run, out, expected)
        assert f"{there.address}: 2 workers, 2 threads; dashboard http://127.0.0.1:" in run.said()


@each_command
def test_a_worker_of_several_threads_makes_the_same_files(name, folder, expected, tmp_path):
    case, out = CASES[name], output(CASES[name], folder, f"{name} threads")
    with cluster_of(tmp_path, 0, SETTINGS) as there:
        there.start_worker("worker-0", "--nthreads", "3")
        run = started(case, folder, out, "--cluster", there.address)
        check(case, run, out, expected)


@each_command
def test_the_tasks_of_a_killed_worker_are_done_again(name, folder, expected, tmp_path):
    case, out = CASES[name], output(CASES[name], folder, f"{name} killed")
    with cluster_of(tmp_path, 2, SETTINGS) as there:
        run = started(case, folder, out, "--cluster", there.address)
        wait_for_the_middle(there, run)
        there.send("worker-0", signal.SIGKILL)
        check(case, run, out, expected)


@pytest.mark.parametrize("resumed", ["during", "after"])
@each_command
def test_a_paused_worker_does_no_harm_when_it_goes_on(name, resumed, folder, expected, tmp_path):
    case, out = CASES[name], output(CASES[name], folder, f"{name} paused {resumed}")
    with cluster_of(tmp_path, 2, SETTINGS) as there:
        run = started(case, folder, out, "--cluster", there.address)
        wait_for_the_middle(there, run)
        there.send("worker-0", signal.SIGSTOP)
        if resumed == "during":
            wait_for(lambda: "Worker failed to heartbeat" in there.log("scheduler"), 60)
            there.send("worker-0", signal.SIGCONT)
        check(case, run, out, expected)
        there.send("worker-0", signal.SIGCONT)
        time.sleep(10)
        assert case.result(out) == expected
        assert leftovers(out) == []


@each_command
def test_an_interrupted_command_leaves_nothing_unfinished_and_goes_on(name, folder, expected, tmp_path):
    case, out = CASES[name], output(CASES[name], folder, f"{name} interrupted")
    with cluster_of(tmp_path, 2, SETTINGS) as there:
        run = started(case, folder, out, "--cluster", there.address)
        wait_for_the_middle(there, run)
        run.send_signal(signal.SIGINT)
        assert run.wait(60) == 130, run.said()
        assert run.said().splitlines()[-1] == case.stopped
        wait_for(lambda: leftovers(out) == [], 60)
        check(case, started(case, folder, out, *case.again, "--cluster", there.address), out, expected)


def test_a_worker_that_joins_later_gets_work(folder, tmp_path):
    out = output(EXTEND, folder, "extend joined")
    with cluster_of(tmp_path, 1, SETTINGS) as there:
        run = started(EXTEND, folder, out, "--cluster", there.address)
        wait_for_the_middle(there, run)
        there.start_worker("worker-1")
        with distributed.Client(there.address, set_as_default=False) as client:
            wait_for(lambda: client.run_on_scheduler(counts)[1].get("worker-1", 0) > 0, 120)
        assert run.wait(600) == 0, run.said()


def test_a_scheduler_that_is_gone_ends_the_command_in_one_line(folder, tmp_path):
    out = output(EXTEND, folder, "extend alone")
    with cluster_of(tmp_path, 2, SETTINGS) as there:
        run = started(EXTEND, folder, out, "--cluster", there.address)
        wait_for_the_middle(there, run)
        there.send("scheduler", signal.SIGKILL)
        assert run.wait(120) == 1, run.said()
        assert run.said().splitlines()[-1] == f"tfbwe: {there.address}: the scheduler is gone"
        wait_for(lambda: leftovers(out) == [], 60)
