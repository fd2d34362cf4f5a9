"""Restoring frame by frame."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, music, needed, rounded
from tfbwe.restoration.statistics import BANDS, EDGE_FRAMES, USED, band_power, features, moments
from tfbwe.restoration.stream import (
    FIRST_FRAMES,
    PAUSE_FRAMES,
    REMEMBERED_FRAMES,
    UPDATE_FRAMES,
    RestoringStream,
)
from tfbwe.stft import BIN_HZ, stft

SECONDS = 6.0


def frames(x):
    return stft(np.asarray(x, np.float32)).swapaxes(0, 1)[4:-4]


def one(read):
    """A network that raises all bands by a neper."""
    return np.ones(read.shape[:2], np.float32)


def true(read):
    """A network that knows the filter."""
    return needed()[None]


def known(spectrum):
    return moments(band_power(spectrum))[1]


class Recorder:
    """A network that keeps what it read."""

    def __init__(self, network=one):
        self.read = []
        self._network = network

    def __call__(self, read):
        self.read.append(read)
        return self._network(read)


WEAK = frames(rounded(gentle(music(SECONDS))))
WALLED = frames(rounded(brick_wall(music(SECONDS))))
WHOLE = frames(rounded(music(SECONDS)))
ABOVE = slice(int(8100 / BIN_HZ), int(8600 / BIN_HZ))


def raised(found):
    """Mean gain just above the cutoff, of each frame."""
    return found.gain[:, ABOVE].mean(axis=1)


def assert_nothing_restored(found):
    assert (found.gain == 1).all()
    assert (found.missing == 1).all()
    assert (found.reach_hz == CUTOFF_HZ).all()


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, len(WEAK)), max_size=8))
def test_what_is_restored_does_not_depend_on_how_the_frames_come(cuts):
    expected = RestoringStream(true).process(WEAK, CUTOFF_HZ)
    stream = RestoringStream(true)
    edges = [0, *sorted(cuts), len(WEAK)]
    parts = [stream.process(WEAK[a:b], CUTOFF_HZ) for a, b in pairwise(edges)]
    for name in ("gain", "missing", "reach_hz"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(expected, name))
    assert expected.gain.max() > 2


def test_it_begins_at_one_and_rises_to_what_the_network_says():
    found = RestoringStream(one).process(WEAK, CUTOFF_HZ)
    assert found.gain.shape == found.missing.shape == (len(WEAK), WEAK.shape[-1])
    assert (found.gain[: FIRST_FRAMES - 1] == 1).all()
    assert (found.missing[: FIRST_FRAMES - 1] == 1).all()
    later = raised(found)[FIRST_FRAMES + 2 * UPDATE_FRAMES :]
    assert 0.7 * np.e < np.median(later) <= np.e
    assert (found.gain >= 1).all()
    assert (found.gain[:, : int(5500 / BIN_HZ)] == 1).all()  # below the crossover
    assert (found.gain[:, USED:] == 1).all()


def test_what_is_missing_is_what_the_noise_took():
    found = RestoringStream(true, known(WEAK)).process(WEAK, CUTOFF_HZ)
    assert (found.missing >= 0).all()
    assert (found.missing <= 1).all()
    assert np.median(found.missing[:, ABOVE]) < 0.05
    far = slice(int(15000 / BIN_HZ), None)
    assert (found.missing[:, far] == 1).all()
    assert (found.gain[:, far] == 1).all()


def test_the_reach_lies_above_the_cutoff_while_something_is_restored():
    found = RestoringStream(true).process(WEAK, CUTOFF_HZ)
    assert (found.reach_hz[:FIRST_FRAMES] == CUTOFF_HZ).all()
    assert (found.reach_hz[FIRST_FRAMES + 2 * UPDATE_FRAMES :] > CUTOFF_HZ + 500).all()
    assert found.reach_hz.max() < 2 * CUTOFF_HZ
    assert (found.reach_hz[found.gain.max(axis=1) == 1] == CUTOFF_HZ).all()


@pytest.mark.parametrize("network", [one, true])
def test_after_a_brick_wall_nothing_is_restored(network):
    assert_nothing_restored(RestoringStream(network).process(WALLED, CUTOFF_HZ))
    assert_nothing_restored(RestoringStream(network, known(WALLED)).process(WALLED, CUTOFF_HZ))


def test_without_a_cutoff_nothing_is_restored():
    found = RestoringStream(one, known(WEAK)).process(WEAK, 0.0)
    assert (found.gain == 1).all()
    assert (found.missing == 1).all()


def test_what_was_measured_beforehand_holds_from_the_first_frame_on():
    found = RestoringStream(one, known(WEAK)).process(WEAK, CUTOFF_HZ)
    assert raised(found)[4:FIRST_FRAMES].max() > 0.9 * np.e
    assert (found.reach_hz > CUTOFF_HZ).all()


def test_what_was_measured_beforehand_stays_for_good():
    """Whatever comes: other music, a pause, losses."""
    network = Recorder()
    rows = known(WEAK)
    kept = rows.copy()
    stream = RestoringStream(network, rows)
    for spectrum in (WEAK, np.zeros_like(WALLED), WHOLE, WALLED):
        stream.process(spectrum, CUTOFF_HZ)
    stream.process(WALLED, CUTOFF_HZ, [700] * len(WALLED))
    expected = features(kept[None], np.array([[CUTOFF_HZ]], np.float32))
    for read in network.read:
        np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(rows, kept)


def test_the_gain_is_the_same_for_all_channels_and_does_not_mind_their_order():
    pair = np.concatenate([WEAK, 0.3j * WEAK], axis=1)
    found, turned = (RestoringStream(true).process(x, CUTOFF_HZ) for x in (pair, pair[:, ::-1]))
    np.testing.assert_allclose(found.gain, turned.gain, rtol=1e-4)


def test_after_a_pause_the_next_piece_is_measured_anew():
    network = Recorder()
    stream = RestoringStream(network)
    stream.process(WEAK, CUTOFF_HZ)
    silence = np.zeros((PAUSE_FRAMES + 20, *WEAK.shape[1:]), np.complex64)
    assert (stream.process(silence, CUTOFF_HZ).gain[2:] == 1).all()  # the first two look back
    found = stream.process(WALLED, CUTOFF_HZ)
    assert (found.gain[2 * UPDATE_FRAMES :] == 1).all()
    inner = WALLED[EDGE_FRAMES:]
    expected = features(known(inner)[None], np.array([[CUTOFF_HZ]], np.float32))
    np.testing.assert_allclose(network.read[-1][0, :60], expected[0, :60], atol=0.1)


def test_a_short_rest_in_a_piece_is_no_pause():
    stream = RestoringStream(one)
    stream.process(WEAK, CUTOFF_HZ)
    stream.process(np.zeros((PAUSE_FRAMES - EDGE_FRAMES, *WEAK.shape[1:]), np.complex64), CUTOFF_HZ)
    assert raised(stream.process(WEAK, CUTOFF_HZ))[8:FIRST_FRAMES].max() > 0.9 * np.e


def test_after_a_pause_nothing_is_left_of_what_the_last_piece_needed():
    stream = RestoringStream(true)
    stream.process(WEAK, CUTOFF_HZ)
    stream.process(np.zeros((2 * PAUSE_FRAMES, *WEAK.shape[1:]), np.complex64), CUTOFF_HZ)
    assert (stream.process(WHOLE, CUTOFF_HZ).gain[: FIRST_FRAMES // 2] == 1).all()


def sudden(pieces):
    """What is restored of music that is whole, after so many pieces of weak music, and what was read."""
    network = Recorder(true)
    stream = RestoringStream(network)
    for _ in range(pieces):
        before = stream.process(WEAK, CUTOFF_HZ)
    assert before.gain.max() > 10
    return stream.process(WHOLE, CUTOFF_HZ), network.read


def assert_measured_anew(found, read):
    assert (found.gain[UPDATE_FRAMES : UPDATE_FRAMES + FIRST_FRAMES // 2] == 1).all()
    expected = features(known(WHOLE)[None], np.array([[CUTOFF_HZ]], np.float32))
    np.testing.assert_allclose(read[-1][0, :, :3], expected[0, :, :3], atol=0.1)


def test_another_piece_of_music_that_begins_all_at_once_is_measured_anew():
    """Weak music, and then one that is whole: what the first needs would make it far too loud."""
    assert_measured_anew(*sudden(REMEMBERED_FRAMES // len(WEAK) + 1))


def test_another_piece_of_music_is_measured_anew_after_a_few_seconds_too():
    assert_measured_anew(*sudden(1))


def test_music_that_merely_becomes_louder_is_not_another_piece():
    stream = RestoringStream(true)
    stream.process(0.3 * WEAK, CUTOFF_HZ)
    found = stream.process(WEAK, CUTOFF_HZ)
    assert np.median(raised(found)[4:FIRST_FRAMES]) > 1.2


def test_without_a_pause_the_last_piece_is_forgotten_in_time():
    stream = RestoringStream(one)
    stream.process(WEAK, CUTOFF_HZ)
    for _ in range(40):
        found = stream.process(WALLED, CUTOFF_HZ)
        if (found.gain == 1).all():
            return
    pytest.fail("still restores after 4 minutes")


def test_no_more_than_the_last_half_minute_is_remembered():
    stream = RestoringStream(one)
    for _ in range(8):
        stream.process(WEAK, CUTOFF_HZ)
    assert stream._count == REMEMBERED_FRAMES


def test_lost_frames_say_nothing_of_the_music():
    kept, silent = Recorder(), Recorder()
    noise = (np.random.default_rng(5).standard_normal((20, *WEAK.shape[1:])) + 0j).astype(np.complex64)
    for network, between, lost in ((kept, noise, [512] * 20), (silent, 0 * noise, ())):
        stream = RestoringStream(network)
        stream.process(WEAK[:200], CUTOFF_HZ)
        stream.process(between, CUTOFF_HZ, lost)
        stream.process(WEAK[200:], CUTOFF_HZ, [0] * len(WEAK[200:]) if lost else ())
    np.testing.assert_array_equal(kept.read, silent.read)


def test_the_click_of_music_that_is_cut_in_is_not_measured():
    x = rounded(gentle(music(SECONDS)))
    x[:, :44100] = 0
    x[:, 44100:] += 0.3  # so that the cut is loud
    cut_in = frames(x)
    network = Recorder()
    RestoringStream(network).process(cut_in, CUTOFF_HZ)
    inner = cut_in[100 : 24 * (len(cut_in) // 24)]
    expected = features(known(inner)[None], np.array([[CUTOFF_HZ]], np.float32))
    high = slice(110, None)  # where the click would be louder than all else
    np.testing.assert_allclose(network.read[-1][0, high, 0], expected[0, high, 0], atol=0.05)


def test_a_click_is_not_raised():
    x = rounded(gentle(music(SECONDS)))
    middle = x.shape[1] // 2
    x[:, middle] += 8
    clicked = frames(x)
    power = (np.abs(clicked[:, 0, ABOVE]) ** 2).mean(axis=1)
    clicks = power > 1e4 * np.median(power)
    assert 1 <= clicks.sum() <= 4
    gain = raised(RestoringStream(one).process(clicked, CUTOFF_HZ))
    assert gain[clicks].max() < 1.2
    assert np.median(gain[FIRST_FRAMES + 2 * UPDATE_FRAMES :]) > 0.7 * np.e


def test_a_reset_stream_is_as_new():
    stream = RestoringStream(one)
    first = stream.process(WEAK, CUTOFF_HZ)
    stream.reset()
    again = stream.process(WEAK, CUTOFF_HZ)
    for name in ("gain", "missing", "reach_hz"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name))


@pytest.mark.parametrize("level", [0.0, 1e-20, 1e15])
def test_any_level_gives_finite_gains(level):
    found = RestoringStream(one).process((level * WEAK[:150]).astype(np.complex64), CUTOFF_HZ)
    assert np.isfinite(found.gain).all()
    assert (found.gain >= 1).all()
    assert np.isfinite(found.missing).all()
    assert np.isfinite(found.reach_hz).all()


def test_bands_are_all_there():
    assert USED == 6 * BANDS
