from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from tests.helpers.sound_files import noise, read
from tfbwe.audio.reader import Reader
from tfbwe.errors import AudioError


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_what_a_mac_leaves_beside_a_file_is_no_part_of_it(tmp_path, suffix):
    """A file in AppleDouble form, as on a disk that was in a Mac; MP3 without tags was refused with one."""
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, noise().T, 48000)
    beside = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + b"\x00\x02\x00\x00\x00\x09\x00\x00\x00\x32"
    (tmp_path / f"._song.{suffix}").write_bytes(beside + bytes(4096))
    assert read(path).shape[1] >= 20000


@pytest.mark.parametrize(("container", "subtype"), [("WAV", "GSM610"), ("W64", "GSM610"), ("AU", "G721_32")])
def test_a_codec_that_cannot_seek_is_read_from_anywhere(tmp_path, container, subtype):
    path = tmp_path / "x"
    soundfile.write(path, noise(1).T, 8000, subtype, format=container)
    with Reader(path) as reader:
        whole = np.concatenate(list(reader.blocks()), axis=1)
        assert whole.shape[1] >= 20000
        again = np.concatenate(list(reader.blocks()), axis=1)
        part = np.concatenate(list(reader.blocks(1000, 7777, 12345)), axis=1)
        earlier = np.concatenate(list(reader.blocks(1000, 5, 50)), axis=1)
    np.testing.assert_array_equal(again, whole)
    np.testing.assert_array_equal(part, whole[:, 7777:12345])
    np.testing.assert_array_equal(earlier, whole[:, 5:50])


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs the list of open files")
def test_a_file_that_is_refused_is_closed(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"no sound" * 100)
    before = os.listdir("/proc/self/fd")
    for _ in range(10):
        with pytest.raises(AudioError):
            Reader(path)
    assert len(os.listdir("/proc/self/fd")) == len(before)
