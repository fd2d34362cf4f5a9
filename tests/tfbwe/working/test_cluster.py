"""Work on a Dask cluster: a real scheduler and two workers, as processes on this machine."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

import pytest

from tests.helpers.clusters import cluster_of
from tests.helpers.smoke import made_up_song
from tests.helpers.tasks import ended_once, halved
from tfbwe.cli import main
from tfbwe.errors import ConfigError
from tfbwe.working import cluster
from tfbwe.working.likeness import depends_on, difference
from tfbwe.working.processes import Killed

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="no signals")


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """Two workers, with nannies that start them anew; a task may end one of them."""
    settings = {"DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    with cluster_of(tmp_path_factory.mktemp("dask"), 2, settings, nanny=True) as found:
        yield found


@pytest.fixture
def client(there):
    with cluster.connected(there.address, lambda line: None) as found:
        yield found


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_task_is_done_and_tells_how_far_it_is(client):
    told = []
    found = dict(cluster.each(halved, iter([2, 4, 6]), client, lambda *how_far: told.append(how_far)))
    assert {task: half for task, (half, _) in found.items()} == {2: 1, 4: 2, 6: 3}
    assert set(told) <= {(task, 1.0, 2.0) for task in (2, 4, 6)}
    assert os.getpid() not in {process for _, process in found.values()}


def test_few_tasks_are_taken_at_a_time(client):
    taken = []
    tasks = (taken.append(task) or task for task in range(100))
    with contextlib.closing(cluster.each(halved, tasks, client, lambda *_: None)) as results:
        next(results)
        assert len(taken) <= 4  # two for each thread


def test_a_task_that_ends_its_workers_is_given_up_and_the_others_are_done(client, tmp_path):
    tasks = [2, "killed", 4, str(tmp_path / "once"), 6]
    found = dict(cluster.each(ended_once, tasks, client, lambda *_: None))
    assert isinstance(found["killed"], Killed)
    assert "ended 2 workers while nothing else was done, the last one tcp://127.0.0.1:" in found["killed"].how
    assert [found[task] for task in (2, 4, 6, str(tmp_path / "once"))] == [1, 2, 3, "done again"]


def test_a_mistake_of_the_program_is_raised_here(client):
    with pytest.raises(TypeError, match="'str' and 'int'"):
        list(cluster.each(halved, ["two"], client, lambda *_: None))


def test_a_worker_with_other_packages_is_named(client, monkeypatch):
    monkeypatch.setattr(cluster, "depends_on", lambda package: {**depends_on(package), "numpy": "0.1"})
    with pytest.raises(ConfigError, match=r"worker tcp://127.0.0.1:\d+: has numpy .*, here it is 0\.1; ins"):
        list(cluster.each(halved, [2], client, lambda *_: None))


def test_a_worker_that_lacks_our_code_is_named(client):
    error = cluster._without_module(client, ModuleNotFoundError(name="tfbwe_of_nowhere"))
    assert "worker tcp://127.0.0.1:" in str(error)
    assert "has no module tfbwe_of_nowhere; install tfbwe there as it is here" in str(error)


@pytest.mark.skipif(sys.platform != "linux", reason="no folder that a process sees alone")
def test_a_worker_that_does_not_see_a_file_is_named(client):
    ours = f"/proc/self/task/{threading.get_native_id()}"
    with pytest.raises(ConfigError, match=rf"{ours}: worker tcp://127.0.0.1:\d+ does not see it; share"):
        list(cluster.each(halved, [2], client, lambda *_: None, lambda task: [ours]))
    found = cluster.each(halved, [4], client, lambda *_: None, lambda task: [f"{ours}/nowhere"])
    assert [task for task, _ in found] == [4]  # What is not here either is the task's own business.


def test_extending_there_gives_the_same_files_as_here(there, tmp_path, monkeypatch, capfd):
    import soundfile

    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    for number in range(3):
        x = made_up_song(number, 1.0, 1 + number % 2)
        soundfile.write(tmp_path / "songs" / f"a song {number}.flac", x.T[::4], 11025)
    (tmp_path / "songs" / "broken.wav").write_bytes(b"RIFF")
    assert main(["extend", "songs", "-o", "here", "--jobs", "1"]) == 1
    capfd.readouterr()
    assert main(["extend", "songs", "-o", "there", "--cluster", there.address]) == 1
    shown = capfd.readouterr()
    first, failed = shown.err.splitlines()
    assert first.startswith(f"tfbwe: {there.address}: 2 workers, 2 threads; dashboard http://127.0.0.1:")
    assert failed.startswith(f"tfbwe: {tmp_path}/songs/broken.wav: ")
    assert shown.out.splitlines()[-1] == "3 extended, 1 failed"
    here, away = contents(tmp_path / "here"), contents(tmp_path / "there")
    assert len(here) == 3
    assert here == away
    assert main(["extend", "songs", "-o", "there", "--cluster", there.address, "--quiet"]) == 1
    assert "exists already; --force replaces it" in capfd.readouterr().err
    assert here == contents(tmp_path / "there")


@pytest.mark.parametrize(
    "text", ["10.0.0.1:8786", "http://a:1", "tcp://a", "tcp://:1", "tcp://a b:1", "tcp://a:x"]
)
def test_an_address_of_another_form_is_wrong_usage(text, capsys):
    assert main(["extend", "song.wav", "--cluster", text]) == 2
    assert f"expected tcp://HOST:PORT or tls://HOST:PORT, received {text!r}" in capsys.readouterr().err


def test_processes_here_and_a_cluster_exclude_each_other(capsys):
    assert main(["extend", "song.wav", "--cluster", "tcp://a:1", "--jobs", "2"]) == 2
    assert "argument --jobs: not allowed with argument --cluster" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["-"], ["song.wav", "-o", "-"]])
def test_standard_input_and_output_do_not_go_to_a_cluster(arguments, capsys):
    assert main(["extend", *arguments, "--cluster", "tcp://127.0.0.1:1"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "tfbwe: --cluster: standard input and output are those of this machine; give files"


def test_what_is_not_installed_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["extend", "song.wav", "--cluster", "tcp://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == "tfbwe: needs distributed: pip install 'tfbwe[cluster]'\n"


def test_an_address_without_a_scheduler_is_one_line(monkeypatch, capfd):
    monkeypatch.setattr(cluster, "_CONNECTING_S", 0.5)
    assert main(["extend", "song.wav", "--cluster", "tcp://127.0.0.1:1"]) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("tfbwe: tcp://127.0.0.1:1: expected a Dask scheduler, none answers (")


def test_a_scheduler_without_workers_is_one_line(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(cluster, "_FIRST_WORKER_S", 0.5)
    with cluster_of(tmp_path, 0) as alone:
        assert main(["extend", "song.wav", "--cluster", alone.address]) == 1
        (line,) = capfd.readouterr().err.splitlines()
        assert line == (
            f"tfbwe: {alone.address}: expected a worker, the scheduler has none;"
            f" start one: dask worker {alone.address}"
        )


def test_the_first_difference_is_said():
    own, there = {"Python": "3.11", "numpy": "2.2"}, {"Python": "3.11", "numpy": "2.1", "ffmpeg": "7.1"}
    assert difference(own, there) == "has numpy 2.2, here it is 2.1"
    assert difference(own, {"ffmpeg": "7.1"}) == "lacks ffmpeg, here it is 7.1"
    assert difference(there, own) == "has numpy 2.1, here it is 2.2"
    assert difference(own, own) == ""
    assert {"Python", "numpy", "code of tfbwe"} <= set(depends_on("tfbwe"))
    assert "code of training" in depends_on("training")
