"""The conditions of the comparison do what their entries say."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from tests.helpers.smoke import made_up_song
from tfbwe.band import HIGHEST_CUTOFF_HZ
from tfbwe.stft import SAMPLE_RATE, stft
from training.comparison.measuring import rate_kbps as measured_rate
from training.degradation import conditions, ffmpeg
from training.degradation.codecs import Codec
from training.degradation.conditions import CONDITIONS
from training.degradation.degrade import Mix, apply_counted
from training.degradation.filters import LowCut, Lowpass

BY_NAME = {condition.name: condition for condition in CONDITIONS}
CAN_BE_MADE = [condition for condition in CONDITIONS if ffmpeg.found() or not condition.needs_ffmpeg]
ALL = pytest.mark.parametrize("condition", CAN_BE_MADE, ids=lambda c: c.name)


@pytest.fixture(scope="module")
def song():
    """Noise as loud up to 20 kHz as below, and notes: codecs keep what they may."""
    return made_up_song(0, seconds=3.0)


def level_db(x, low_hz, high_hz):
    bins = slice(int(low_hz / SAMPLE_RATE * 2048) + 1, int(high_hz / SAMPLE_RATE * 2048))
    return 10 * np.log10(np.square(np.abs(stft(x)[..., bins])).mean() + 1e-12)


@ALL
def test_a_condition_keeps_shape_type_and_place(condition, song):
    received, original, _ = apply_counted(song, SAMPLE_RATE, condition.degradation)
    mono = Mix() in condition.degradation
    assert received.shape == original.shape == (song[:1] if mono else song).shape
    assert received.dtype == np.float32
    np.testing.assert_array_equal(original, song.mean(axis=0, keepdims=True) if mono else song)
    delays = np.arange(-50, 51)
    for stage in condition.degradation:
        if isinstance(stage, LowCut):  # it turns the phase of what it leaves
            original = stage.apply(original, SAMPLE_RATE)
    inside = original[0, 1000:-1000]
    match = [inside @ received[0, 1000 + d : received.shape[1] - 1000 + d] for d in delays]
    limit = 30 if condition.regime == conditions.TURNED_PHASE else 2 if condition.name[:4] == "opus" else 0
    assert abs(delays[int(np.argmax(match))]) <= limit


@ALL
def test_the_band_ends_where_every_system_is_given(condition, song):
    received, original, _ = apply_counted(song, SAMPLE_RATE, condition.degradation)
    cutoff_hz = condition.cutoff_hz
    below = level_db(received, 0.75 * cutoff_hz, 0.9 * cutoff_hz)
    assert abs(below - level_db(original, 0.75 * cutoff_hz, 0.9 * cutoff_hz)) < 6
    high = min(1.5 * cutoff_hz, 21500)
    if high > 1.1 * cutoff_hz:
        fall = level_db(original, 1.1 * cutoff_hz, high) - level_db(received, 1.1 * cutoff_hz, high)
        left = condition.regime in (conditions.RIGHT_PHASE, conditions.TURNED_PHASE)
        if condition.regime == conditions.IMAGES:
            assert 5 < fall < 25  # they are there, and weaker than the music was
        else:
            assert fall > (4 if condition.name.startswith("gaussian") else 10 if left else 25)


@ALL
def test_a_regime_says_what_is_left(condition, song):
    assert condition.regime in conditions.REGIMES
    assert (condition.regime == conditions.WHOLE) == (condition.cutoff_hz > HIGHEST_CUTOFF_HZ)
    coded = any(isinstance(stage, Codec) for stage in condition.degradation)
    assert (condition.regime == conditions.CODED or condition.name.startswith(("mp3", "opus"))) == coded
    assert condition.needs_ffmpeg == condition.name.startswith("aac")


@pytest.mark.parametrize("name", [name for name in BY_NAME if name.startswith("mp3")])
def test_mp3_has_the_rate_of_its_name(song, name):
    _, _, size_bytes = apply_counted(song, SAMPLE_RATE, BY_NAME[name].degradation)
    rate_kbps = int(name.split("-")[1].removesuffix("k"))
    assert measured_rate(size_bytes, song) == pytest.approx(rate_kbps, rel=0.05)


def test_a_lower_rate_costs_less(song):
    sizes = [
        apply_counted(song, SAMPLE_RATE, BY_NAME[name].degradation)[2]
        for name in ("opus-24k", "opus-32k", "vorbis-low", "mp3-96k")
    ]
    assert sizes == sorted(sizes)


def test_a_measured_response_is_the_one_of_the_design():
    from scipy import signal

    frequencies = np.linspace(0, SAMPLE_RATE / 2, 2049)
    sections = signal.butter(6, 8000, fs=SAMPLE_RATE, output="sos")
    _, once = signal.freqz_sos(sections, frequencies, fs=SAMPLE_RATE)
    np.testing.assert_allclose(Lowpass("butterworth", 8000.0, 6).response(4096, SAMPLE_RATE), once, atol=1e-4)
    both = Lowpass("butterworth", 8000.0, 6, phase="forward-backward").response(4096, SAMPLE_RATE)
    np.testing.assert_allclose(both, np.abs(once) ** 2, atol=1e-4)
