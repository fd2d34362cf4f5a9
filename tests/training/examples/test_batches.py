"""The stream of batches: the same on threads and in any number of processes, and it ends cleanly."""

from __future__ import annotations

import functools
import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.batches import assert_same, drawn_here, refused
from tests.helpers.paths import ROOT
from tests.helpers.smoke import music
from tfbwe.errors import AudioError, ConfigError
from training.examples.batches import Batches
from training.examples.drawn import Music, batch
from training.examples.restoration import Examples, opened
from training.learning.presets import preset


def first(draw, count, workers, processes=True):
    stream = Batches(draw, 0, workers, processes)
    try:
        return list(itertools.islice(stream, count))
    finally:
        stream.close()


def from_music():
    return functools.partial(batch, Music(music(), "train"), preset("stft", "smoke"), 0)


def from_statistics():
    return Examples(opened(music(), "train")[0], 20, 4, (1, 0)).batch


@pytest.mark.parametrize("source", [from_music, from_statistics])
def test_the_stream_is_the_same_for_any_number_of_workers(source):
    draw = source()
    expected = [draw(step) for step in range(5)]
    for workers, processes in ((1, True), (2, True), (3, True), (2, False)):
        assert_same(first(draw, 5, workers, processes), expected)


def test_batches_are_drawn_in_processes_that_know_nothing_of_keras():
    found = first(drawn_here, 6, 2)
    processes = {int(one["process"][0]) for one in found}
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes
    assert not any(one["keras"].any() for one in found)
    assert {int(one["process"][0]) for one in first(drawn_here, 2, 1)} == {os.getpid()}


def test_the_processes_are_gone_once_the_stream_is_closed():
    processes = {int(one["process"][0]) for one in first(drawn_here, 6, 2)}
    assert_gone(processes)


def test_an_error_in_a_process_is_that_error_here():
    stream = Batches(refused, 0, 2, True)
    with pytest.raises(AudioError, match=r"song\.wav: expected music"):
        next(stream)
    assert isinstance(stream.failure, AudioError)
    stream.close()


def test_a_killed_process_is_one_clear_error_and_leaves_none_behind():
    stream = Batches(drawn_here, 0, 2, True)
    processes = {int(next(stream)["process"][0]) for _ in range(8)}
    os.kill(min(processes), signal.SIGKILL)
    with pytest.raises(ConfigError, match=r"was ended from outside.*--workers.*--resume"):
        list(itertools.islice(stream, 1000))
    stream.close()
    assert_gone(processes)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_the_processes_end_with_the_one_that_started_them(sent):
    program = (
        "import sys\n"
        "from tests.helpers.batches import drawn_here\n"
        "from training.examples.batches import Batches\n"
        "if __name__ == '__main__':\n"
        "    stream = Batches(drawn_here, 0, 2, True)\n"
        "    print(*{int(next(stream)['process'][0]) for _ in range(8)}, flush=True)\n"
        "    try:\n"
        "        while True:\n"
        "            next(stream)\n"
        "    except KeyboardInterrupt:\n"
        "        stream.close()\n"
        "        sys.exit(130)\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What a shell runs in its background ignores Ctrl-C, and so does all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    processes = {int(word) for word in run.stdout.readline().split()}
    assert processes
    # As a terminal does it, Ctrl-C reaches all of them.
    (os.killpg if sent == signal.SIGINT else os.kill)(run.pid, sent)
    _, said = run.communicate(timeout=60)
    assert run.returncode == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in said
    assert_gone(processes)


def assert_gone(processes):
    """Wait until processes have ended; those of a parent that was killed have nobody to wait for them."""
    for _ in range(300):
        if not any(map(alive, processes)):
            return
        time.sleep(0.1)
    raise AssertionError(f"still there: {sorted(filter(alive, processes))}")


def alive(process):
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
