"""What is measured above a cutoff: up to where, and against a plain computation of the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.plain_distances import RATE, amplified, noise, plain_lsd, plain_powers
from tfbwe.measures import LESS, MEASURES, MORE, ZERO
from tfbwe.measures.distances import compare

BAND = ("lsd_hf", "lsd_hf_matched", "lsd_top", "level_hf_db")


def test_half_the_amplitude_above_the_cutoff_is_a_level_of_minus_6_db():
    x = noise(1.0)
    assert compare(x, 0.5 * x, RATE, 8000)["level_hf_db"] == pytest.approx(-6.0206, abs=1e-4)
    y = amplified(x, 8000, RATE, 0.5)
    assert compare(x, y, RATE, 8000)["level_hf_db"] == pytest.approx(-6.02, abs=0.02)
    assert compare(x, amplified(y, -1, 7800, 10), RATE, 8000)["level_hf_db"] == pytest.approx(-6.02, abs=0.1)
    assert compare(y, x, RATE, 16500)["level_hf_db"] == pytest.approx(6.02, abs=0.02)


def test_the_level_goes_by_the_power_of_all_frames_and_channels_together():
    x, y = noise(1.0, channels=2), noise(1.0, channels=2)
    x[0] *= 10
    y[0] *= 5
    y[:, RATE // 2 :] *= 0.1
    p, q = (plain_powers(s)[..., 372:929].sum() for s in (x, y))  # 8 to 20 kHz
    assert compare(x, y, RATE, 8000)["level_hf_db"] == pytest.approx(10 * np.log10(q / p), abs=1e-9)


@given(st.floats(1e-3, 1e3), st.floats(2000, 19000), st.sampled_from([None, 15000.0, 18000.0]))
@settings(max_examples=30, deadline=None)
def test_a_gain_is_the_level_wherever_there_is_a_band(gain, cutoff_hz, bandwidth_hz):
    x = noise(0.2)
    found = compare(x, gain * x, RATE, cutoff_hz, bandwidth_hz)
    if bandwidth_hz is not None and cutoff_hz >= bandwidth_hz:
        assert found["level_hf_db"] is None
    else:
        assert found["level_hf_db"] == pytest.approx(20 * np.log10(gain), abs=1e-6)
        assert compare(gain * x, x, RATE, cutoff_hz, bandwidth_hz)["level_hf_db"] == pytest.approx(
            -found["level_hf_db"], abs=1e-6
        )


def test_a_silent_estimate_has_a_level_without_bottom_and_a_silent_reference_one_without_top():
    x = noise(0.2)
    assert compare(x, 0 * x, RATE, 8000)["level_hf_db"] == -np.inf
    assert compare(0 * x, x, RATE, 8000)["level_hf_db"] == np.inf


@given(
    st.sampled_from([44100, 48000]),
    st.floats(3000, 19900),
    st.none() | st.floats(3000, 24000),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_distances_are_those_of_the_plain_definition_in_every_band(rate, cutoff_hz, bandwidth_hz, seed):
    x, y = noise(0.2, seed=seed), noise(0.2, seed=seed + 100)
    found = compare(x, y, rate, cutoff_hz, bandwidth_hz)
    end_hz = min(20000, np.inf if bandwidth_hz is None else bandwidth_hz)
    bands = {"lsd": (0, rate)}
    if end_hz >= 17000:
        bands["lsd_top"] = (16000, end_hz)
    if cutoff_hz < min(16000, end_hz):
        bands["lsd_hf"] = (cutoff_hz, min(16000, end_hz))
    for name in ("lsd", "lsd_hf", "lsd_top"):
        if name not in bands:
            assert found[name] is None
        elif bands[name][1] - bands[name][0] > rate / 2048:  # a bin at least
            assert found[name] == pytest.approx(plain_lsd(x, y, *bands[name], rate), abs=1e-9)
    assert (found["lsd_hf_matched"] is None) == (found["lsd_hf"] is None)
    assert (found["level_hf_db"] is None) == (cutoff_hz >= end_hz)
    assert compare(x, y, rate, None, bandwidth_hz)["lsd_top"] == found["lsd_top"]


@pytest.mark.parametrize(
    ("bandwidth_hz", "seen"),
    [
        (12000.0, {"lsd_hf", "lsd_hf_matched", "level_hf_db"}),
        (16999.0, {"lsd_hf", "lsd_hf_matched", "level_hf_db"}),
        (17000.0, set(BAND)),
        (22050.0, set(BAND)),
        (8000.0, set()),
        (7000.0, set()),
    ],
)
def test_what_lies_beyond_the_bandwidth_of_the_music_does_not_count(bandwidth_hz, seen):
    x = noise(0.5)
    y = noise(0.5, seed=1)
    found = compare(x, y, RATE, 8000, bandwidth_hz)
    assert {name for name in BAND if found[name] is not None} == seen
    added = compare(x, amplified(y, min(bandwidth_hz, 20000) + 100, RATE, 100), RATE, 8000, bandwidth_hz)
    for name in seen - {"lsd_hf_matched"}:
        assert added[name] == pytest.approx(found[name], abs=0.05)


def test_without_a_bandwidth_the_high_band_ends_at_20_khz():
    x, y = noise(0.5), noise(0.5, seed=1)
    assert compare(x, y, RATE, 8000) == compare(x, y, RATE, 8000, 20000.0) == compare(x, y, RATE, 8000, 22050)
    assert compare(x, amplified(x, 20100, RATE, 100), RATE, 8000)["level_hf_db"] == pytest.approx(0, abs=0.01)
    assert compare(x, amplified(x, 19000, 19900, 100), RATE, 8000)["level_hf_db"] > 20


def test_a_wall_at_16_khz_is_seen_above_it_alone():
    x = noise(0.5)
    walled = amplified(x, 16000, RATE, 1e-4)
    found = compare(x, walled, RATE, 16000)
    assert (found["lsd_hf"], found["lsd_hf_matched"]) == (None, None)
    assert found["lsd_top"] > 5
    assert found["level_hf_db"] < -20
    assert compare(x, walled, RATE, 15000)["lsd_hf"] < 1.5


def test_a_rate_that_does_not_reach_17_khz_has_no_top():
    x, y = noise(0.2), noise(0.2, seed=1)
    found = compare(x, y, 32000, 8000)
    assert found["lsd_top"] is None
    assert None not in (found["lsd_hf"], found["level_hf_db"])
    assert compare(x, y, 36000, 8000)["lsd_top"] == pytest.approx(plain_lsd(x, y, 16000, 18000, 36000))


def test_every_measure_says_what_it_aims_at():
    assert {name: measure.aim for name, measure in MEASURES.items()} == {
        **dict.fromkeys(("sdr_db", "snr_db", "visqol"), MORE),
        **dict.fromkeys(("lsd", "lsd_hf", "lsd_hf_matched", "lsd_top"), LESS),
        "level_hf_db": ZERO,
    }
