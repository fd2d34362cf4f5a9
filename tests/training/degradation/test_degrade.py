"""Stages of a degradation, one after another."""

import numpy as np
import pytest

from tests.helpers.alignment import RATE, music
from tfbwe.errors import AudioError, ConfigError
from training.degradation.codecs import Codec, at_rate
from training.degradation.degrade import Gain, Mix, apply, apply_counted, cutoff_hz_of, lowpass_of
from training.degradation.edges import edge_hz
from training.degradation.filters import LowCut, Lowpass
from training.degradation.rounding import Rounding

BRICKWALL = Lowpass("brickwall", 8000)


def test_the_original_has_the_gain_alone_and_the_received_has_gain_then_low_pass():
    x = music(2, 9000)
    received, original = apply(x, RATE, (Gain(-6.0), BRICKWALL))
    np.testing.assert_allclose(original, x * 10 ** (-6 / 20), rtol=1e-6)
    np.testing.assert_array_equal(received, BRICKWALL.apply(original, RATE))


def test_rounding_lands_on_the_16_bit_grid_and_does_not_clip():
    x = 3 * music(2, 9000)
    exact, _ = apply(x, RATE, (BRICKWALL,))
    rounded, _ = apply(x, RATE, (BRICKWALL, Rounding(16)))
    steps = rounded.astype(np.float64) * 32768
    np.testing.assert_array_equal(steps, np.round(steps))
    assert np.abs(rounded - exact).max() <= 0.5 / 32768 + 1e-7
    assert np.abs(rounded - exact).max() > 0.4 / 32768
    assert np.abs(rounded).max() > 1.4
    assert not np.array_equal(exact * 32768, np.round(exact * 32768))


def test_the_codec_comes_after_the_low_pass_and_before_the_rounding():
    x = music(1, 9000)
    received, original = apply(x, RATE, (Gain(-3.0), BRICKWALL, Codec("vorbis", 0.3), Rounding(16)))
    coded = Codec("vorbis", 0.3).apply(BRICKWALL.apply(original, RATE), RATE)
    np.testing.assert_array_equal(received, np.round(coded * np.float32(32768)) / np.float32(32768))


def test_original_and_received_are_mixed_alike_before_a_codec_or_after_it():
    x, codec, mix = music(2, 30000), at_rate("mp3", 96, 44100), Mix((0.5, -0.2))
    before, original = apply(x, RATE, (mix, codec))
    after, same = apply(x, RATE, (codec, mix))
    np.testing.assert_array_equal(original, same)
    np.testing.assert_allclose(original[0], 0.5 * x[0] - 0.2 * x[1], atol=1e-6)
    np.testing.assert_array_equal(before, codec.apply(original, RATE))
    np.testing.assert_array_equal(after, mix.apply(codec.apply(x, RATE), RATE))
    assert not np.array_equal(before, after)


def test_a_mix_without_weights_is_the_mean_of_all_channels():
    x = music(3, 500)
    np.testing.assert_allclose(Mix().apply(x, RATE), x.mean(axis=0, keepdims=True), atol=1e-7)
    assert Mix().apply(x[:, :0], RATE).shape == (1, 0)


def test_the_original_keeps_the_bass_that_a_low_cut_takes():
    x = music(1, 5000)
    received, original = apply(x, RATE, (Gain(0.0), LowCut(300.0)))
    np.testing.assert_array_equal(original, x)
    np.testing.assert_array_equal(received, LowCut(300.0).apply(x, RATE))


def test_the_cutoff_is_that_of_the_narrowest_stage():
    codec, wide = at_rate("mp3", 64, 44100), Lowpass("brickwall", 20000)
    assert cutoff_hz_of((Gain(0.0), BRICKWALL, Rounding()), 1) == 8000
    assert cutoff_hz_of((BRICKWALL, codec), 2) == 8000
    assert cutoff_hz_of((wide, codec, Mix()), 2) == edge_hz(codec, 2)
    assert cutoff_hz_of((wide, Mix(), codec), 2) == edge_hz(codec, 1) > edge_hz(codec, 2)
    assert cutoff_hz_of((Gain(0.0), LowCut(300.0), Rounding()), 1) == np.inf
    assert lowpass_of((Gain(0.0), BRICKWALL, codec)) == BRICKWALL
    assert lowpass_of((Gain(0.0), codec)) is None


def test_a_size_is_counted_where_there_is_a_codec_alone():
    x = music(1, 9000)
    assert apply_counted(x, RATE, (BRICKWALL, Rounding()))[2] is None
    assert apply_counted(x, RATE, (BRICKWALL, Codec("mp3", 0.2)))[2] > 100
    assert apply_counted(0 * x, RATE, (BRICKWALL, Codec("mp3", 0.2)))[2] == 0


@pytest.mark.parametrize(
    ("stage", "settings_", "words"),
    [
        (Gain, {"db": float("nan")}, "gain"),
        (Rounding, {"bits": 1}, "bits"),
        (Rounding, {"bits": 32}, "bits"),
        (Codec, {"name": "wma", "level": 0.5}, "wma"),
        (Codec, {"name": "mp3", "level": 1.0}, "level"),
        (Codec, {"name": "mp3", "level": -0.1}, "level"),
        (Codec, {"name": "opus", "level": 0.5, "constant": True}, "maybe for mp3"),
        (Codec, {"name": "aac", "level": 0.5}, "expected for aac"),
    ],
)
def test_a_stage_that_cannot_be_is_refused_by_name(stage, settings_, words):
    with pytest.raises(ConfigError, match=words):
        stage(**settings_)


def test_a_signal_of_another_shape_is_refused():
    with pytest.raises(AudioError, match=r"\(channels, samples\)"):
        Codec("mp3", 0.1).apply(np.zeros(100), RATE)
    with pytest.raises(AudioError, match=r"\(channels, samples\)"):
        apply(np.zeros(100), RATE, (Rounding(),))
