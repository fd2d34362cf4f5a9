"""What the command line says of damaged files."""

from __future__ import annotations

import json

import pytest

from tests.helpers.damaged import coded, save
from tests.helpers.sound_files import noise, write


@pytest.fixture
def half(tmp_path):
    data = coded("mp3", 4.0)
    return save(tmp_path, "mp3", data[: len(data) // 2])


def test_extend_says_in_one_line_what_is_missing_and_goes_on(tfbwe, half):
    status, _, lines = tfbwe("extend", half, "--cutoff", "8000")
    assert status == 0
    assert half.with_name("song.extended.mp3").is_file()
    (line,) = [line for line in lines if "damaged" in line]
    assert line.startswith(f"tfbwe: {half}: damaged: 2.0 s of 4.0 s could not be decoded and are left out")
    assert line.endswith("; --strict refuses such files")


def test_extend_refuses_damage_where_strict_and_writes_nothing(tfbwe, half):
    status, out, lines = tfbwe("extend", half, "--strict")
    assert status == 1
    assert out == ""
    assert len(lines) == 1
    assert lines[0].startswith(f"tfbwe: {half}: damaged: 2.0 s of 4.0 s")
    assert [path.name for path in half.parent.iterdir()] == [half.name]


def test_strict_lets_whole_files_pass(tfbwe, tmp_path):
    path = save(tmp_path, "uncounted", coded("uncounted", 2.0))
    status, _, lines = tfbwe("extend", path, "--strict", "--cutoff", "8000")
    assert status == 0
    assert not [line for line in lines if "damaged" in line]


def test_info_says_that_a_file_is_damaged_and_nothing_of_whole_ones(tfbwe, half, tmp_path):
    assert "2.0 s of 4.0 s could not be decoded" in tfbwe("info", half)[1]
    whole = write(tmp_path / "whole.wav", noise())
    assert json.loads(tfbwe("info", whole, "--json")[1])["damage"] is None


def test_compare_says_which_file_is_damaged(tfbwe, half, tmp_path):
    whole = write(tmp_path / "whole.wav", noise(2, 48000))
    lines = tfbwe("compare", whole, half)[2]
    assert [line for line in lines if line.startswith(f"tfbwe: {half}: damaged: ")]


def test_a_flac_that_is_damaged_inside_is_refused_in_one_line(tfbwe, tmp_path):
    path = write(tmp_path / "song.flac", noise(2, 200000), 44100, "FLAC")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(4000) + data[len(data) // 2 + 4000 :])
    status, _, lines = tfbwe("extend", path)
    assert status == 1
    assert len(lines) == 1
    assert "damaged after" in lines[0]
    assert lines[0].endswith("get the whole file")
