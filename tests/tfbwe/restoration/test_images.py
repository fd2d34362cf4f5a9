"""Images of the band below: told from music, taken away, and never taken for what is none."""

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.paths import CLIP
from tests.helpers.restoring import brick_wall, gentle, measured, rounded, spectrum
from tfbwe.offline.received import measure
from tfbwe.restoration.condition import identify
from tfbwe.restoration.gain import noise_floor
from tfbwe.restoration.images import EDGES_HZ, REMOVED, lowest_edge_hz, undoing
from tfbwe.restoration.statistics import BANDS, CENTRES_HZ, EDGE_FRAMES
from tfbwe.restoration.stream import RestoringStream
from tfbwe.stft import BIN_HZ, SAMPLE_RATE


def clip():
    """Real music whose band reaches all the way up."""
    x, rate = soundfile.read(CLIP, always_2d=True)
    assert rate == SAMPLE_RATE
    return x.T[:, : 8 * SAMPLE_RATE]


def played(x, rate):
    """Music kept at a low rate, played at 44.1 kHz by drawing straight lines between its samples."""
    narrow = soxr.resample(x.T, SAMPLE_RATE, rate)
    places = np.arange(x.shape[1]) * rate / SAMPLE_RATE
    lines = np.stack([np.interp(places, np.arange(len(narrow)), one) for one in narrow.T])
    return rounded(lines)


def nothing(read):
    return np.zeros((1, BANDS), np.float32)


def found(x, cutoff_hz):
    rows = measured(x)
    there, _ = undoing(rows[1], noise_floor(rows), cutoff_hz)
    return bool(there)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050])
def test_images_are_found_about_half_of_the_rate_that_music_was_kept_at(rate):
    x = played(clip(), rate)
    assert found(x, rate / 2)
    assert found(x, 0.95 * rate / 2)  # The good resampler before rolls off a little below.
    assert measure([[x.astype(np.float32)]], SAMPLE_RATE).cutoff_hz == rate / 2


@pytest.mark.parametrize("cut", [lambda x: x, brick_wall, gentle])
def test_music_is_not_taken_for_images_of_itself(cut):
    rows = measured(rounded(cut(clip())))
    assert lowest_edge_hz(rows[1], noise_floor(rows)) is None


@given(st.floats(-8, 8))
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_how_loud_music_is(louder):
    rows = measured(played(clip(), 16000))
    floor = noise_floor(rows)
    there, curve = undoing(rows[1], floor, 8000.0)
    elsewhere, same = undoing(rows[1] + np.float32(louder), floor * np.exp(louder), 8000.0)
    assert there == elsewhere
    np.testing.assert_array_equal(curve, same)


def test_images_are_taken_away_and_the_edge_given_back_and_the_rest_stays():
    x = played(clip(), 16000)
    frames = spectrum(x)
    restored = RestoringStream(nothing, measured(x)).process(frames, 8000.0)
    gain = restored.gain[EDGE_FRAMES:]
    hertz = np.arange(gain.shape[1]) * BIN_HZ
    np.testing.assert_array_equal(gain[:, hertz < 5700], 1)
    np.testing.assert_allclose(gain[:, (hertz > 8200) & (hertz < 19900)], np.exp(REMOVED), rtol=1e-5)
    np.testing.assert_array_equal(restored.missing[:, hertz > 8200], 1)
    np.testing.assert_array_equal(restored.reach_hz, 8000)
    inside = (hertz > 7000) & (hertz < 7200)
    kept = np.sinc(7100 / 16000) ** 2
    assert np.median(gain[:, inside]) == pytest.approx(1 / kept, rel=0.2)


def test_it_is_told_in_words():
    condition = identify(measured(played(clip(), 16000)), nothing, 8000.0)
    assert "images of the band below from 8.1 kHz on, which are taken away" in str(condition)
    assert condition.gain_db[CENTRES_HZ > 8200].max() < -39


def test_every_edge_is_that_of_a_rate():
    assert (np.diff(EDGES_HZ) > 0).all()
    for edge_hz in EDGES_HZ:
        x = played(clip(), int(2 * edge_hz))
        rows = measured(x)
        _, curve = undoing(rows[1], noise_floor(rows), edge_hz)
        assert (curve[edge_hz < CENTRES_HZ] == np.float32(REMOVED)).all()
        assert (curve[edge_hz > CENTRES_HZ] >= 0).all()
