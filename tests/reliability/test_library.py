"""Nothing of a library's tags and pictures is lost in silence."""

import pytest

from tests.helpers.ffmpeg import needing_ffmpeg
from tests.reliability import library

pytest.importorskip("mutagen")


@needing_ffmpeg
def test_a_file_of_each_format_keeps_its_tags_or_says_which_it_does_not(tmp_path, capsys):
    assert library.main([str(tmp_path / "new"), "--variants", "1"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "13 extended"
    assert "| flac | 1 | 18 of 19 | 1 of 1 | 1 | 0 |" in out


@needing_ffmpeg
def test_what_is_lost_in_silence_is_counted(tmp_path):
    path = library.tagged(tmp_path / "a.flac")
    counts = library.compared(path, library.sound(tmp_path / "b.flac"), [])
    assert counts["lost"] == counts["texts"] > 10
    assert counts["kept pictures"] == 0
