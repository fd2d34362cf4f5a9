"""Where there is something to restore, and how far."""

import numpy as np
import pytest

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, measured, music, rounded, spectrum
from tfbwe.restoration.gain import (
    CLEAR,
    GATE,
    GATE_RUNNING,
    LEAST_BANDS,
    WALL,
    at_bins,
    gated,
    noise_floor,
    smoothed,
    wiener,
)
from tfbwe.restoration.statistics import BAND_BINS, BANDS, CENTRES_HZ, ROUNDING_POWER, USED

ONE = np.full(BANDS, 1.0, np.float32)


def test_the_floor_of_rounded_music_is_that_of_the_rounding():
    floor = noise_floor(measured(rounded(brick_wall(music()))))
    assert abs(10 * np.log10(floor / ROUNDING_POWER)) < 2


def test_the_floor_lies_below_music_that_has_none():
    rows = measured(music())
    assert noise_floor(rows) < 0.3 * rows[0].min()


def test_after_a_brick_wall_nothing_is_restored_rounded_or_not():
    for x in (brick_wall(music()), rounded(brick_wall(music()))):
        rows = measured(x)
        curve, reach_hz = gated(ONE, rows, CUTOFF_HZ, noise_floor(rows))
        assert not curve.any()
        assert reach_hz == CUTOFF_HZ


def test_a_weak_rest_is_restored_up_to_where_the_noise_begins():
    rows = measured(rounded(gentle(music())))
    curve, reach_hz = gated(ONE, rows, CUTOFF_HZ, noise_floor(rows))
    reached_hz = CENTRES_HZ[np.flatnonzero(curve)[-1]]
    assert 1.1 * CUTOFF_HZ < reached_hz < 2 * CUTOFF_HZ
    assert (curve[reached_hz >= CENTRES_HZ] == 1).all()
    assert CUTOFF_HZ < reach_hz <= reached_hz + 100  # read is what stands clear, not all that is raised
    assert curve.dtype == np.float32


@pytest.fixture
def tight(monkeypatch):
    """Let the window leak nothing."""
    monkeypatch.setattr("tfbwe.restoration.gain.LEAKAGE", np.zeros((BANDS, BANDS), np.float32))


def levels(above):
    """Moments of which only the mean counts: loud below the cutoff, floor 1, and so many powers above."""
    first = int(np.argmax(CENTRES_HZ > CUTOFF_HZ))
    mean = np.where(np.arange(BANDS) < first, 1e3, 1.0)
    mean[first : first + len(above)] = above
    return first, np.stack([mean, mean, np.sqrt(mean), mean]).astype(np.float32)


@pytest.mark.parametrize("bands", [1, LEAST_BANDS - 1, LEAST_BANDS, 30])
def test_a_rest_of_a_few_bands_is_the_leakage_of_a_window(bands, tight):
    _, rows = levels([10 * GATE] * bands)
    curve, reach_hz = gated(ONE, rows, CUTOFF_HZ, 1.0)
    assert curve.any() == (bands >= LEAST_BANDS)
    assert (reach_hz > CUTOFF_HZ) == (bands >= LEAST_BANDS)


def test_statistics_that_run_along_must_be_surer(tight):
    _, rows = levels([0.5 * (GATE + GATE_RUNNING)] * 30)
    assert gated(ONE, rows, CUTOFF_HZ, 1.0, GATE)[0].any()
    assert not gated(ONE, rows, CUTOFF_HZ, 1.0, GATE_RUNNING)[0].any()


@pytest.mark.parametrize("bands", [1, LEAST_BANDS - 1, LEAST_BANDS, 2 * LEAST_BANDS])
def test_what_lies_behind_a_wall_is_not_restored(bands, tight):
    """A wall falls by more than 40 dB within the bands next to the cutoff; a filter takes more of them."""
    first, rows = levels([10 * GATE] * 30)
    fall = np.where(np.arange(BANDS) < first + bands, 1, 1.1 * WALL).astype(np.float32)
    curve, reach_hz = gated(fall, rows, CUTOFF_HZ, 1.0)
    assert curve.any() == (bands >= LEAST_BANDS)
    assert (reach_hz > CUTOFF_HZ) == (bands >= LEAST_BANDS)


