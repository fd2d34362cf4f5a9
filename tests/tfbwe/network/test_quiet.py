from __future__ import annotations

import os
import sys

import pytest

from tfbwe.network.quiet import quiet

LEVEL = "TF_CPP_MIN_LOG_LEVEL"


@pytest.fixture(autouse=True)
def no_level(monkeypatch):
    monkeypatch.setenv(LEVEL, "to be put back")
    monkeypatch.delenv(LEVEL)


def broken_import():
    os.write(2, b"undefined symbol\n")
    raise ImportError("broken")


def test_what_is_logged_meanwhile_is_not_seen_and_the_rest_is(capfd):
    os.write(2, b"before\n")
    with quiet():
        os.write(2, b"I0000 noise\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"
    assert os.environ[LEVEL] == "3"


def test_an_exception_lets_out_what_was_held_back(capfd):
    with pytest.raises(ImportError, match="broken"), quiet():
        broken_import()
    assert capfd.readouterr().err == "undefined symbol\n"


@pytest.mark.parametrize("level", ["0", "1", "2"])
def test_who_sets_the_level_sees_everything_and_keeps_it(level, capfd, monkeypatch):
    monkeypatch.setenv(LEVEL, level)
    with quiet():
        os.write(2, b"seen\n")
    assert capfd.readouterr().err == "seen\n"
    assert os.environ[LEVEL] == level


def test_the_level_that_it_sets_itself_is_no_wish_of_the_user(capfd):
    for _ in range(2):
        with quiet():
            os.write(2, b"noise\n")
    assert capfd.readouterr().err == ""


def test_without_standard_error_it_does_nothing(monkeypatch):
    def closed(descriptor):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", closed)
    monkeypatch.setattr(sys, "stderr", None)
    with quiet():
        done = True
    assert done
