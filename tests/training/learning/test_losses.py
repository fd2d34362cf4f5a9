"""The losses by themselves: of magnitudes, whatever they come from."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.model.features import NORMALISATION  # noqa: E402
from training.learning.objective import STEEPEST, log_magnitude_loss, squared_error_loss  # noqa: E402


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
        assert all((worse > 1e-5).all() for worse in losses(residual + rng.normal(0, 0.1, residual.shape)))


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


def level_of(off):
    """Level of a prediction that is off by so many nepers everywhere."""
    original = np.ones((2, 1, 9, 64), np.float32)
    missing = np.broadcast_to((np.arange(64) >= 23).astype(np.float32), (1, 1, 64))
    residual = np.full((1, 9, 64), off, np.float32)
    distance, level = log_magnitude_loss(residual, original, original, missing)
    np.testing.assert_allclose(numpy(distance), abs(off), rtol=1e-3)
    return float(numpy(level)[0])


def test_the_level_is_a_divergence_of_powers_that_grows_slower_than_them_far_off():
    for off in (-0.9, -0.25, 0.5, 2.0):
        assert level_of(off) == pytest.approx(np.exp(-2 * off) + 2 * off - 1, rel=1e-3)
    steps = np.diff([level_of(off) for off in (-1.5, -2.0, -2.5)])
    np.testing.assert_allclose(steps, np.exp(STEEPEST) - 1, rtol=1e-3)


def test_of_what_may_follow_the_level_asks_for_the_mean_of_the_power():
    """Of the same music with a loud or a quiet high band, not for the mean of both levels in decibels."""
    powers = np.array([1.0, 5.0])
    original = np.sqrt(powers / 2)[None, :, None, None] * np.ones((2, 1, 9, 64))
    original, missing = original.astype(np.float32), np.ones((2, 1, 64), np.float32)
    candidates = np.linspace(1.0, 5.0, 81)

    def level(power):
        residual = np.full((2, 9, 64), 0.5 * np.log(power) - np.log(NORMALISATION.epsilon), np.float32)
        return numpy(log_magnitude_loss(residual, 0 * original, original, missing)[1]).mean()

    best = candidates[np.argmin([level(power) for power in candidates])]
    assert best == pytest.approx(powers.mean(), abs=0.06)
