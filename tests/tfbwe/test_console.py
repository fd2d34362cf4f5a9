from __future__ import annotations

import io
import sys

from tfbwe.console import counted, progress_bar, say


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_shows_percent_and_total_on_a_terminal_alone(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("in/a song.wav") as progress:
        progress(60.0, 240.0)
        bar = progress.bar
        assert (bar.n, bar.total) == (60.0, 240.0)
        bar.refresh()
        progress(250.0, 240.0)
        assert bar.total == 250.0
    assert "a song.wav:  25%" in terminal.getvalue()
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar("x") as progress:
            progress(1.0, 2.0)
            progress.clear()
            assert progress.bar is None
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("x", shown=False) as progress:
        assert progress.bar is None


def test_without_standard_error_nothing_is_said_on_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    say("x")
    assert capsys.readouterr().out == ""


def test_one_thing_is_no_plural():
    assert [counted(n, "place") for n in (0, 1, 2)] == ["0 places", "1 place", "2 places"]
