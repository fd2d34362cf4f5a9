"""What is kept of where the bands of codecs end."""

import dataclasses

import pytest

from training.degradation import edges
from training.degradation.codecs import at_rate
from training.degradation.edges import edge_hz, keep_edges

CODEC = at_rate("mp3", 64)


@pytest.fixture
def measured(tmp_path, monkeypatch):
    """Return a list of what is measured from now on, with an empty folder and no memory."""
    found = []
    whole = edges._probe

    def counted():
        found.append(1)
        return whole()

    monkeypatch.setattr(edges, "_probe", counted)
    monkeypatch.setattr(edges, "_folder", None)
    keep_edges(tmp_path)
    edge_hz.cache_clear()
    yield found
    edge_hz.cache_clear()


def test_an_edge_is_measured_once_for_all_processes_and_the_same_to_the_bit(measured, tmp_path):
    first = edge_hz(CODEC, 2)
    edge_hz.cache_clear()  # as in another process
    assert edge_hz(CODEC, 2) == first
    assert len(measured) == 1
    assert len(list((tmp_path / edges.KEPT).iterdir())) == 1


def test_other_settings_channels_and_encoders_are_measured_anew(measured, monkeypatch):
    edge_hz(CODEC, 2)
    edge_hz(CODEC, 1)
    edge_hz(dataclasses.replace(CODEC, sample_rate=32000), 2)
    monkeypatch.setattr(edges.soundfile, "__libsndfile_version__", "0.0")
    edge_hz.cache_clear()
    edge_hz(CODEC, 2)
    assert len(measured) == 4


@pytest.mark.parametrize("content", [b"", b"110", b"nonsense\n", b"\xff\xfe"])
def test_a_damaged_entry_is_measured_again(measured, tmp_path, content):
    expected = edge_hz(CODEC, 2)
    (kept,) = (tmp_path / edges.KEPT).iterdir()
    kept.write_bytes(content)
    edge_hz.cache_clear()
    assert edge_hz(CODEC, 2) == expected
    edge_hz.cache_clear()
    assert edge_hz(CODEC, 2) == expected
    assert len(measured) == 2


def test_where_nothing_can_be_written_each_process_measures(measured, tmp_path):
    keep_edges(tmp_path / "missing" / "folder")
    assert edge_hz(CODEC, 2) > 0
    assert len(measured) == 1
