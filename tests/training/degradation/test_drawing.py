"""Which degradations are drawn for training."""

import dataclasses
import functools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.alignment import RATE, music, shift_between
from tfbwe.errors import ConfigError
from training.degradation import drawing
from training.degradation.codecs import CODECS, Codec
from training.degradation.degrade import STAGES, Gain, Mix, apply, cutoff_hz_of, lowpass_of
from training.degradation.drawing import DRAWING, description, draw
from training.degradation.edges import edge_hz
from training.degradation.filters import LowCut, Lowpass
from training.degradation.rounding import Rounding

COUNT = 600


def of(kind, degradation):
    """The stage of a kind in a degradation, or None."""
    return next((stage for stage in degradation if isinstance(stage, kind)), None)


@functools.cache
def drawn(channels=2):
    """Many degradations, drawn once for all tests that count them."""
    rng = np.random.default_rng(0)
    return [draw(rng, 22050, channels) for _ in range(COUNT if channels == 2 else COUNT // 2)]


def share(true_of_each):
    return pytest.approx(np.mean(true_of_each), abs=0.05)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), channels=st.integers(1, 3), samples=st.integers(0, 5000))
def test_any_drawn_degradation_gives_one_channel_and_keeps_length_type_and_silence(seed, channels, samples):
    degradation = draw(np.random.default_rng(seed), 20000, channels)
    dithered = getattr(of(Rounding, degradation), "dither", "none") != "none"
    for x in (music(channels, samples), np.zeros((channels, samples), np.float32)):
        received, original = apply(x, RATE, degradation)
        assert received.shape == original.shape == (1, samples)
        assert received.dtype == original.dtype == np.float32
        assert np.isfinite(received).all()
        assert x.any() or dithered or not received.any()


def test_a_state_of_the_generator_gives_the_same_degradations_and_the_same_samples():
    x = music(2, 4000)
    runs = []
    for seed in (1, 1, 2):
        rng = np.random.default_rng(seed)
        runs.append([draw(rng, 16000, 2) for _ in range(40)])
    assert runs[0] == runs[1] != runs[2]
    assert len(set(runs[0])) == 40
    for degradation in runs[0]:
        np.testing.assert_array_equal(apply(x, RATE, degradation)[0], apply(x, RATE, degradation)[0])


def test_what_was_drawn_before_does_not_change_what_is_drawn(monkeypatch):
    """Where a codec's band ends is measured once and kept: that takes nothing from the generator."""
    kept = [draw(np.random.default_rng(seed), 18000, 2) for seed in range(6)]
    monkeypatch.setattr(drawing, "edge_hz", edge_hz.__wrapped__)
    assert [draw(np.random.default_rng(seed), 18000, 2) for seed in range(6)] == kept


@settings(max_examples=10, deadline=None)
@given(highest_hz=st.floats(3500, 22050), seed=st.integers(0, 2**32 - 1), channels=st.integers(1, 2))
def test_no_band_ends_beyond_that_of_the_track_or_below_the_lowest_cutoff(highest_hz, seed, channels):
    rng = np.random.default_rng(seed)
    for _ in range(15):
        cutoff_hz = cutoff_hz_of(draw(rng, highest_hz, channels), channels)
        assert 3500 <= cutoff_hz <= min(highest_hz, DRAWING.highest_hz)


def coded(channels):
    """Every codec that is drawn, but for levels close to each other, each where it was drawn."""
    found = {}
    for degradation in drawn(channels):
        if codec := of(Codec, degradation):
            found[codec.name, codec.constant, codec.sample_rate, round(codec.level, 1)] = degradation
    return found.values()


@pytest.mark.parametrize("channels", [1, 2])
def test_every_drawn_codec_keeps_the_music_in_its_place(channels):
    x = music(channels, 20000)
    for degradation in coded(channels):
        stages = tuple(stage for stage in degradation if not isinstance(stage, LowCut))  # it turns the phase
        received, original = apply(x, RATE, stages)
        shift = shift_between(original[0], received[0])
        if of(Codec, degradation).name == "opus":
            own = tuple(stage for stage in stages if not isinstance(stage, Lowpass))
            assert shift == pytest.approx(3.3 if cutoff_hz_of(own, channels) < 4500 else -2.1, abs=0.4)
        else:
            assert abs(shift) <= 0.3, degradation


@pytest.mark.parametrize("channels", [1, 2])
def test_every_drawn_degradation_ends_the_band_between_the_lowest_and_the_highest_cutoff(channels):
    ends = [cutoff_hz_of(degradation, channels) for degradation in drawn(channels)]
    assert min(ends) >= 3500
    assert max(ends) <= 17500
    assert np.isfinite(ends).all()


def test_every_codec_is_drawn_at_many_edges():
    ends = {name: set() for name, form in CODECS.items() if form.found}
    for degradation in drawn():
        if (codec := of(Codec, degradation)) and not lowpass_of(degradation):
            ends[codec.name].add(cutoff_hz_of(degradation, 2))
    assert min(len(found) for found in ends.values()) >= 2
    mp3 = np.array(sorted(ends["mp3"]))
    assert mp3.min() < 5000
    assert mp3.max() > 17000
    assert np.diff(mp3).max() < 2000


