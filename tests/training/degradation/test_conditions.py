"""The channels of the comparison do what their entries say."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from tests.helpers.smoke import made_up_song
from tfbwe.band import HIGHEST_CUTOFF_HZ
from tfbwe.errors import ConfigError
from tfbwe.stft import SAMPLE_RATE, stft
from training.degradation import conditions
from training.degradation.conditions import CONDITIONS, send
from training.degradation.degrade import Codec, apply_codec, codec_round_trip
from training.degradation.filters import Lowpass

BY_NAME = {condition.name: condition for condition in CONDITIONS}
ALL = pytest.mark.parametrize("condition", CONDITIONS, ids=lambda c: c.name)


@pytest.fixture(scope="module")
def song():
    """Noise as loud up to 20 kHz as below, and notes: codecs keep what they may."""
    return made_up_song(0, seconds=3.0)


def level_db(x, low_hz, high_hz):
    bins = slice(int(low_hz / SAMPLE_RATE * 2048) + 1, int(high_hz / SAMPLE_RATE * 2048))
    return 10 * np.log10(np.square(np.abs(stft(x)[..., bins])).mean() + 1e-12)


@ALL
def test_a_channel_keeps_shape_type_and_place(condition, song):
    received, original, _ = send(condition, song, SAMPLE_RATE)
    assert received.shape == original.shape == song.shape
    assert received.dtype == np.float32
    np.testing.assert_array_equal(original, song)
    delays = np.arange(-50, 51)
    inside = original[0, 1000:-1000]
    match = [inside @ received[0, 1000 + d : received.shape[1] - 1000 + d] for d in delays]
    limit = 30 if condition.regime == conditions.TURNED_PHASE else 0
    assert abs(delays[int(np.argmax(match))]) <= limit


@ALL
def test_the_band_ends_where_every_system_is_told(condition, song):
    received, original, _ = send(condition, song, SAMPLE_RATE)
    cutoff_hz = condition.cutoff_hz
    below = level_db(received, 0.75 * cutoff_hz, 0.9 * cutoff_hz)
    assert abs(below - level_db(original, 0.75 * cutoff_hz, 0.9 * cutoff_hz)) < 6
    high = min(1.5 * cutoff_hz, 21500)
    if high > 1.1 * cutoff_hz:
        fall = level_db(original, 1.1 * cutoff_hz, high) - level_db(received, 1.1 * cutoff_hz, high)
        left = condition.regime in (conditions.RIGHT_PHASE, conditions.TURNED_PHASE)
        assert fall > (10 if left else 25)


@ALL
def test_a_regime_says_what_is_left(condition, song):
    assert condition.regime in conditions.REGIMES
    assert (condition.regime == conditions.WHOLE) == (condition.cutoff_hz > HIGHEST_CUTOFF_HZ)
    _, _, rate_kbps = send(condition, song, SAMPLE_RATE)
    assert (rate_kbps is not None) == isinstance(condition.degradation, Codec)


@pytest.mark.parametrize("rate_kbps", [64, 96, 128])
def test_mp3_has_the_rate_of_its_name(song, rate_kbps):
    _, _, found = send(BY_NAME[f"mp3-{rate_kbps}k"], song, SAMPLE_RATE)
    assert found == pytest.approx(rate_kbps, rel=0.05)


def test_a_lower_rate_costs_less(song):
    rates = [
        send(BY_NAME[name], song, SAMPLE_RATE)[2]
        for name in ("opus-24k", "opus-32k", "vorbis-low", "mp3-96k")
    ]
    assert rates == sorted(rates)


def test_a_codec_is_the_round_trip_that_training_uses(song):
    received, size_bytes = apply_codec(song, SAMPLE_RATE, Codec("vorbis", 0.5))
    np.testing.assert_array_equal(received, codec_round_trip(song, SAMPLE_RATE, "vorbis", 0.5))
    assert 0 < size_bytes < song.size
    assert apply_codec(np.zeros_like(song), SAMPLE_RATE, Codec("mp3", 0.5))[1] == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "aac", "level": 0.5}, "codec"),
        ({"name": "mp3", "level": 1.0}, "quality"),
        ({"name": "opus", "level": 0.5, "constant": True}, "mp3 only"),
        ({"name": "mp3", "level": 0.5, "bits": 1}, "bits"),
    ],
)
def test_a_codec_that_cannot_be_is_refused_by_name(settings, words):
    with pytest.raises(ConfigError, match=words):
        Codec(**settings)


def test_a_measured_response_is_the_one_of_the_design():
    from scipy import signal

    frequencies = np.linspace(0, SAMPLE_RATE / 2, 2049)
    sections = signal.butter(6, 8000, fs=SAMPLE_RATE, output="sos")
    _, once = signal.freqz_sos(sections, frequencies, fs=SAMPLE_RATE)
    np.testing.assert_allclose(Lowpass("butterworth", 8000.0, 6).response(4096, SAMPLE_RATE), once, atol=1e-4)
    both = Lowpass("butterworth", 8000.0, 6, zero_phase=True).response(4096, SAMPLE_RATE)
    np.testing.assert_allclose(both, np.abs(once) ** 2, atol=1e-4)
