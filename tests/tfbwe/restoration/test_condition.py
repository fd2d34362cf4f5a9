"""What a condition did to music, in numbers and in words."""

import numpy as np
import pytest

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, measured, music, needed, rounded
from tfbwe.restoration.condition import identify
from tfbwe.restoration.statistics import CENTRES_HZ


def known(read):
    return needed()[None]


def test_a_gentle_filter_is_told_by_where_it_falls_how_steeply_and_what_is_left():
    found = identify(measured(rounded(gentle(music()))), known, CUTOFF_HZ)
    assert 0.8 * CUTOFF_HZ < found.falls_from_hz < CUTOFF_HZ
    assert found.slope_db == pytest.approx(72, rel=0.35)  # order 6, forward and backward, bilinear
    assert CUTOFF_HZ < found.reach_hz < 2 * CUTOFF_HZ
    assert found.noise_db == pytest.approx(-101, abs=2)
    assert not found.gain_db[CENTRES_HZ < 0.7 * CUTOFF_HZ].any()
    for words in (
        f"falls from {found.falls_from_hz / 1000:.1f} kHz",
        "dB an octave",
        "weak band to",
        "noise floor 16-bit",
    ):
        assert words in str(found)


@pytest.mark.parametrize("level_db", [-60.0, -83.0])
def test_noise_is_measured_whatever_it_is(level_db):
    x = brick_wall(music())
    noise = 10 ** (level_db / 20) * np.random.default_rng(3).standard_normal(x.shape)
    found = identify(measured(x + noise), known, CUTOFF_HZ)
    assert found.noise_db == pytest.approx(level_db, abs=2)
    assert f"{found.noise_db:.0f} dB" in str(found) or "-bit" in str(found)


def test_after_a_brick_wall_nothing_weak_is_left():
    found = identify(measured(rounded(brick_wall(music()))), known, CUTOFF_HZ)
    assert found.falls_from_hz is found.slope_db is found.reach_hz is None
    assert not found.gain_db.any()
    assert str(found).startswith("nothing weak is left above the cutoff")


def test_where_every_band_is_music_no_floor_is_claimed():
    found = identify(measured(music()), known, CUTOFF_HZ)
    assert found.noise_db is None
    assert "no noise floor found" in str(found)
