"""Long-term statistics of a spectrum in bands."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, measured, music, spectrum
from tfbwe.restoration.statistics import (
    BANDS,
    CENTRES_HZ,
    EDGE_FRAMES,
    LEAKAGE,
    ROUNDING_POWER,
    LongTerm,
    band_power,
    features,
    moments,
)
from tfbwe.stft import HOP_LENGTH, N_FFT, analyse


def white(seconds=8.0, level=0.1, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((channels, round(44100 * seconds)))).astype(np.float32)


def test_bands_reach_20_khz():
    assert len(CENTRES_HZ) == BANDS
    assert CENTRES_HZ[-1] == pytest.approx(20000, rel=0.01)


@pytest.mark.parametrize("channels", [1, 2])
def test_white_noise_has_one_power_in_all_bands_and_a_known_spread(channels):
    count, rows = moments(band_power(spectrum(white(channels=channels))))
    assert count > 600
    mean, log, root, square = rows[:, 1:]
    np.testing.assert_allclose(mean, 0.01 * 1024, rtol=0.15)
    spread = np.sqrt(square - log * log)
    np.testing.assert_allclose(spread.mean(), 0.5 / np.sqrt(channels), rtol=0.05)
    assert (log <= np.log(mean)).all()
    assert (root**2 <= mean).all()


def test_rounding_to_16_bits_leaves_the_power_that_is_stated():
    x = white(level=0.3)
    error = np.rint(x * 32768) / 32768 - x
    power = band_power(spectrum(error))
    assert power[:, 1:].mean() == pytest.approx(ROUNDING_POWER, rel=0.03)


def test_silence_tells_nothing():
    count, rows = moments(band_power(spectrum(np.zeros((1, 44100)))))
    assert (count, rows.any()) == (0, False)
    sound = white(2.0)
    half = np.concatenate([sound, np.zeros((1, 88200), np.float32)], axis=1)
    expected, received = (measured(x) for x in (sound, half))
    np.testing.assert_allclose(received[1], expected[1], atol=0.2)


def test_the_window_leaks_as_much_as_is_stated():
    x = white(level=1.0)
    whole = np.fft.rfft(x)
    whole[:, np.fft.rfftfreq(x.shape[1], 1 / 44100) > CENTRES_HZ[60]] = 0
    mean = measured(np.fft.irfft(whole, x.shape[1]))[0]
    leaked = LEAKAGE @ np.where(np.arange(BANDS) < 60, mean, 0)
    for distance in (3, 6, 12):
        level_db = 10 * np.log10(leaked[60 + distance] / mean[60 + distance])
        assert abs(level_db) < 2.5


@given(
    power=st.lists(st.floats(0, 2.0**99, width=32), min_size=BANDS, max_size=BANDS),
    cutoff_hz=st.sampled_from([0.0, 1.0, 8000.0, 22050.0]),
)
def test_features_are_finite_for_any_power(power, cutoff_hz):
    rows = moments(np.array([power, power], np.float32))[1]
    read = features(rows[None], np.array([[cutoff_hz]], np.float32))
    assert read.shape == (1, BANDS, 6)
    assert np.isfinite(read).all()


def test_louder_music_moves_the_levels_alone():
    rows = measured(white())
    louder = measured(2 * white())
    cutoff_hz = np.array([[8000.0]], np.float32)
    difference = features(louder[None], cutoff_hz) - features(rows[None], cutoff_hz)
    np.testing.assert_allclose(difference[0, :, :3], 2 * np.log(2) / 5, atol=1e-4)
    np.testing.assert_allclose(difference[0, :, 3:], 0, atol=1e-3)


# All the music there is.


def long_term(*pieces, cuts=()):
    """What is known after pieces, each cut into blocks at some places."""
    found = LongTerm()
    for x in pieces:
        for start, stop in pairwise([0, *sorted(cut for cut in cuts if cut < x.shape[1]), x.shape[1]]):
            found.update(x[:, start:stop])
        found.end()
    return found


def inner(x):
    """Power of all frames but those at the edges."""
    windows = np.lib.stride_tricks.sliding_window_view(x, N_FFT, axis=1)[:, ::HOP_LENGTH]
    return band_power(analyse(np.ascontiguousarray(windows.swapaxes(0, 1))))[EDGE_FRAMES:-EDGE_FRAMES]


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 88200) | st.sampled_from([1, 512, 2047, 2048, 2049, 40000]), max_size=9))
def test_however_the_music_is_cut_into_blocks_the_same_is_known(cuts):
    x = white(2.0, channels=2)
    expected, found = long_term(x), long_term(x, cuts=cuts)
    assert found.count == expected.count
    np.testing.assert_allclose(found.moments, expected.moments, rtol=1e-5)
    assert found.moments.shape == (4, BANDS)
    assert found.moments.dtype == np.float32


def test_what_is_known_of_a_piece_is_that_of_its_frames_without_the_edges():
    x = np.asarray(music(2.0), np.float32)
    count, rows = moments(inner(x))
    found = long_term(x)
    assert found.count == count > 100
    np.testing.assert_allclose(found.moments, rows, rtol=1e-4)


def test_pieces_count_by_their_length():
    pieces = [white(2.0), white(1.0, level=0.3, seed=1)]
    whole = moments(np.concatenate([inner(x) for x in pieces]))
    found = long_term(*pieces)
    assert found.count == whole[0]
    np.testing.assert_allclose(found.moments, whole[1], rtol=1e-4)


def test_the_click_of_a_piece_that_is_cut_out_of_music_is_not_known():
    x = np.asarray(brick_wall(music(6.0)) + 0.3, np.float32)  # an offset, so that the cuts are loud
    padded = np.pad(x, ((0, 0), (3 * N_FFT, 3 * N_FFT)))
    above = CENTRES_HZ > CUTOFF_HZ + 1000
    clean, clicked = measured(x)[0, above].max(), moments(inner(padded))[1][0, above].max()
    assert clicked > 100 * clean
    assert long_term(x[:, 30000:200000]).moments[0, above].max() < 2 * clean


def test_a_click_at_the_border_of_silence_within_a_piece_is_not_known():
    x = np.asarray(brick_wall(music(6.0)) + 0.3, np.float32)
    silence = np.zeros((1, 30000), np.float32)
    above = CENTRES_HZ > CUTOFF_HZ + 1000
    clean = measured(x)[0, above].max()
    whole = np.concatenate([silence, x, silence, x, silence], axis=1)
    assert long_term(whole).moments[0, above].max() < 2 * clean


@pytest.mark.parametrize("samples", [0, 1, N_FFT - 1, N_FFT, N_FFT + 7 * HOP_LENGTH])
def test_of_silence_and_of_a_piece_that_is_all_edge_nothing_is_known(samples):
    for x in (white()[:, :samples], np.zeros((2, 44100), np.float32)):
        found = long_term(x)
        assert found.count == 0
        assert found.moments is None
    assert long_term().moments is None


def test_nothing_of_a_piece_runs_into_the_next():
    x = white(1.0)
    alone, after = long_term(x), long_term(white(seed=3)[:, :1500], x)
    np.testing.assert_array_equal(after.moments, alone.moments)
