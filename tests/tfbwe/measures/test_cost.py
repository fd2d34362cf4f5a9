"""What extending costs, as the benchmark tells it."""

import subprocess
import sys

import numpy as np
import pytest

from tfbwe.errors import ConfigError
from tfbwe.measures.cost import made_up_music, measure_cost, weakened_noise
from tfbwe.model.bundle import load_bundle


def test_memory_is_that_of_the_process_and_not_of_the_one_that_started_it():
    held = np.ones(60_000_000)  # 480 MB
    code = "from tfbwe.measures.cost import peak_rss_mb; print(peak_rss_mb())"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 5 < float(answer.stdout) < 400
    assert held.all()


def test_a_phase_that_the_model_has_not_is_refused():
    with pytest.raises(ConfigError, match="pghi"):
        measure_cost(load_bundle("cqt"), "pghi", seconds=5)


def level_db(x, hz):
    """Mean level of a few hundred Hz."""
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    near = np.abs(np.fft.rfftfreq(x.shape[1], 1 / 44100) - hz) < 200
    return 10 * np.log10(spectrum[:, near].mean())


def test_made_up_music_ends_at_8_khz_and_weakened_noise_goes_on():
    walled, weak = made_up_music(2.0), weakened_noise((2, 88200))
    for x in (walled, weak):
        assert x.shape == (2, 88200)
        assert x.dtype == np.float32
        assert np.abs(x).max() == pytest.approx(0.5)
    assert level_db(walled, 9000) < level_db(walled, 7000) - 60
    steepness_db = level_db(weak, 8000) - level_db(weak, 16000)
    assert 20 < steepness_db < 30
    np.testing.assert_array_equal(weakened_noise((2, 88200)), weak)
    assert (weakened_noise((2, 88200), seed=1) != weak).any()
