"""Bit rates of lossy outputs, and what is said of them."""

from __future__ import annotations

import pytest
import soundfile

from tests.helpers.sound_files import write
from tfbwe.audio.codecs import Encoding
from tfbwe.audio.reader import Reader

LOSSY = {"mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}
AGAIN = "lossy, and coded again loses a little more; -o NAME.flac loses nothing"


@pytest.fixture
def coded(tmp_path, low_passed):
    def make(name, kbps, channels=2):
        container, subtype = LOSSY[name.rpartition(".")[2]]
        x = low_passed(channels, 5.0, 48000, 8000)
        return write(
            tmp_path / name, x, 48000, container, subtype, encoding=Encoding(subtype, channels, kbps)
        )

    return make


def kbps(path):
    with Reader(path) as reader:
        return reader.kbps


@pytest.mark.parametrize(
    ("name", "received", "least", "most"),
    [("x.mp3", 128, 190, 196), ("x.opus", 24, 18, 40), ("x.ogg", 112, 110, 180)],
)
def test_a_lossy_file_is_written_with_its_bit_rate_and_what_the_wider_band_takes(
    extending, coded, tmp_path, name, received, least, most
):
    path = coded(name, received)
    status, out, lines = extending(path, "--cutoff", "8000")
    assert (status, lines) == (0, [f"tfbwe: {path}: {AGAIN}"])
    stem, _, suffix = name.rpartition(".")
    assert least <= kbps(tmp_path / f"{stem}.extended.{suffix}") <= most
    assert out.endswith(" kb/s\n")


def test_that_a_lossless_output_loses_nothing_is_said_once_in_a_run(extending, coded):
    paths = [coded("1.mp3", 128), coded("2.opus", 64), coded("3.ogg", 112)]
    status, _, lines = extending(*paths, "--cutoff", "8000")
    assert (status, lines) == (0, [f"tfbwe: {paths[0]}: {AGAIN}"])


def test_a_lossless_output_of_a_lossy_file_says_nothing_of_it(extending, coded, tmp_path):
    status, out, lines = extending(coded("x.mp3", 128), "-o", tmp_path / "x.flac", "--cutoff", "8000")
    assert status == 0
    assert not [line for line in lines if "lossy" in line]
    assert "kb/s" not in out


def test_a_bit_rate_is_obeyed_and_what_the_encoder_cuts_is_said(extending, coded, tmp_path):
    path = coded("x.mp3", 128)
    status, out, lines = extending(path, "--cutoff", "8000", "--bitrate", "96")
    assert status == 0
    cut = "at 96 kb/s MP3 cuts off at 15.0 kHz; --bitrate 192 keeps what was added up to 18.5 kHz"
    assert lines == [f"tfbwe: {path}: {cut}", f"tfbwe: {path}: {AGAIN}"]
    assert kbps(tmp_path / "x.extended.mp3") == pytest.approx(96, rel=0.05)
    assert ", 96 kb/s" in out


def test_more_quality_gives_more_bits(extending, song, tmp_path):
    for quality in ("0.4", "1"):
        output = tmp_path / f"{quality}.ogg"
        assert extending(song(), "-o", output, "--cutoff", "7000", "--quality", quality)[0] == 0
    assert kbps(tmp_path / "0.4.ogg") < 0.7 * kbps(tmp_path / "1.ogg")


def test_a_bit_rate_for_a_lossless_output_is_one_line_with_the_way_out(extending, song, coded, tmp_path):
    path, lossy = song(), coded("x.mp3", 128)
    status, out, lines = extending(path, lossy, "--cutoff", "7000", "--bitrate", "192")
    output = path.with_name("a song.extended.wav")
    said = "--bitrate and --quality are for lossy formats, received PCM_16; leave them out, or write .mp3"
    assert (status, lines[0]) == (1, f"tfbwe: {output}: {said}, .ogg or .opus")
    assert not output.exists()
    assert soundfile.info(tmp_path / "x.extended.mp3").frames == 5 * 48000  # the others go on
    assert "192 kb/s" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--bitrate", "0"], "expected kb/s, more than 0, received '0'"),
        (["--bitrate", "high"], "expected kb/s"),
        (["--quality", "2"], "expected 0 to 1, received '2'"),
        (["--quality", "1", "--bitrate", "96"], "not allowed with"),
    ],
)
def test_wrong_bit_rates_are_wrong_usage(extending, song, options, said):
    status, _, lines = extending(song(), *options)
    assert status == 2
    assert said in lines[-1]
