"""The degradations that training music goes through."""

import dataclasses
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.errors import AudioError, ConfigError
from training.degradation import ffmpeg
from training.degradation.codecs import CODECS, Codec
from training.degradation.degrade import (
    DRAWING,
    STAGES,
    Gain,
    Mono,
    apply,
    apply_counted,
    description,
    draw,
    lowpass_of,
)
from training.degradation.filters import Lowpass
from training.degradation.rounding import Rounding

RATE = 44100
BRICKWALL = Lowpass("brickwall", 8000)


def music(channels, samples, rate=RATE, seed=0):
    """Return noise between 200 and 3000 Hz: sharp in time, easy for every codec."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal((channels, samples + 2)))
    f_hz = np.fft.rfftfreq(samples + 2, 1 / rate)
    x = np.fft.irfft(spectrum * ((f_hz > 200) & (f_hz < 3000)), samples + 2)[:, :samples]
    return (0.5 * x / np.abs(x).max(initial=1e-9)).astype(np.float32)


def shift_between(x, y):
    """Return how many samples `y` lags behind `x`, to a tenth, by the peak of their correlation."""
    n_fft = 2 * len(x)
    cross = np.fft.rfft(y, n_fft) * np.conj(np.fft.rfft(x, n_fft))
    fine = np.fft.irfft(cross, 10 * n_fft)
    peak = int(fine.argmax())
    return (peak if peak < 5 * n_fft else peak - 10 * n_fft) / 10


def correlation(x, y):
    return np.vdot(x, y) / np.sqrt(np.vdot(x, x) * np.vdot(y, y))


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


@pytest.mark.parametrize("codec", DRAWING.codecs)
def test_no_codec_is_drawn_that_is_narrower_than_the_highest_cutoff(codec):
    x = np.random.default_rng(0).normal(0, 0.2, (1, 60000)).astype(np.float32)
    y = coder(codec, DRAWING.codec_levels[1]).apply(x, RATE)
    f_hz = np.fft.rfftfreq(60000, 1 / RATE)
    band = (f_hz > DRAWING.highest_hz - 500) & (f_hz < DRAWING.highest_hz)
    power = [np.sum(np.abs(np.fft.rfft(z[0])[band]) ** 2) for z in (x, y)]
    assert 10 * np.log10(power[1] / power[0]) > -6


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


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), channels=st.integers(1, 2), samples=st.integers(0, 5000))
def test_any_drawn_degradation_keeps_shape_type_and_silence(seed, channels, samples):
    degradation = draw(np.random.default_rng(seed), 20000)
    for x in (music(channels, samples), np.zeros((channels, samples), np.float32)):
        received, original = apply(x, RATE, degradation)
        assert received.shape == original.shape == x.shape
        assert received.dtype == original.dtype == np.float32
        assert np.isfinite(received).all()
        assert x.any() or not received.any()


def test_a_seed_gives_the_same_degradations_and_the_same_samples():
    x = music(1, 4000)
    runs = []
    for seed in (1, 1, 2):
        rng = np.random.default_rng(seed)
        runs.append([draw(rng, 16000) for _ in range(40)])
    assert runs[0] == runs[1] != runs[2]
    assert len(set(runs[0])) == 40
    for degradation in [*runs[0][:8], (BRICKWALL, Codec("mp3", 0.2))]:
        np.testing.assert_array_equal(apply(x, RATE, degradation)[0], apply(x, RATE, degradation)[0])


@settings(max_examples=40, deadline=None)
@given(highest_hz=st.floats(3500, 22050), seed=st.integers(0, 2**32 - 1))
def test_no_cutoff_is_drawn_beyond_the_bandwidth_of_the_track(highest_hz, seed):
    rng = np.random.default_rng(seed)
    for _ in range(20):
        assert 3500 <= lowpass_of(draw(rng, highest_hz)).cutoff_hz <= min(highest_hz, DRAWING.highest_hz)


def of(kind, degradation):
    """The stage of a kind in a degradation, or None."""
    return next((stage for stage in degradation if isinstance(stage, kind)), None)


def test_draws_follow_their_shares():
    rng = np.random.default_rng(0)
    drawn = [draw(rng, 22050) for _ in range(4000)]
    lowpasses = [lowpass_of(d) for d in drawn]
    octaves = np.log([f.cutoff_hz / 3500 for f in lowpasses]) / np.log(15200 / 3500)
    assert np.histogram(octaves, 4, (0, 1))[0] / 4000 == pytest.approx([0.25] * 4, abs=0.03)
    families = Counter(f.family for f in lowpasses)
    assert (families["brickwall"] + families["resample"]) / 4000 == pytest.approx(0.5, abs=0.03)
    assert families["brickwall"] > 2 * families["resample"] > 0
    gentle = [f for f in lowpasses if f.order]
    assert {(f.family, f.order) for f in gentle} == {
        *(("chebyshev1", order) for order in (6, 8, 10, 12)),
        ("butterworth", 6),
        *((family, order) for family in ("bessel", "elliptic") for order in (6, 12)),
    }
    assert np.mean([f.zero_phase for f in gentle]) == pytest.approx(0.7, abs=0.04)
    assert np.mean([of(Rounding, d) is not None for d in drawn]) == pytest.approx(0.7, abs=0.03)
    assert {of(Rounding, d) for d in drawn} == {Rounding(16), None}
    codecs = Counter(stage.name if (stage := of(Codec, d)) else None for d in drawn)
    assert set(codecs) == {None, *DRAWING.codecs}
    assert codecs[None] / 4000 == pytest.approx(0.94, abs=0.015)
    gains_db = np.array([of(Gain, d).db for d in drawn])
    assert gains_db.min() >= -13
    assert gains_db.max() <= 2
    assert gains_db.mean() == pytest.approx(-5.5, abs=0.3)


def test_every_kind_of_stage_is_drawn_in_its_order():
    rng = np.random.default_rng(0)
    drawn = [[type(stage) for stage in draw(rng, 22050)] for _ in range(300)]
    assert {kind for kinds in drawn for kind in kinds} == set(STAGES) - {Mono}  # training crops are mono
    assert all(kinds == sorted(kinds, key=STAGES.index) for kinds in drawn)


def test_the_description_holds_every_field_and_changes_with_each(monkeypatch):
    before = description()
    assert json.loads(json.dumps(before)) == before
    for field in dataclasses.fields(DRAWING):
        assert field.name in before["drawing"]
        changed = dataclasses.replace(DRAWING, **{field.name: ()})
        monkeypatch.setattr("training.degradation.degrade.DRAWING", changed)
        assert description() != before
        monkeypatch.undo()


def test_a_size_is_counted_where_there_is_a_codec_alone():
    x = music(1, 9000)
    assert apply_counted(x, RATE, (BRICKWALL, Rounding()))[2] is None
    assert apply_counted(x, RATE, (BRICKWALL, Codec("mp3", 0.2)))[2] > 100
    assert apply_counted(0 * x, RATE, (BRICKWALL, Codec("mp3", 0.2)))[2] == 0


@pytest.mark.parametrize("highest_hz", [3499.0, 0.0, float("nan")])
def test_a_track_without_a_high_band_is_refused(highest_hz):
    with pytest.raises(ConfigError, match="3500"):
        draw(np.random.default_rng(0), highest_hz)


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
