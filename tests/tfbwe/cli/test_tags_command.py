"""What a user sees of tags."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest

from tests.helpers.tagged import BEXT_TEXT, VALUES, png, tagged
from tfbwe.audio import tags as tags_module
from tfbwe.audio.tags import read_tags

pytest.importorskip("mutagen")


def test_extend_says_which_tags_no_longer_fit_and_which_are_not_kept(extending, tmp_path):
    path = tagged(tmp_path / "a song.mp3")
    status, _, lines = extending(path)
    assert status == 0
    assert f"tfbwe: {path}: left out, as it no longer fits the sound: ReplayGain" in lines
    kept = {name: "; ".join(values) for name, values in VALUES.items()}
    assert kept.items() <= read_tags(tmp_path / "a song.extended.mp3").text.items()
    assert png() in (tmp_path / "a song.extended.mp3").read_bytes()
    status, _, lines = extending(path, "-o", tmp_path / "new.au")
    assert status == 0
    assert lines[0].startswith(f"tfbwe: {path}: not kept, as this container holds no tags")
    assert "cover: image/png" in lines[0]


def test_extend_to_standard_output_and_from_standard_input_keeps_tags(extending, tmp_path, monkeypatch):
    path = tagged(tmp_path / "in.wav")
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(path.read_bytes())))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=shown, write=len, flush=list, isatty=bool))
    status, _, lines = extending("-", "-o", "-")
    assert status == 0
    assert lines[0].startswith("tfbwe: standard input: left out")
    assert BEXT_TEXT.encode() in shown.getvalue()
    (tmp_path / "out.wav").write_bytes(shown.getvalue())
    assert read_tags(tmp_path / "out.wav").pictures == ["cover: image/png, 30 x 20, 1 kB"]


def test_extend_goes_on_where_tags_are_damaged_or_mutagen_is_missing(extending, tmp_path, monkeypatch):
    path = tagged(tmp_path / "in.mp3")
    path.write_bytes(b"ID3\x04\x00\x0f" + path.read_bytes()[6:])
    status, _, lines = extending(path)
    assert status == 0
    assert lines[0].startswith(f"tfbwe: {path}: tags cannot be read (")
    monkeypatch.setattr(tags_module, "_mutagen", lambda: None)
    status, _, lines = extending(path, "--force")
    assert status == 0
    assert any("pip install mutagen" in line for line in lines)


def test_info_shows_every_text_and_the_pictures(tfbwe, tmp_path):
    path = tagged(tmp_path / "in.flac")
    status, out, _ = tfbwe("info", path)
    assert status == 0
    assert "tags         title: Träumerei 夢 Мечта\n             artist: Clara Šumánová; Роберт\n" in out
    assert "lyrics: la la la lu lu lu" in out
    assert "replaygain_track_gain: -7.77 dB" in out
    assert "pictures     cover: image/png, 30 x 20, 1 kB" in out
    found = json.loads(tfbwe("info", path, "--json")[1])
    assert found["tags"]["lyrics"] == "la la la\nlu lu lu"
    assert found["pictures"] == ["cover: image/png, 30 x 20, 1 kB"]
