from __future__ import annotations

import stat

import numpy as np
import pytest

from tfbwe import writer
from tfbwe.audio import Reader
from tfbwe.errors import AudioError
from tfbwe.writer import Writer

FORMATS = [
    ("WAV", "PCM_16", "wav"),
    ("WAV", "FLOAT", "wav"),
    ("RF64", "PCM_24", "rf64"),
    ("AIFF", "PCM_24", "aiff"),
    ("CAF", "ALAC_16", "caf"),
    ("FLAC", "PCM_16", "flac"),
    ("OGG", "VORBIS", "ogg"),
    ("OGG", "OPUS", "opus"),
    ("MP3", "MPEG_LAYER_III", "mp3"),
]
TAGS = {
    "title": "Träumerei",
    "artist": "Clara",
    "album": "B",
    "date": "1838",
    "genre": "Piano",
    "tracknumber": "7",
}


def noise(channels=2, samples=20000, seed=0):
    return (np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, samples))).astype(np.float32)


def write(path, x, rate=48000, container="WAV", subtype="PCM_16", **more):
    with Writer(path, rate, len(x), container=container, subtype=subtype, **more) as file:
        file.write(x)
    return path


def read(path, block_frames=4096):
    with Reader(path) as reader:
        parts = list(reader.blocks(block_frames))
        return np.concatenate([np.zeros((reader.channels, 0), np.float32), *parts], axis=1)


@pytest.mark.parametrize(("container", "subtype", "suffix"), FORMATS)
def test_what_is_written_is_read_with_format_tags_and_length(tmp_path, container, subtype, suffix):
    x = noise()
    path = write(tmp_path / f"a song.{suffix}", x, 48000, container, subtype, tags=TAGS)
    with Reader(path) as reader:
        assert (reader.container, reader.subtype, reader.sample_rate, reader.channels) == (
            container,
            subtype,
            48000,
            2,
        )
        kept = {
            key: value for key, value in TAGS.items() if container != "AIFF" or key in ("title", "artist")
        }
        assert {key: reader.tags.get(key) for key in kept} == kept
        y = np.concatenate(list(reader.blocks(1000)), axis=1)
    assert y.shape == x.shape
    assert y.dtype == np.float32
    if subtype not in ("VORBIS", "OPUS", "MPEG_LAYER_III"):
        assert np.abs(y - x).max() <= 2.0**-15


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16"])
def test_values_beyond_one_are_kept_in_float_and_clamped_and_counted_in_integers(tmp_path, subtype):
    x = np.array([[0.5, 1.5, -1.5, 1.0, -1.0]], dtype=np.float32)
    with Writer(tmp_path / "x.wav", 44100, 1, container="WAV", subtype=subtype) as file:
        file.write(x)
    y = read(tmp_path / "x.wav")
    if subtype == "FLOAT":
        np.testing.assert_array_equal(y, x)
        assert file.clipped_samples == 0
    else:
        np.testing.assert_allclose(y, np.clip(x, -1, 32767 / 32768))
        assert file.clipped_samples == 3


def test_one_huge_block_of_vorbis_is_written(tmp_path):
    x = noise(2, 3_000_000)
    assert read(write(tmp_path / "x.ogg", x, 44100, "OGG", "VORBIS")).shape == x.shape


def test_a_format_that_cannot_be_without_sound_says_so_and_leaves_nothing(tmp_path):
    with pytest.raises(AudioError, match="no length"):
        write(tmp_path / "x.flac", noise(2, 0), 44100, "FLAC")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_the_source_and_a_missing_folder_are_refused(tmp_path):
    song = write(tmp_path / "x.wav", noise(samples=100))
    before = song.read_bytes()
    with pytest.raises(AudioError, match="exists already; --force"):
        write(song, noise(samples=50))
    with pytest.raises(AudioError, match="source itself"):
        write(song, noise(samples=50), force=True, source=tmp_path / "." / "x.wav")
    assert song.read_bytes() == before
    with pytest.raises(AudioError, match="does not exist"):
        write(tmp_path / "no" / "x.wav", noise(samples=50))
    with pytest.raises(AudioError, match="folder"):
        write(tmp_path, noise(samples=50))
    with pytest.raises(AudioError, match=r"wav"):
        write(tmp_path / "x.mp3", noise(6, 50), container="MP3", subtype="MPEG_LAYER_III")
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]
    assert len(read(write(song, noise(samples=50), force=True))[0]) == 50


def test_an_error_while_writing_leaves_nothing_behind(tmp_path):
    def fail():
        with Writer(tmp_path / "x.wav", 44100, 1, container="WAV", subtype="PCM_16") as file:
            file.write(noise(1))
            assert not (tmp_path / "x.wav").exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_file_gets_the_permissions_of_the_umask(tmp_path):
    (tmp_path / "plain").touch()
    path = write(tmp_path / "x.wav", noise())
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_wav_beyond_four_gigabytes_is_refused_before_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setitem(writer.MAX_BYTES, "WAV", 1000)
    with pytest.raises(AudioError, match="rf64"):
        write(tmp_path / "x.wav", noise())
    assert list(tmp_path.iterdir()) == []
