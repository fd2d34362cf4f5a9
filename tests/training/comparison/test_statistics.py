"""Intervals and paired differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.comparison.statistics import difference, estimate, interval

VALUES = st.lists(st.floats(-100, 100), min_size=1, max_size=40)


@given(VALUES)
def test_intervals_lie_in_order_within_the_values(values):
    found = estimate(values)
    for low, high in (found.mean_interval, found.median_interval):
        assert min(values) - 1e-9 <= low <= high <= max(values) + 1e-9


@given(VALUES, st.floats(-50, 50))
def test_a_constant_moves_an_estimate_and_leaves_its_width(values, shift):
    before, after = estimate(values), estimate([value + shift for value in values])
    assert after.mean == pytest.approx(before.mean + shift, abs=1e-6)
    assert np.ptp(after.mean_interval) == pytest.approx(np.ptp(before.mean_interval), abs=1e-6)
    assert after.median == pytest.approx(before.median + shift, abs=1e-6)


def test_intervals_hold_the_mean_and_narrow_with_more_tracks():
    rng = np.random.default_rng(1)
    few, many = rng.normal(3, 1, 10), rng.normal(3, 1, 1000)
    for values in (few, many):
        low, high = interval(values)
        assert low < values.mean() < high
    assert np.ptp(interval(many)) < np.ptp(interval(few)) / 3


def test_the_interval_of_a_mean_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(2)
    held = [low < 0 < high for low, high in (interval(rng.standard_normal(28)) for _ in range(200))]
    assert 0.88 < np.mean(held) < 0.99


def test_paired_differences_see_what_the_spread_of_tracks_hides():
    rng = np.random.default_rng(3)
    theirs = {f"{i}": float(v) for i, v in enumerate(rng.normal(20, 10, 28))}
    ours = {track: value + 0.5 + 0.1 * rng.standard_normal() for track, value in theirs.items()}
    found = difference(ours, theirs)
    assert found.shows_a_difference
    assert found.mean == pytest.approx(0.5, abs=0.1)
    apart = estimate(ours.values()).mean_interval
    assert apart[0] < estimate(theirs.values()).mean < apart[1]


def test_tracks_without_a_value_in_both_do_not_count():
    assert difference({"a": 1.0, "b": None, "c": 3.0}, {"a": 0.5, "b": 1.0}).tracks == 1
    assert difference({"a": 1.0}, {}) is None
    assert estimate([None]) is None


def test_a_difference_that_is_nought_shows_none():
    assert not estimate([0.0, 0.0]).shows_a_difference
    assert not estimate([-1.0, 1.0, -1.0, 1.0]).shows_a_difference


def test_a_handful_of_tracks_shows_no_difference():
    few, enough = (estimate([0.3] * count) for count in (4, 5))
    assert not few.shows_a_difference
    assert enough.shows_a_difference
