from __future__ import annotations

import struct
import tracemalloc

import pytest
import soundfile

from tests.helpers.sound_files import noise, read, write
from tfbwe.errors import AudioError

KINDS = [
    ("WAV", "FILE", 44),
    ("WAV", "BIG", 44),
    ("RF64", "FILE", 200),
    ("AIFF", "FILE", 200),
    ("AU", "FILE", 28),
    ("AU", "LITTLE", 28),
    ("W64", "FILE", 200),
]


@pytest.mark.parametrize(("container", "endian", "head"), KINDS)
def test_a_file_cut_anywhere_in_its_sound_is_refused(tmp_path, container, endian, head):
    path = tmp_path / "x"
    soundfile.write(path, noise().T, 48000, "PCM_16", endian, container)
    assert read(path).shape == (2, 20000)
    whole = path.read_bytes()
    for keep in (len(whole) - 8, len(whole) // 2, head):
        path.write_bytes(whole[:keep])
        with pytest.raises(AudioError, match=r"cut short: its header says 8000[08] bytes"):
            read(path)


@pytest.mark.parametrize("container", ["AU", "W64"])
@pytest.mark.parametrize("samples", [0, 1, 3])
def test_short_whole_files_are_read(tmp_path, container, samples):
    assert read(write(tmp_path / "x", noise(1, samples), 44100, container)).shape == (1, samples)


def test_an_au_whose_length_was_left_open_by_a_pipe_is_read_whole(tmp_path):
    path = write(tmp_path / "x.au", noise(), 44100, "AU")
    data = bytearray(path.read_bytes())
    data[8:12] = struct.pack(">I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert read(path).shape == (2, 20000)


@pytest.mark.parametrize("magic", [b"RIFF", b"FORM", b".snd", b"dns.", b"riff"])
@pytest.mark.parametrize("rest", [b"", b"\xff" * 3, b"\xff" * 100, bytes(100), b"data" + bytes(60)])
def test_a_broken_header_is_one_clear_error(tmp_path, magic, rest):
    (tmp_path / "x").write_bytes(magic + rest)
    with pytest.raises(AudioError, match="x: "):
        read(tmp_path / "x")


def test_a_header_that_claims_gigabytes_takes_no_memory(tmp_path):
    path = tmp_path / "x"
    soundfile.write(path, noise().T, 48000, "PCM_16", format="RF64")
    data = path.read_bytes()
    at = data.index(b"ds64") + 4
    path.write_bytes(data[:at] + struct.pack("<I", 0xFFFFFFF0) + data[at + 4 :])
    tracemalloc.start()
    with pytest.raises(AudioError, match="x: "):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("after_the_sound", [False, True])
@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64"])
def test_a_list_that_libsndfile_would_read_for_ever_is_refused(tmp_path, container, after_the_sound):
    path = tmp_path / "x"
    soundfile.write(path, noise().T, 48000, "PCM_16", format=container)
    data = path.read_bytes()
    endless = (
        b"LIST"
        + struct.pack("<I", 86)
        + b"INFO"
        + b"I\xb2\xbe\xb2"
        + struct.pack("<I", 2**32 - 13)
        + bytes(74)
    )
    at = len(data) if after_the_sound else data.index(b"data")
    if container == "RF64" and after_the_sound:
        at = data.index(b"data") + 8 + noise().size * 2
    path.write_bytes(data[:at] + endless + data[at:])
    with pytest.raises(AudioError, match="a list in its header does not end"):
        read(path)
