from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from tests.helpers.paths import ROOT
from tfbwe.quiet import quiet, without_notes

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


def test_notes_are_not_seen_and_all_else_is(capfd):
    with without_notes():
        os.write(2, b"INFO: Created a delegate.\nERROR: no memory\nI0000 noise\nunfinished")
    assert capfd.readouterr().err == "ERROR: no memory\nunfinished"
    assert LEVEL not in os.environ


def test_an_error_meanwhile_loses_no_line(capfd):
    with pytest.raises(ImportError), without_notes():
        broken_import()
    assert capfd.readouterr().err == "undefined symbol\n"


def test_who_wants_notes_sees_them(capfd, monkeypatch):
    monkeypatch.setenv(LEVEL, "0")
    with without_notes():
        os.write(2, b"INFO: seen\n")
    assert capfd.readouterr().err == "INFO: seen\n"


def test_many_threads_leave_standard_error_as_it_was(capfd):
    def work():
        for _ in range(20):
            with without_notes():
                os.write(2, b"INFO: noise\n")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_decoder_in_python_writes_nothing_to_standard_error(model):
    program = f"import tfbwe; tfbwe.Decoder({model!r}, 2); tfbwe.Decoder({model!r}, 3, phase='mirror')"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
