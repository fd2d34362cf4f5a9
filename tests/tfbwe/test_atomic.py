"""Files that are either the old or the new one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tfbwe.atomic import replacing
from tfbwe.leftovers import owned_by


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


def test_in_a_worker_of_a_cluster_each_attempt_has_a_name_that_says_for_whom_it_is(tmp_path):
    path = tmp_path / "a.json"
    with owned_by("tfbwe-0123456789ab-77-"), replacing(path) as lost, replacing(path) as again:
        assert lost != again
        for temporary in (lost, again):
            assert temporary.name.startswith(".tfbwe-0123456789ab-77-")
            assert temporary.suffix == ".json"
            temporary.write_text("the same")
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("a.json", "the same")]