def test_low_passes_follow_their_shares():
    lowpasses = [lowpass_of(d) for d in drawn() if not of(Codec, d)]
    octaves = np.log([f.cutoff_hz / 3500 for f in lowpasses]) / np.log(17500 / 3500)
    assert np.histogram(octaves, 4, (0, 1))[0] / len(octaves) == pytest.approx([0.25] * 4, abs=0.05)
    families = Counter(f.family for f in lowpasses)
    sharp = {name: families[name] for name, _ in DRAWING.sharp_families}
    assert sum(sharp.values()) / len(lowpasses) == share(DRAWING.sharp)
    for name, part in DRAWING.sharp_families:
        assert sharp[name] / sum(sharp.values()) == share(part)
        assert sharp[name] > 0
    gentle = [f for f in lowpasses if f.order]
    assert {(f.family, f.order) for f in gentle} == {
        (family, order) for family, order, _ in DRAWING.gentle_filters
    }
    assert np.mean([f.phase == "forward-backward" for f in gentle]) == share(DRAWING.zero_phase)


def test_codecs_follow_their_shares():
    codec = [of(Codec, d) for d in drawn()]
    # The rest had a band that ended too high or too low, again and again.
    assert 0.7 * DRAWING.coded < np.mean([one is not None for one in codec]) <= DRAWING.coded + 0.04
    low_passed = [of(Codec, d) is not None and lowpass_of(d) is not None for d in drawn()]
    assert np.sum(low_passed) / np.sum([one is not None for one in codec]) == share(DRAWING.low_passed)
    stereo = [is_after(Mix, Codec, d) for d, one in zip(drawn(), codec, strict=True) if one]
    assert 0.4 < np.mean(stereo) < 0.8
    assert not any(is_after(Mix, Codec, d) for d in drawn(1) if of(Codec, d))
    assert {one.constant for one in codec if one and one.name == "mp3"} == {False, True}


def is_after(later, earlier, degradation):
    kinds = [type(stage) for stage in degradation]
    return kinds.index(later) > kinds.index(earlier)


def test_rounding_gains_and_low_cuts_follow_their_shares():
    rounding = [of(Rounding, d) for d in drawn()]
    rounded = [one for one in rounding if one]
    assert len(rounded) / COUNT == share(DRAWING.rounded)
    assert np.mean([one.bits < 16 for one in rounded]) == share(DRAWING.coarse)
    assert {one.bits for one in rounded} == {16, *DRAWING.coarse_bits}
    assert np.mean([one.dither != "none" for one in rounded]) == share(DRAWING.dithered)
    assert len({one.seed for one in rounded}) == len(rounded)
    low_cuts = [of(LowCut, d).cutoff_hz for d in drawn() if of(LowCut, d)]
    assert 0 < len(low_cuts) / COUNT == share(DRAWING.low_cut)
    assert DRAWING.low_cuts_hz[0] <= min(low_cuts) < max(low_cuts) <= DRAWING.low_cuts_hz[1]
    gains_db = np.array([of(Gain, d).db for d in drawn()])
    assert DRAWING.gains_db[0] <= gains_db.min() < gains_db.max() <= DRAWING.gains_db[1]
    assert gains_db.mean() == pytest.approx(np.mean(DRAWING.gains_db), abs=0.4)


def test_every_kind_of_stage_is_drawn_and_comes_in_its_order():
    order = (Gain, LowCut, *(kind for kind in STAGES if kind not in (Gain, LowCut, Mix)))
    for degradation in drawn():
        kinds = [type(stage) for stage in degradation]
        assert kinds.count(Mix) == kinds.count(Gain) == 1
        kinds.remove(Mix)
        assert kinds == sorted(kinds, key=order.index)
    assert {type(stage) for degradation in drawn() for stage in degradation} == set(STAGES)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_a_mix_is_no_louder_than_its_channels(channels):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (channels, 64)).astype(np.float32)
    mixes = [of(Mix, draw(rng, 20000, channels)) for _ in range(60)]
    signals = [mix.apply(x, RATE) for mix in mixes]
    assert all(signal.shape == (1, 64) and signal.dtype == np.float32 for signal in signals)
    assert max(np.abs(signal).max() for signal in signals) <= np.abs(x).max() + 1e-6
    assert min(np.abs(signal).max() for signal in signals) > 0
    assert len(set(mixes)) > (0 if channels == 1 else 10)


def test_the_description_holds_every_field_and_changes_with_each(monkeypatch):
    before = description()
    assert json.loads(json.dumps(before)) == before
    for field in dataclasses.fields(DRAWING):
        assert field.name in before["drawing"]
        changed = dataclasses.replace(DRAWING, **{field.name: ()})
        monkeypatch.setattr("training.degradation.drawing.DRAWING", changed)
        assert description() != before
        monkeypatch.undo()


def test_codecs_that_are_not_installed_are_not_drawn_and_said_so(monkeypatch):
    monkeypatch.setattr("training.degradation.ffmpeg.found", lambda: None)
    assert description()["left_out"] == ["aac"]
    rng = np.random.default_rng(0)
    names = {codec.name for _ in range(100) if (codec := of(Codec, draw(rng, 20000, 2)))}
    assert "aac" not in names
    assert names


@pytest.mark.parametrize("highest_hz", [3499.0, 0.0, float("nan")])
def test_a_track_without_a_high_band_is_refused(highest_hz):
    with pytest.raises(ConfigError, match="3500"):
        draw(np.random.default_rng(0), highest_hz)
