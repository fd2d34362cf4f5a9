"""Outputs that a worker of a cluster holds back until the command gives them their names."""

from __future__ import annotations

import pytest

from tfbwe.audio import writer
from tfbwe.cli.engine import release
from tfbwe.errors import AudioError
from tfbwe.leftovers import owned_by
from tfbwe.offline.files import extend_file


def test_an_output_is_held_back_beside_its_destination_and_released_once(song, stand_in, tmp_path):
    source, destination = song(), tmp_path / "out" / "a song.wav"
    destination.parent.mkdir()
    extend_file(source, tmp_path / "expected.wav")
    held = []
    for _ in range(2):
        with owned_by("tfbwe-0123456789ab-77-"):
            held.append(extend_file(source, destination, hold=True).held)
    assert {name.partition("-77-")[0] for name in held} == {f"{destination.parent}/.tfbwe-0123456789ab"}
    assert {str(path) for path in destination.parent.iterdir()} == set(held)
    pair = (str(source), str(destination))
    assert release(pair, held[0], force=False) == ""
    assert destination.read_bytes() == (tmp_path / "expected.wav").read_bytes()
    assert release(pair, held[1], force=False) == f"{destination}: exists already; --force replaces it"
    assert release(pair, held[1], force=True) == ""
    assert [path.name for path in destination.parent.iterdir()] == [destination.name]


def test_an_output_that_lies_elsewhere_is_said(song, tmp_path):
    said = release((str(song()), str(tmp_path / "b.wav")), str(tmp_path / ".not-here"), force=False)
    assert (
        said == f"{tmp_path}/b.wav: a worker wrote it, and it is not here; share its folder with all workers"
    )


def test_an_output_that_fails_leaves_nothing_held_back(song, stand_in, tmp_path, monkeypatch):
    def full(temporary, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "replace_synced", full)
    (tmp_path / "out").mkdir()
    with pytest.raises(AudioError, match="No space left"):
        extend_file(song(), tmp_path / "out" / "a.wav", hold=True)
    assert not list((tmp_path / "out").iterdir())
