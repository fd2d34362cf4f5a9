"""What extending costs, as the benchmark tells it."""

import subprocess
import sys

import numpy as np
import pytest

from tfbwe.errors import ConfigError
from tfbwe.measures.cost import measure_cost
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
