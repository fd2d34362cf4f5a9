"""MPEG audio: sound files of every make are read whole, and no damage is seen where there is none."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import soundfile

from tests.helpers.damaged import coded, decoded, save, without_count

ID3_V1 = b"TAG" + bytes(125)
ID3_V2 = b"ID3\x04\x00\x00\x00\x00\x01\x00" + bytes(128)
ITEM = struct.pack("<II", 5, 0) + b"Title\x00hello"


def ape(flags):
    return b"APETAGEX" + struct.pack("<IIII", 2000, len(ITEM) + 32, 1, flags) + bytes(8)


APE = ape(0xA0000000) + ITEM + ape(0x80000000)
LYRICS = b"LYRICSBEGININD0000200000027LYRICS200"


@pytest.mark.parametrize("kind", ["mp3", "vbr", "uncounted"])
@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (ID3_V2, b""),
        (ID3_V2 * 2, ID3_V1),
        (b"", APE + ID3_V1),
        (APE, LYRICS + ID3_V1),
        (bytes(400), b""),
        (b"not of a frame" * 50, bytes(100)),
    ],
)
def test_tags_and_junk_around_sound_are_no_damage(tmp_path, kind, before, behind):
    data = coded(kind, 3.0)
    x, _ = decoded(save(tmp_path, kind, data))
    y, damage = decoded(save(tmp_path, kind, before + data + behind), strict=True)
    assert damage == ""
    assert y.shape == x.shape
    np.testing.assert_allclose(y, x, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("kind", ["mp3", "vbr", "uncounted"])
def test_every_rate_is_read_whole_with_and_without_a_header_that_counts(tmp_path, kind, rate, channels):
    x, damage = decoded(save(tmp_path, kind, coded_at(kind, rate, channels)), strict=True)
    assert damage == ""
    assert 0 <= x.shape[1] - 3 * rate <= 4000


def coded_at(kind, rate, channels):
    data = coded("vbr" if kind == "uncounted" else kind, 3.0, channels, rate)
    if kind != "uncounted":
        return data
    place = max(data.find(b"Xing"), data.find(b"Info"))
    frame = data.index(data[:2], place)
    return data[frame:]


def test_sound_of_a_variable_rate_without_a_count_is_not_cut_in_half(tmp_path):
    data = coded("uncounted", 6.0)
    x, _ = decoded(save(tmp_path, "mp3", data))
    path = tmp_path / "song.mp3"
    frames = soundfile.info(path).frames
    assert abs(frames - 6 * 48000) > 4800  # what libsndfile makes of it by itself
    assert abs(x.shape[1] - 6 * 48000) < 4000


def test_files_behind_each_other_are_read_as_one(tmp_path):
    one, two = coded("mp3", 3.0), coded("vbr", 2.0)
    x, damage = decoded(save(tmp_path, "mp3", one + ID3_V1 + ID3_V2 + two), strict=True)
    assert damage == ""
    assert abs(x.shape[1] - 5 * 48000) < 6000


def test_a_count_is_found_in_what_is_left_of_its_frame(tmp_path):
    data = coded("mp3", 4.0)
    x, damage = decoded(save(tmp_path, "mp3", data[:200] + data[20200:]))
    assert " s of 4.0 s could not be decoded" in damage
    assert x.shape[1] < 3.8 * 48000


def test_a_frame_of_another_number_of_channels_is_left_out_and_what_follows_read(tmp_path):
    data = bytearray(coded("mp3", 4.0))
    whole, _ = decoded(save(tmp_path, "mp3", bytes(data)))
    frame = data.index(data[:2], len(data) // 2)
    while data[frame : frame + 3] != data[:3]:
        frame = data.index(data[:2], frame + 1)
    data[frame + 3] |= 0xC0
    x, damage = decoded(save(tmp_path, "mp3", bytes(data)))
    assert damage == "damaged: 0.02 s of 4.0 s could not be decoded and are left out"
    assert whole.shape[1] - x.shape[1] == 1152


def test_a_long_stretch_of_zeros_at_the_end_is_damage(tmp_path):
    data = without_count(coded("mp3", 4.0))
    x, _ = decoded(save(tmp_path, "mp3", data))
    y, damage = decoded(save(tmp_path, "mp3", data + bytes(20000)))
    assert "s or more of" in damage
    np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("spoilt", [b"", bytes(3000)])
def test_a_first_frame_that_is_broken_is_damage(tmp_path, spoilt):
    data = without_count(coded("mp3", 4.0))
    assert decoded(save(tmp_path, "mp3", data))[1] == ""
    _, damage = decoded(save(tmp_path, "mp3", data[:100] + spoilt + data[3100:]))
    assert damage.startswith("damaged: ")
