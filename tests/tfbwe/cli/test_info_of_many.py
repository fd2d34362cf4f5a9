"""``tfbwe info`` on several files: a table, JSON and CSV, sorted by what would be gained."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.helpers.paths import CLIP, ROOT
from tfbwe.cli.informing import COLUMNS, GAIN

NAMES = ["tape 4.wav", "b/tape 9.wav", "whole.wav", "no sound.wav"]


@pytest.fixture
def album(song, low_passed, tmp_path, stand_in):
    """Make a folder of two files that end at 9 and 4 kHz, one that is whole and one that is no sound."""
    song("in/b/tape 9.wav", low_passed(2, 1.0, cutoff_hz=9000))
    song("in/tape 4.wav", low_passed(2, 1.0, cutoff_hz=4000))
    song("in/whole.wav", low_passed(2, 1.0, cutoff_hz=22050))
    (tmp_path / "in" / "no sound.wav").write_bytes(b"no sound at all\n" * 100)
    return tmp_path / "in"


def test_a_folder_is_a_table_whose_first_rows_would_gain_most(tfbwe, album):
    status, out, lines = tfbwe("info", album, "--jobs", 1)
    assert (status, lines) == (1, [])
    head, *rows, last = out.splitlines()
    assert head.split("  ")[-1] == "what would be added"
    assert [row[: head.index("format")].strip() for row in rows] == [f"{album}/{name}" for name in NAMES]
    assert rows[2].endswith("  nothing: the spectrum has no edge")
    assert "cannot be read: not a sound file" in rows[3]
    assert last.startswith("2 would gain, 1 would not, 1 cannot be read; sorted by the octaves")
    assert all(end in rows[0] for end in ("WAV PCM_16", "0:01", " to 20000 Hz"))


def test_several_are_a_list_of_the_objects_of_one(tfbwe, album):
    status, out, lines = tfbwe("info", album, "--json", "--jobs", 1)
    found = json.loads(out)
    assert (status, lines) == (1, [])
    assert [row["file"] for row in found] == [f"{album}/{name}" for name in NAMES]
    assert [row[GAIN] for row in found[:2]] == pytest.approx([2.32, 1.15], abs=0.05)
    assert [row[GAIN] for row in found[2:]] == [None, None]
    assert {tuple(row) for row in found} == {(*COLUMNS, "tags", "pictures", GAIN)}
    for row in found[:3]:
        alone = json.loads(tfbwe("info", row["file"], "--json")[1])
        assert alone == {key: value for key, value in row.items() if key != GAIN}
    assert found[3]["container"] is None
    assert found[3]["reason"].startswith("not a sound file")


def test_csv_has_a_row_for_each_file(tfbwe, album):
    status, out, _ = tfbwe("info", album, "--csv", "--jobs", 1)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 1
    assert [row["file"] for row in rows] == [f"{album}/{name}" for name in NAMES]
    assert list(rows[0]) == [*COLUMNS, GAIN]
    assert rows[2]["reason"] == "the spectrum has no edge"
    status, alone, _ = tfbwe("info", album / "tape 4.wav", "--csv")
    assert (status, list(csv.DictReader(io.StringIO(alone)))) == (0, rows[:1])


def test_files_that_all_can_be_read_are_no_failure(tfbwe, album):
    status, out, lines = tfbwe("info", album / "whole.wav", album / "b", "--jobs", 1)
    assert (status, lines) == (0, [])
    assert out.splitlines()[-1].startswith("1 would gain, 1 would not; ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["in", "--png", "x.png"], "--png: draws one file; give one alone"),
        ([CLIP, "stft"], "stft: a model; give it alone"),
        (["stft", "--csv"], "--csv: expected a sound file, received the model stft"),
        (["none"], "none: the folder holds no sound files"),
    ],
)
def test_what_is_for_one_file_is_refused_for_many(tfbwe, album, tmp_path, monkeypatch, arguments, reason):
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path)
    assert tfbwe("info", *arguments) == (1, "", [f"tfbwe: {reason}"])


def test_two_processes_find_what_one_does(tfbwe):
    files = [CLIP, ROOT / "setup.cfg", CLIP.parent]
    one, two = (tfbwe("info", *files, "--json", "--jobs", jobs) for jobs in (1, 2))
    assert one == two
    assert one[0] == 1
    assert [row["file"] for row in json.loads(one[1])] == [str(CLIP), str(ROOT / "setup.cfg")]
