"""Many tasks in processes on this machine; those on a cluster: `tests.tfbwe.working.test_cluster`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

pytest.importorskip("joblib")

from tfbwe.errors import ConfigError
from training.working import crew, on_cluster


def doubled(number, power=1):
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number**power


@pytest.mark.parametrize("threads", [False, True])
@pytest.mark.parametrize("jobs", [1, 2])
def test_each_task_comes_with_its_number(jobs, threads):
    with crew(jobs, threads=threads) as each:
        found = each(doubled, [(3,), (5, 2), (7,)], lambda task: [])
        assert dict(found) == {0: 6, 1: 50, 2: 14}
        assert dict(each(doubled, [(1,)], lambda task: [])) == {0: 2}


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_a_process_that_is_ended_from_outside_is_one_line():
    with pytest.raises(ConfigError, match=r"ended from outside.*take fewer --jobs"), crew(2) as each:
        list(each(doubled, [(1,), (-1,), (2,)], lambda task: []))


def test_only_a_cluster_needs_whole_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(on_cluster(tmp_path / "a", None)) == str(tmp_path / "a")
    assert on_cluster(Path("a"), None) == Path("a")
    assert on_cluster(Path("a"), "tcp://b:1") == tmp_path / "a"
