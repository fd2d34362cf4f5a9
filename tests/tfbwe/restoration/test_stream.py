"""Restoring frame by frame."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, music, rounded
from tfbwe.restoration.statistics import BANDS, USED, band_power, features, moments
from tfbwe.restoration.stream import FIRST_FRAMES, UPDATE_FRAMES, RestoringStream
from tfbwe.stft import BIN_HZ, stft

SECONDS = 6.0


def frames(x):
    return stft(np.asarray(x, np.float32)).swapaxes(0, 1)[4:-4]


def one(read):
    """A network that raises all bands by a neper."""
    return np.ones(read.shape[:2], np.float32)


WEAK = frames(rounded(gentle(music(SECONDS))))
WALLED = frames(rounded(brick_wall(music(SECONDS))))
ABOVE = slice(int(8100 / BIN_HZ), int(8600 / BIN_HZ))


def raised(gain):
    """Mean gain just above the cutoff, of each frame."""
    return gain[:, ABOVE].mean(axis=1)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, len(WEAK)), max_size=8))
def test_the_gain_does_not_depend_on_how_the_frames_come(cuts):
    expected = RestoringStream(one).process(WEAK, CUTOFF_HZ, True)
    stream = RestoringStream(one)
    edges = [0, *sorted(cuts), len(WEAK)]
    parts = [stream.process(WEAK[a:b], CUTOFF_HZ, True) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_it_begins_at_one_and_rises_to_what_the_network_says():
    gain = RestoringStream(one).process(WEAK, CUTOFF_HZ, True)
    assert gain.shape == (len(WEAK), USED)
    assert (gain[: FIRST_FRAMES - 1] == 1).all()
    later = raised(gain)[FIRST_FRAMES + 2 * UPDATE_FRAMES :]
    assert 0.7 * np.e < np.median(later) <= np.e
    assert (gain >= 1).all()
    assert (gain[:, : int(5500 / BIN_HZ)] == 1).all()  # below the crossover


def test_after_a_brick_wall_it_is_one_everywhere():
    assert (RestoringStream(one).process(WALLED, CUTOFF_HZ, True) == 1).all()
    known = moments(band_power(WALLED))
    assert (RestoringStream(one, known).process(WALLED, CUTOFF_HZ, True) == 1).all()


def test_what_was_measured_beforehand_holds_from_the_first_frame_on():
    gain = RestoringStream(one, moments(band_power(WEAK))).process(WEAK, CUTOFF_HZ, True)
    assert raised(gain)[4:FIRST_FRAMES].max() > 0.9 * np.e


def test_after_a_pause_the_next_piece_is_measured_anew():
    stream = RestoringStream(one)
    stream.process(WEAK, CUTOFF_HZ, True)
    silence = np.zeros((60, *WEAK.shape[1:]), np.complex64)
    assert (stream.process(silence, CUTOFF_HZ, True)[2:] == 1).all()  # the first two look back
    gain = stream.process(WALLED, CUTOFF_HZ, True)
    assert (gain[2 * UPDATE_FRAMES :] == 1).all()


def test_without_a_pause_the_last_piece_is_forgotten_in_time():
    stream = RestoringStream(one)
    stream.process(WEAK, CUTOFF_HZ, True)
    for _ in range(40):
        gain = stream.process(WALLED, CUTOFF_HZ, True)
        if (gain == 1).all():
            return
    pytest.fail("still restores after 4 minutes")


def test_the_click_of_music_that_is_cut_in_is_not_measured():
    x = rounded(gentle(music(SECONDS)))
    x[:, :44100] = 0
    x[:, 44100:] += 0.3  # so that the cut is loud
    cut_in = frames(x)
    read = []
    RestoringStream(lambda features: read.append(features) or one(features)).process(cut_in, CUTOFF_HZ, True)
    inner = cut_in[100 : 24 * (len(cut_in) // 24)]
    expected = features(moments(band_power(inner))[1][None], np.array([[CUTOFF_HZ]], np.float32))
    high = slice(110, None)  # where the click would be louder than all else
    np.testing.assert_allclose(read[-1][0, high, 0], expected[0, high, 0], atol=0.05)


def test_a_click_is_not_raised():
    x = rounded(gentle(music(SECONDS)))
    middle = x.shape[1] // 2
    x[:, middle] += 8
    clicked = frames(x)
    power = (np.abs(clicked[:, 0, ABOVE]) ** 2).mean(axis=1)
    clicks = power > 1e4 * np.median(power)
    assert 1 <= clicks.sum() <= 4
    gain = raised(RestoringStream(one).process(clicked, CUTOFF_HZ, True))
    assert gain[clicks].max() < 1.2
    assert np.median(gain[FIRST_FRAMES + 2 * UPDATE_FRAMES :]) > 0.7 * np.e


def test_a_reset_stream_is_as_new():
    stream = RestoringStream(one)
    first = stream.process(WEAK, CUTOFF_HZ, True)
    stream.reset()
    np.testing.assert_array_equal(stream.process(WEAK, CUTOFF_HZ, True), first)


@pytest.mark.parametrize("level", [0.0, 1e-20, 1e15])
def test_any_level_gives_finite_gains(level):
    gain = RestoringStream(one).process((level * WEAK[:150]).astype(np.complex64), CUTOFF_HZ, False)
    assert np.isfinite(gain).all()
    assert (gain >= 1).all()


def test_bands_are_all_there():
    assert USED == 6 * BANDS
