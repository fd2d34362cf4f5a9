"""`tfbwe extend` with what ffmpeg reads and writes, and without it."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.ffmpeg import encode, lag, needing_ffmpeg
from tests.helpers.sound_files import read
from tfbwe.audio.reader import Reader
from tfbwe.cli import main


@pytest.fixture
def coded(tmp_path, low_passed):
    def make(name, *arguments):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        return encode(tmp_path / name, low_passed(2, 2.0, 44100, 7000), 44100, *arguments)

    return make


TTA = "read as TTA (PCM_16), written as FLAC (PCM_16)"


def told(lines):
    """What is said of a file but for its tags, and that it was coded again."""
    return [line for line in lines if "of Matroska and WebM" not in line and "lossy, and coded" not in line]


@needing_ffmpeg
@pytest.mark.parametrize(
    ("name", "arguments", "written", "said"),
    [
        ("a song.m4a", ("-b:a", "128k"), ("M4A", "AAC"), ""),
        ("x.m4a", ("-c:a", "alac", "-sample_fmt", "s16p"), ("M4A", "ALAC_16"), ""),
        ("x.webm", ("-c:a", "libvorbis"), ("WEBM", "VORBIS"), ""),
        ("x.wv", ("-sample_fmt", "s16p"), ("WAVPACK", "PCM_16"), ""),
        (
            "x.tta",
            ("-sample_fmt", "s16"),
            ("FLAC", "PCM_16"),
            TTA,
        ),
        ("x.ac3", (), ("FLAC", "PCM_24"), "read as AC3 (AC3), written as FLAC (PCM_24)"),
        ("x.mp2", (), ("FLAC", "PCM_24"), "read as MP3 (MPEG_LAYER_II), written as FLAC (PCM_24)"),
        (
            "x.mka",
            ("-c:a", "ac3"),
            ("MATROSKA", "OPUS"),
            "read as MATROSKA (AC3), written as MATROSKA (OPUS)",
        ),
    ],
)
def test_the_output_keeps_the_container_or_is_flac_and_says_so(
    extending, coded, name, arguments, written, said
):
    path = coded(name, *arguments)
    status, out, lines = extending(path, "--diffuse", "0")
    assert (status, told(lines)) == (0, [f"tfbwe: {path}: {said}"] if said else [])
    (made,) = path.parent.glob("*.extended.*")
    assert out.startswith(f"{made}: cutoff ")
    with Reader(made) as reader:
        assert (reader.container, reader.subtype) == written
    if written[1] != "OPUS":
        x, y = read(path), read(made)
        assert lag(x, y) == 0
        assert abs(x.shape[1] - y.shape[1]) <= 1024


@needing_ffmpeg
def test_a_name_asks_for_a_container_that_ffmpeg_writes(extending, song, tmp_path):
    for name, written in (("o.m4a", "AAC"), ("o.webm", "OPUS"), ("o.wma", "WMAV2"), ("o.wv", "PCM_16")):
        status, _, lines = extending(song(), "-o", tmp_path / name)
        assert (status, lines) == (0, [])
        with Reader(tmp_path / name) as reader:
            assert reader.subtype == written


@needing_ffmpeg
def test_standard_input_becomes_wav_on_standard_output_without_a_word(coded, stand_in, monkeypatch, capsys):
    sink, path = io.BytesIO(), coded("x.m4a", "-c:a", "alac", "-sample_fmt", "s16p")
    with open(path, "rb") as stream:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
        monkeypatch.setattr(
            sys, "stdout", SimpleNamespace(buffer=sink, flush=lambda: None, isatty=lambda: False)
        )
        assert main(["extend", "-"]) == 0
    assert sink.getvalue()[:4] == b"RIFF"
    assert capsys.readouterr().err == ""


@needing_ffmpeg
def test_a_folder_is_extended_with_what_ffmpeg_reads(extending, coded, song, tmp_path):
    song("in/1.wav")
    coded("in/2.m4a")
    coded("in/3.tta", "-sample_fmt", "s16")
    (tmp_path / "in" / "notes.txt").write_text("no sound")
    (tmp_path / "out").mkdir()
    status, _, lines = extending(tmp_path / "in", "-o", tmp_path / "out")
    assert (status, told(lines)) == (0, [f"tfbwe: {tmp_path / 'in' / '3.tta'}: {TTA}"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["1.wav", "2.m4a", "3.flac"]


@needing_ffmpeg
def test_a_damaged_file_says_what_is_lost(extending, coded):
    path = coded("x.m4a", "-b:a", "128k")
    data = bytearray(path.read_bytes())
    data[8000:20000] = np.random.default_rng(0).bytes(12000)
    path.write_bytes(data)
    status, _, lines = extending(path)
    assert status == 0
    (line,) = told(lines)
    assert " s of 2.00 s could not be decoded and are left out" in line


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_folder_names_what_it_leaves_out(extending, song, tmp_path):
    song("in/1.wav")
    for name in ("2.m4a", "3.wma", "notes.txt", "clip.mp4"):
        (tmp_path / "in" / name).write_bytes(b"whatever")
    status, out, lines = extending(tmp_path / "in")
    assert (status, len(lines), len(out.splitlines())) == (0, 1, 1)
    assert lines[0].startswith(
        f"tfbwe: {tmp_path / 'in'}: left out 2 sound files that need ffmpeg, which is not on the path"
        " (2.m4a, 3.wma): install it (apt-get install ffmpeg"
    )


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_folder_of_nothing_else_is_an_error(extending, tmp_path):
    for number in range(7):
        (tmp_path / f"{number}.m4a").write_bytes(b"whatever")
    status, _, (line,) = extending(tmp_path)
    assert status == 1
    assert "holds no sound files but 7 sound files that need ffmpeg" in line
    assert "(0.m4a, 1.m4a, 2.m4a, 3.m4a, 4.m4a, ...)" in line
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no sound")
    assert extending(tmp_path / "empty")[2] == [
        f"tfbwe: {tmp_path / 'empty'}: the folder holds no sound files"
    ]


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_file_and_an_output_fail_in_one_line(extending, song, tmp_path):
    (tmp_path / "x.m4a").write_bytes(b"whatever")
    for arguments, name in (((tmp_path / "x.m4a",), "x.m4a"), ((song(), "-o", tmp_path / "o.m4a"), "o.m4a")):
        status, out, lines = extending(*arguments)
        assert (status, out, len(lines)) == (1, "", 1)
        assert f"{name}: M4A needs ffmpeg, which is not on the path: install it (" in lines[0]
    assert not (tmp_path / "o.m4a").exists()
