"""The losses by themselves: of magnitudes, whatever they come from."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.model.features import NORMALISATION  # noqa: E402
from training.learning.objective import log_magnitude_loss, squared_error_loss  # noqa: E402


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def log_of(magnitude):
    return np.log(np.asarray(magnitude, float) + NORMALISATION.epsilon)


def test_a_perfect_prediction_has_the_lowest_loss():
    rng = np.random.default_rng(3)
    original = rng.normal(0, 1, (2, 2, 4, 64)).astype(np.float32)
    missing = np.broadcast_to((np.arange(64) >= 30).astype(np.float32), (2, 1, 64))
    read = original * np.where(missing > 0, 0, 1).astype(np.float32)
    residual = (log_of(np.hypot(*original)) - log_of(np.hypot(*read))).astype(np.float32)

    def losses(r):
        r = r.astype(np.float32)
        parts = [*log_magnitude_loss(r, read, original, missing)]
        return [numpy(part) for part in (*parts, squared_error_loss(r, read, original, missing))]

    for least in losses(residual):
        np.testing.assert_allclose(least, 0, atol=1e-5)
    for _ in range(5):
        assert all((worse > 1e-3).all() for worse in losses(residual + rng.normal(0, 0.1, residual.shape)))


def test_the_level_asks_for_the_mean_power_where_the_magnitude_asks_for_the_median():
    """Nobody can predict the logarithm of noise: who predicts its median is too quiet."""
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 1, (2, 1, 400, 64)) * np.exp(rng.normal(0, 0.7, (1, 400, 1)))
    original = noise.astype(np.float32)
    read, missing = np.zeros_like(original), np.ones((1, 1, 64), np.float32)
    power = np.sum(original**2, axis=0)
    median, mean = 0.5 * np.log(np.median(power)), 0.5 * np.log(np.mean(power))
    assert mean > median + 0.4
    levels = np.linspace(median - 0.5, mean + 0.5, 81)

    def losses(level):
        residual = np.full(power.shape, level - np.log(NORMALISATION.epsilon), np.float32)
        return [float(numpy(part)[0]) for part in log_magnitude_loss(residual, read, original, missing)]

    distance, level = np.array([losses(one) for one in levels]).T
    assert levels[np.argmin(distance)] == pytest.approx(median, abs=0.05)
    assert levels[np.argmin(level)] == pytest.approx(mean, abs=0.05)
    together = levels[np.argmin(distance + 0.5 * level)]
    assert median + 0.2 < together < mean
    quiet, raised = losses(median), losses(median + 0.1)
    assert raised[0] + 0.5 * raised[1] < quiet[0] + 0.5 * quiet[1]


def test_the_level_says_how_far_off_a_prediction_is_in_nepers_whichever_way():
    original = np.ones((2, 1, 9, 64), np.float32)
    missing = np.broadcast_to((np.arange(64) >= 23).astype(np.float32), (1, 1, 64))
    for off in (-1.0, -0.25, 0.5, 2.0):
        residual = np.full((1, 9, 64), off, np.float32)
        parts = [float(numpy(p)[0]) for p in log_magnitude_loss(residual, original, original, missing)]
        np.testing.assert_allclose(parts, abs(off), rtol=1e-3)