@pytest.mark.parametrize(
    ("cutoff_hz", "within_hz", "is_cliff"),
    [(8000.0, 600, True), (16000.0, 600, True), (3500.0, 600, False), (12000.0, 1200, False)],
)
def test_a_fall_within_a_sixth_of_an_octave_and_1_khz_is_a_wall(cutoff_hz, within_hz, is_cliff, tight):
    """A fall of 25 dB in 0.6 kHz is that of a codec at 8 kHz, of a filter at 3.5 kHz."""
    rows = np.full((4, BANDS), 100.0, np.float32)
    fall = np.where(cutoff_hz + within_hz < CENTRES_HZ, 2.9, 0.5).astype(np.float32)
    assert gated(fall, rows, cutoff_hz, 1.0)[0].any() != is_cliff


def test_what_rises_again_above_the_rest_is_something_else(tight):
    first, rows = levels([10 * GATE] * 10 + [1.0] * 3 + [10 * GATE] * 20)
    curve, reach_hz = gated(ONE, rows, CUTOFF_HZ, 1.0)
    assert not curve[first + 10 :].any()
    assert (curve[: first + 10] == 1).all()
    assert reach_hz == pytest.approx(CENTRES_HZ[first + 10], abs=BAND_BINS * 22)


def test_the_reach_ends_where_the_rest_no_longer_stands_clear(tight):
    first, rows = levels([2 * CLEAR] * 6 + [0.5 * (GATE + CLEAR)] * 6)
    curve, reach_hz = gated(ONE, rows, CUTOFF_HZ, 1.0)
    assert curve[first + 11] == 1
    assert CENTRES_HZ[first + 5] < reach_hz < CENTRES_HZ[first + 6]
    first, rows = levels([0.5 * (GATE + CLEAR)] * LEAST_BANDS)
    curve, reach_hz = gated(ONE, rows, CUTOFF_HZ, 1.0)
    assert curve[first] == 1
    assert CUTOFF_HZ <= reach_hz < CENTRES_HZ[first]


def test_a_network_that_lowers_is_not_followed(tight):
    _, rows = levels([10 * GATE] * 30)
    some = np.linspace(-1, 1, BANDS).astype(np.float32)
    curve, _ = gated(some, rows, CUTOFF_HZ, 1.0)
    assert (curve >= 0).all()
    assert (curve <= np.maximum(some, 0)).all()


def test_what_needs_no_gain_gets_none_below_the_cutoff_too():
    rows = measured(rounded(gentle(music())))
    for share in (0.01, -1):
        curve, reach_hz = gated(share * ONE, rows, CUTOFF_HZ, noise_floor(rows))
        assert not curve.any()
        assert reach_hz == CUTOFF_HZ


@pytest.mark.parametrize("cutoff_hz", [0.0, 19990.0, 22050.0])
def test_any_cutoff_is_taken(cutoff_hz):
    rows = measured(gentle(music()))
    curve, reach_hz = gated(ONE, rows, cutoff_hz, noise_floor(rows))
    assert curve.shape == (BANDS,)
    assert cutoff_hz <= reach_hz < 22100


def test_weights_lie_between_0_and_1_and_noise_gets_hardly_any():
    noise = np.random.default_rng(1).standard_normal((1, 88200))
    power = np.abs(spectrum(noise)[:, 0, :USED]) ** 2
    floor = np.full((len(power) - 2, 1), 1024.0, np.float32)
    weight = wiener(smoothed(power), floor)
    assert (weight >= 0).all()
    assert weight.mean() < 0.02
    assert wiener(smoothed(1e4 * power), floor).mean() > 0.99


def test_silence_gets_no_weight():
    assert not wiener(smoothed(np.zeros((4, USED), np.float32)), np.full((2, 1), 1e-9, np.float32)).any()


def test_smoothing_looks_back_alone():
    power = np.random.default_rng(2).random((20, 30)).astype(np.float32)
    later = power.copy()
    later[10:] = 5
    np.testing.assert_array_equal(smoothed(later)[:8], smoothed(power)[:8])
    assert (smoothed(later)[8] != smoothed(power)[8]).any()
    assert smoothed(power).shape == (18, 30)
    np.testing.assert_allclose(smoothed(np.ones((4, 9), np.float32)), 1, rtol=1e-6)


def test_curves_pass_through_the_centres_of_bands():
    curves = np.random.default_rng(3).random((2, BANDS)).astype(np.float32)
    bins = at_bins(curves)
    assert bins.shape == (2, BANDS * BAND_BINS)
    middle = 0.5 * (bins[:, 2::6] + bins[:, 3::6])
    np.testing.assert_allclose(middle, curves, atol=0.1)
    np.testing.assert_allclose(at_bins(np.ones((3, BANDS), np.float32)), 1, rtol=1e-6)
