"""Lossy codecs: in place, at any length, and where their bands end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.alignment import RATE, correlation, music, shift_between
from tfbwe.errors import ConfigError
from training.degradation import ffmpeg
from training.degradation.codecs import CODECS, Codec, at_rate
from training.degradation.edges import edge_hz


def coder(name, level):
    """Return a codec at a constant rate where it has no other; skip where nothing has it."""
    if CODECS[name].by_ffmpeg and not ffmpeg.found():
        pytest.skip("needs ffmpeg")
    return Codec(name, level, constant=CODECS[name].by_ffmpeg)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rate", [22050, 44100, 48000, 96000])
def test_codecs_keep_every_sample_in_its_place(codec, rate):
    x = music(1, 30001, rate)
    y = coder(codec, 0.2).apply(x, rate)
    assert y.shape == x.shape
    assert abs(shift_between(x[0], y[0])) <= 0.3
    assert correlation(x, y) > 0.98
    assert not np.array_equal(x, y)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [30001, 88200])
def test_mp3_at_its_lowest_rate_is_in_place_without_a_tag_that_says_so(channels, samples):
    x = music(channels, samples)
    y = Codec("mp3", 0.9999, constant=True).apply(x, RATE)
    assert y.shape == x.shape
    assert abs(shift_between(x[0], y[0])) <= 0.3


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=8, deadline=None)
@given(channels=st.integers(1, 3), samples=st.integers(0, 6000), quality=st.floats(0, 0.5))
def test_codecs_keep_shape_type_and_finite_values_at_any_length(codec, channels, samples, quality):
    x = music(channels, samples)
    y = coder(codec, quality).apply(x, RATE)
    assert y.shape == x.shape
    assert y.dtype == np.float32
    assert np.isfinite(y).all()
    if samples > 2000:
        assert correlation(x, y) > 0.9


@pytest.mark.parametrize("codec", CODECS)
def test_codecs_keep_channels_apart_and_levels_beyond_one(codec):
    x = 5 * music(3, 20000)
    y = coder(codec, 0.1).apply(x, RATE)
    assert np.abs(y).max() > 2
    np.testing.assert_array_equal(coder(codec, 0.1).apply(2 * x, RATE), 2 * y)
    for channel in range(3):
        assert [correlation(x[other], y[channel]) > 0.95 for other in range(3)] == [
            other == channel for other in range(3)
        ]


def test_minutes_of_music_pass_through_vorbis_without_a_crash():
    x = np.tile(music(1, RATE), (1, 125))
    assert correlation(x, Codec("vorbis", 0.5).apply(x, RATE)) > 0.95


@pytest.mark.parametrize("codec", CODECS)
def test_codecs_lose_more_at_lower_quality_and_nothing_of_silence(codec):
    x = np.random.default_rng(0).normal(0, 0.2, (1, 40000)).astype(np.float32)
    errors = [np.linalg.norm(coder(codec, quality).apply(x, RATE) - x) for quality in (0.0, 0.5)]
    assert 0 < errors[0] < errors[1]
    assert not coder(codec, 0.3).apply(np.zeros((2, 5000)), RATE).any()


@pytest.mark.parametrize(
    ("codec", "channels", "known_hz"),
    [
        (at_rate("mp3", 32), 2, 5450),
        (at_rate("mp3", 32), 1, 8200),
        (at_rate("mp3", 64), 2, 11000),
        (at_rate("mp3", 64), 1, 16500),
        (at_rate("mp3", 96), 2, 15100),
        (at_rate("mp3", 128), 2, 16600),
        (Codec("vorbis", 0.99), 2, 15100),
        (Codec("opus", 0.979), 1, 8000),
        (Codec("opus", 0.99), 1, 4000),
        (at_rate("aac", 48, 44100), 2, 7600),
        (at_rate("aac", 64, 44100), 2, 12400),
    ],
    ids=str,
)
def test_the_band_of_a_codec_ends_where_its_encoder_is_known_to_end_it(codec, channels, known_hz):
    if not CODECS[codec.name].found:
        pytest.skip("needs ffmpeg")
    assert edge_hz(codec, channels) == pytest.approx(known_hz, rel=0.03)


def test_a_band_ends_higher_at_a_higher_rate_and_never_above_half_the_rate_at_which_is_coded():
    for rate in (22050, 32000, 44100):
        kbps = (32, 48, 64, 96, 128, 160)
        edges = [edge_hz(at_rate("mp3", kb, rate), 2) for kb in kbps]
        assert edges == sorted(edges)
        assert edges[0] < edges[-1] <= rate / 2


def test_the_size_is_that_of_the_rate_whatever_the_sample_rate():
    x = np.random.default_rng(0).normal(0, 0.1, (2, 2 * RATE)).astype(np.float32)
    for rate in (22050, 44100, 48000):
        _, size_bytes = at_rate("mp3", 64, rate).coded(x, RATE)
        assert size_bytes * 8 / 2 == pytest.approx(64000, rel=0.06)


@pytest.mark.parametrize(
    ("kbps", "rate"), [(31.9, 44100), (321, 44100), (24, None), (7.9, 22050), (161, 22050)]
)
def test_a_rate_that_mp3_does_not_have_is_refused(kbps, rate):
    with pytest.raises(ConfigError, match="codec rate"):
        at_rate("mp3", kbps, rate)


@pytest.mark.parametrize("name", CODECS)
def test_coding_at_another_sample_rate_keeps_every_sample_in_its_place(name):
    if not CODECS[name].found:
        pytest.skip("needs ffmpeg")
    for rate in CODECS[name].rates[-3:]:
        codec = Codec(name, 0.2, constant=CODECS[name].by_ffmpeg, sample_rate=rate)
        x = music(2, 40000)
        y = codec.apply(x, RATE)
        assert y.shape == x.shape
        assert abs(shift_between(x[0], y[0])) <= 0.3
        assert correlation(x, y) > 0.98


@pytest.mark.parametrize(("name", "rate"), [("mp3", 96000), ("opus", 44100), ("vorbis", 0)])
def test_a_sample_rate_that_a_codec_does_not_know_is_refused(name, rate):
    with pytest.raises(ConfigError, match=f"sample_rate of {name}"):
        Codec(name, 0.5, sample_rate=rate)
