from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbwe.errors import ConfigError
from tfbwe.phase import PHASES
from tfbwe.settings import CutoffError, check_settings, whole_number

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.complex_numbers(),
    st.text(),
    st.just([1]),
    st.just({}),
)


def refusal(check, *arguments):
    """What is said of arguments that are refused, else None."""
    try:
        check(*arguments)
    except ConfigError as error:
        return str(error)
    return None


@given(ANYTHING, ANYTHING, ANYTHING)
def test_settings_are_taken_or_refused_in_one_line(cutoff_hz, diffuse, phase):
    said = refusal(check_settings, 44100, cutoff_hz, diffuse, phase, "x.wav")
    if said is None:
        assert cutoff_hz is None or 0 < cutoff_hz <= 22050
        assert 0 <= diffuse <= 1
        assert phase in PHASES
    else:
        assert said.startswith("x.wav: ")
        assert "expected" in said
        assert "received" in said


@pytest.mark.parametrize("cutoff_hz", [0, 4000.5, float("nan"), "auto"])
def test_a_cutoff_is_refused_in_the_words_of_python_with_how_high_it_may_be(cutoff_hz):
    with pytest.raises(CutoffError, match=r"^cutoff_hz: .* at most 4000 Hz, .* or None") as caught:
        check_settings(8000, cutoff_hz, 1.0, "mirror")
    assert caught.value.limit_hz == 4000
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_cutoff_may_be_half_the_sample_rate(rate):
    check_settings(rate, rate / 2, 1.0, "mirror")
    check_settings(rate, rate // 2, 1.0, "mirror")


@given(ANYTHING)
def test_whole_numbers_are_taken_and_nothing_else(value):
    said = refusal(whole_number, "rate", value)
    if said is None:
        assert whole_number("rate", value) == value
    else:
        assert said.startswith("rate: expected a whole number")


@pytest.mark.parametrize("number", [2, 2.0, np.float32(2), np.int16(2), np.uint8(2)])
def test_a_whole_number_of_any_type_becomes_an_int(number):
    assert (whole_number("rate", number), type(whole_number("rate", number))) == (2, int)
