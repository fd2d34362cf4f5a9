"""Predicted listening quality."""

from __future__ import annotations

import numpy as np
import pytest

from tfbwe.errors import ConfigError
from tfbwe.measures.listening import visqol


def test_a_muffled_signal_is_predicted_to_sound_worse_than_the_signal_itself() -> None:
    pytest.importorskip("visqol")
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.1, (2, 3 * 44100)).astype(np.float32)
    muffled = np.stack([np.convolve(row, np.hanning(24) / 12, mode="same") for row in x]).astype(np.float32)
    same = visqol(x, x, 44100)
    assert 4.5 < same <= 5.0
    assert 1.0 <= visqol(x, muffled, 44100) < same - 0.5


def test_signals_of_different_shapes_are_refused() -> None:
    with pytest.raises(ConfigError, match="equal shapes"):
        visqol(np.zeros((1, 100), np.float32), np.zeros((1, 99), np.float32), 44100)
