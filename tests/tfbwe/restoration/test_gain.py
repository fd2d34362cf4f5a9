"""Where there is something to restore, and how far."""

import numpy as np
import pytest

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, measured, music, rounded, spectrum
from tfbwe.restoration.gain import at_bins, gated, noise_floor, smoothed, wiener
from tfbwe.restoration.statistics import BANDS, CENTRES_HZ, ROUNDING_POWER

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
        assert not gated(ONE, rows, CUTOFF_HZ, max(noise_floor(rows), ROUNDING_POWER)).any()


def test_a_weak_rest_is_restored_up_to_where_the_noise_begins():
    rows = measured(rounded(gentle(music())))
    curve = gated(ONE, rows, CUTOFF_HZ, noise_floor(rows))
    reached_hz = CENTRES_HZ[np.flatnonzero(curve)[-1]]
    assert 1.1 * CUTOFF_HZ < reached_hz < 2 * CUTOFF_HZ
    assert (curve[reached_hz >= CENTRES_HZ] == 1).all()


def test_what_needs_no_gain_gets_none_below_the_cutoff_too():
    rows = measured(rounded(gentle(music())))
    assert not gated(0.01 * ONE, rows, CUTOFF_HZ, noise_floor(rows)).any()
    assert not gated(-ONE, rows, CUTOFF_HZ, noise_floor(rows)).any()


@pytest.mark.parametrize("cutoff_hz", [0.0, 19990.0, 22050.0])
def test_any_cutoff_is_taken(cutoff_hz):
    rows = measured(gentle(music()))
    assert gated(ONE, rows, cutoff_hz, noise_floor(rows)).shape == (BANDS,)


def test_weights_lie_between_0_and_1_and_noise_gets_hardly_any():
    noise = np.random.default_rng(1).standard_normal((1, 88200))
    power = np.abs(spectrum(noise)[:, 0]) ** 2
    weight = wiener(smoothed(power), 1024.0)
    assert (weight >= 0).all()
    assert weight.mean() < 0.02
    assert (wiener(smoothed(1e4 * power), 1024.0).mean()) > 0.99


def test_silence_gets_no_weight():
    assert not wiener(smoothed(np.zeros((4, 9), np.float32)), 1e-9).any()


def test_smoothing_looks_back_alone():
    power = np.random.default_rng(2).random((20, 30)).astype(np.float32)
    later = power.copy()
    later[10:] = 5
    np.testing.assert_array_equal(smoothed(later)[:10], smoothed(power)[:10])
    np.testing.assert_allclose(smoothed(np.ones((4, 9), np.float32)), 1, rtol=1e-6)


def test_curves_pass_through_the_centres_of_bands():
    curve = np.random.default_rng(3).random(BANDS).astype(np.float32)
    bins = at_bins(curve, BANDS * 6)
    middle = 0.5 * (bins[2::6] + bins[3::6])
    np.testing.assert_allclose(middle, curve, atol=0.1)
