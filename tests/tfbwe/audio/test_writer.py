from __future__ import annotations

import os
import stat
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.sound_files import FORMATS, TAGS, noise, read, write
from tfbwe.audio import writer
from tfbwe.audio.formats import Container
from tfbwe.audio.reader import Reader
from tfbwe.audio.tags import Tags, read_tags
from tfbwe.audio.writer import Writer
from tfbwe.errors import AudioError


@pytest.mark.parametrize(("container", "subtype", "suffix"), FORMATS)
def test_what_is_written_is_read_with_format_tags_and_length(tmp_path, container, subtype, suffix):
    x = noise()
    path = write(tmp_path / f"a song.{suffix}", x, 48000, container, subtype, tags=Tags.of(TAGS))
    with Reader(path) as reader:
        assert (reader.container, reader.subtype, reader.sample_rate, reader.channels) == (
            container,
            subtype,
            48000,
            2,
        )
        assert TAGS.items() <= read_tags(reader.location).text.items()
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
    monkeypatch.setitem(writer.CONTAINERS, "WAV", Container((".wav",), 1000))
    with pytest.raises(AudioError, match="rf64"):
        write(tmp_path / "x.wav", noise())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
@pytest.mark.parametrize("force", [False, True])
def test_a_pipe_with_a_name_is_never_replaced(tmp_path, force):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(AudioError, match="expected a file to write, received a device or a pipe"):
        write(tmp_path / "pipe.wav", noise(), force=force)
    assert (tmp_path / "pipe.wav").is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_through_a_link_the_file_it_leads_to_is_replaced_and_only_with_force(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "x.wav", tmp_path / "link.wav"
    link.symlink_to(target)
    with pytest.raises(AudioError, match="exists already"):
        write(link, noise())
    for samples in (100, 50):
        write(link, noise(samples=samples), force=True)
        assert link.is_symlink()
        assert read(target).shape == (2, samples)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["link.wav", "there", "x.wav"]
    link.unlink()
    link.symlink_to(tmp_path / "no" / "x.wav")
    with pytest.raises(AudioError, match="does not exist"):
        write(link, noise(), force=True)


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_that_appears_meanwhile_is_not_replaced(tmp_path):
    file = Writer(tmp_path / "x.wav", 44100, 2, container="WAV", subtype="PCM_16")
    file.write(noise())
    (tmp_path / "x.wav").symlink_to(tmp_path / "nowhere")
    with pytest.raises(AudioError, match="exists already"):
        file.commit()
    assert [p.name for p in tmp_path.iterdir()] == ["x.wav"]


def test_an_unwritable_folder_is_reported_as_the_system_does(tmp_path, monkeypatch):
    def refuse(path, *more):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(AudioError, match=r"x\.wav: cannot be written: Permission denied$"):
        write(tmp_path / "x.wav", noise())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
def test_a_name_that_is_not_utf_8_is_written_and_read(tmp_path):
    path = write(tmp_path / os.fsdecode(b"\xff.wav"), noise(samples=100))
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff.wav"]
    assert read(path).shape == (2, 100)


def test_standard_output_that_fails_or_is_closed_is_called_by_its_name(monkeypatch):
    def full(data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=SimpleNamespace(write=full)))
    with pytest.raises(AudioError, match=r"^standard output: cannot be written: No space left on device$"):
        write("-", noise())
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(AudioError, match=r"^standard output: cannot be written: it is closed$"):
        write("-", noise())


@pytest.mark.skipif(sys.platform != "linux", reason="no limits of file sizes")
@pytest.mark.parametrize(("container", "subtype", "suffix"), [row for row in FORMATS if row[1] != "ALAC_16"])
def test_a_disk_that_takes_no_more_is_said_with_the_system_s_reason(tmp_path, container, subtype, suffix):
    import resource

    x, path = noise(samples=200000), tmp_path / f"a song.{suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, limits[1]))
    try:
        with pytest.raises(AudioError, match=r"song\.\w+: cannot be written: File too large$"):
            write(path, x, 48000, container, subtype, tags=TAGS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="no limits of file sizes")
def test_a_disk_that_takes_nothing_at_all_is_not_a_wrong_format(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        with pytest.raises(AudioError, match=r"song\.wav: cannot be written: File too large$"):
            write(tmp_path / "a song.wav", noise())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
