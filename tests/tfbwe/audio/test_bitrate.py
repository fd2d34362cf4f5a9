from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers.sound_files import noise, write
from tfbwe.audio.bitrate import WIDE_HZ, asked, chosen, cut_below, sound_bytes, wider_share
from tfbwe.audio.codecs import CODECS, Encoding
from tfbwe.audio.reader import Reader
from tfbwe.audio.tags import Tags
from tfbwe.errors import ConfigError


@pytest.mark.parametrize(
    ("codec", "channels", "received_kbps", "cutoff_hz", "kbps"),
    [
        ("MPEG_LAYER_III", 2, 128, 16000, 192),  # LAME cuts at 18.6 kHz there, at 17.2 with 160
        ("MPEG_LAYER_III", 2, 192, 16000, 224),
        ("MPEG_LAYER_III", 2, 320, 16000, 320),
        ("MPEG_LAYER_III", 1, 64, 11000, 96),
        ("OPUS", 2, 24, 12000, 30),
        ("OPUS", 1, 6, 4000, 14),
        ("VORBIS", 2, 112, 8000, 162),
        ("VORBIS", 2, 64, 11000, 128),
        ("AAC", 2, 128, 16000, 140),
        ("MPEG_LAYER_III", 2, None, 8000, 256),
        ("OPUS", 6, None, 8000, 480),
    ],
)
def test_the_bit_rate_is_that_of_the_input_and_what_the_wider_band_takes(
    codec, channels, received_kbps, cutoff_hz, kbps
):
    encoding = chosen(codec, channels, received_kbps, cutoff_hz)
    assert encoding == Encoding(codec, channels, kbps)
    assert not cut_below(encoding)


@given(
    st.sampled_from(list(CODECS)),
    st.sampled_from([1, 2]),
    st.floats(1, 2000),
    st.floats(100, 22050),
    st.booleans(),
)
def test_whatever_comes_the_bit_rate_is_one_that_the_encoder_has(codec, channels, kbps, cutoff_hz, extended):
    encoding = chosen(codec, channels, kbps, cutoff_hz, extended=extended)
    assert asked(codec, channels, encoding.kbps, None, "x") == encoding
    highest = CODECS[codec].range_kbps(channels)[1]
    assert encoding.kbps >= min(math.floor(kbps), highest)
    assert encoding.reach_hz >= (WIDE_HZ if extended else min(WIDE_HZ, cutoff_hz))


def test_where_nothing_was_added_nothing_is_added_to_the_bit_rate():
    assert chosen("OPUS", 2, 40, 19000, extended=False).kbps == 40
    assert chosen("MPEG_LAYER_III", 2, 128, 16000, extended=False).kbps == 128
    assert chosen("MPEG_LAYER_III", 2, 128, None, extended=False).kbps == 192


@pytest.mark.parametrize(
    ("cutoff_hz", "measured"),
    [(4000, 1.78), (6000, 1.55), (8000, 1.45), (11000, 1.22), (16000, 1.03), (22050, 1)],
)
def test_a_wider_band_takes_what_was_measured(cutoff_hz, measured):
    assert wider_share(cutoff_hz) == pytest.approx(measured, abs=0.13)


@pytest.mark.parametrize(
    ("codec", "kbps", "quality", "said"),
    [
        (
            "PCM_16",
            128,
            None,
            "--bitrate and --quality are for lossy formats, received PCM_16; leave them out",
        ),
        ("FLOAT", None, 0.5, "--bitrate and --quality are for lossy formats"),
        (
            "MPEG_LAYER_III",
            150,
            None,
            "--bitrate: expected one of 32, 40, .*, 320 kb/s for MP3 of 2 channels",
        ),
        ("VORBIS", 30, None, "--bitrate: expected 64 to 480 kb/s for Vorbis of 2 channels, received 30"),
        ("OPUS", None, 1.5, "quality: expected 0 to 1, received 1.5"),
        ("OPUS", 64, 0.5, "expected a bit rate or a quality, received both"),
    ],
)
def test_what_an_encoder_cannot_do_is_refused_with_the_way_out(codec, kbps, quality, said):
    with pytest.raises(ConfigError, match=f"^x: {said}"):
        asked(codec, 2, kbps, quality, "x")


def test_an_encoder_that_cuts_what_was_added_is_named_with_the_way_out():
    said = "at 96 kb/s MP3 cuts off at 15.0 kHz; --bitrate 192 keeps what was added up to 18.5 kHz"
    assert cut_below(Encoding("MPEG_LAYER_III", 2, 96)) == said
    assert "at quality 0.5 MP3 cuts off at 16.0 kHz" in cut_below(Encoding("MPEG_LAYER_III", 2, None, 0.5))
    assert not cut_below(Encoding("MPEG_LAYER_III", 1, 96))
    assert not cut_below(Encoding("VORBIS", 2, None, 0.5))


def test_a_quality_of_an_encoder_without_one_is_a_bit_rate():
    assert asked("OPUS", 2, None, 0.5, "x") == Encoding("OPUS", 2, 262, 0.5)
    assert asked("VORBIS", 2, None, 0.5, "x") == Encoding("VORBIS", 2, None, 0.5)


@pytest.mark.parametrize(
    ("container", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"), ("OGG", "OPUS")]
)
@pytest.mark.parametrize("comment", ["", "x" * 50_000])
def test_the_bit_rate_of_a_file_leaves_its_tags_out(tmp_path, container, subtype, comment):
    encoding = Encoding(subtype, 2, 128)
    path = tmp_path / "x"
    write(
        path,
        noise(2, 5 * 48000),
        48000,
        container,
        subtype,
        encoding=encoding,
        tags=Tags.of({"comment": comment} if comment else {}),
    )
    assert path.stat().st_size > 60_000 + len(comment)
    with Reader(path) as reader:
        assert reader.kbps == pytest.approx(128, rel=0.2)


def test_what_is_not_lossy_has_no_bit_rate(tmp_path):
    with Reader(write(tmp_path / "x.wav", noise())) as reader:
        assert reader.kbps is None


@pytest.mark.parametrize("contents", [b"", b"ID3", b"OggS", b"OggS" + bytes(23), b"\xff\xfb" + bytes(100)])
def test_bytes_of_damaged_files_are_counted_all_the_same(tmp_path, contents):
    (tmp_path / "x").write_bytes(contents)
    assert sound_bytes(tmp_path / "x") == len(contents)
