"""Tasks in several processes: what ends one of them costs its task alone."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time

import pytest

from tests.helpers.paths import ROOT
from tests.helpers.tasks import halved
from tfbwe.working.processes import Killed, each, processor_cores

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no signals")


def ends(process):
    """Whether a process is no more, soon."""
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_task_is_done_once_whatever_the_number_of_jobs(jobs):
    told = []
    found = dict(each(halved, iter([2, 4, 6]), jobs, lambda *how_far: told.append(how_far)))
    assert {task: half for task, (half, _) in found.items()} == {2: 1, 4: 2, 6: 3}
    assert sorted(told) == [(task, 1.0, 2.0) for task in (2, 4, 6)]
    processes = {process for _, process in found.values()}
    assert (os.getpid() in processes) == (jobs == 1)
    assert len(processes) <= jobs


def test_a_task_is_taken_when_a_process_is_free_for_it():
    taken = []

    def tasks():
        for task in (2, 4, 6, 8):
            taken.append(task)
            yield task

    with contextlib.closing(each(halved, tasks(), 2, lambda *_: None)) as results:
        next(results)
        assert len(taken) <= 3


def test_a_process_that_is_killed_or_ends_is_the_result_of_its_task_alone():
    found = dict(each(halved, [2, "killed", 4, "ended", 6], 2, lambda *_: None))
    assert found["killed"] == Killed("its process was killed (SIGKILL)")
    assert found["ended"] == Killed("its process ended with exit status 7")
    assert [found[task][0] for task in (2, 4, 6)] == [1, 2, 3]


def test_leaving_early_ends_the_processes():
    with contextlib.closing(each(halved, ["slow", 2, 4], 2, lambda *_: None)) as results:
        _, (_, process) = next(results)
        os.kill(process, 0)
    assert ends(process)


def test_a_mistake_of_the_program_is_raised_here_with_its_trace():
    with pytest.raises(RuntimeError, match=r"(?s)two: in its process:.*TypeError.*'str' and 'int'"):
        list(each(halved, ["two"], 2, lambda *_: None))


def test_processes_end_by_themselves_when_the_one_that_started_them_is_killed():
    program = (
        "import os, signal\nfrom tests.helpers.tasks import halved\n"
        "from tfbwe.working.processes import each\n"
        "if __name__ == '__main__':\n"
        "    for _, (_, process) in each(halved, [2, 4, 6], 2, lambda *_: None):\n"
        "        print(process, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert ends(int(done.stdout))


def test_there_is_a_core():
    assert 1 <= processor_cores() <= (os.cpu_count() or 1)
