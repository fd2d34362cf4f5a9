from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.paths import ROOT

keras = pytest.importorskip("keras")

from tfbwe.model.features import NORMALISATION  # noqa: E402
from tfbwe.network.autoencoder import autoencoder  # noqa: E402
from tfbwe.network.shapes import AutoencoderConfig  # noqa: E402
from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, stft  # noqa: E402
from training.learning.objective import STEEPEST, Trainer  # noqa: E402
from training.learning.transforms import Stft  # noqa: E402

CONFIG = AutoencoderConfig(
    bins=960, channels=(3, 3, 3), kernels=(5, 3, 3), strides=(4, 4, 2), bottleneck=6, dilations=(1, 2)
)
PAPER = dataclasses.replace(CONFIG, causal=False)
FRAMES = 9
SAMPLES = (FRAMES - 1) * HOP_LENGTH + N_FFT
BINS = CONFIG.bins


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def examples(count=3, seed=0):
    """Inputs of a trainer: noise, and the same with a weak top."""
    rng = np.random.default_rng(seed)
    original = rng.normal(0, 0.1, (count, SAMPLES)).astype(np.float32)
    received = np.empty_like(original)
    cutoff_hz = rng.uniform(3700, 8600, (count, 1)).astype(np.float32)
    for i in range(count):
        coefficients = np.fft.rfft(original[i])
        top = np.fft.rfftfreq(SAMPLES, 1 / 44100) > cutoff_hz[i, 0]
        coefficients[top] *= 0.05
        received[i] = np.fft.irfft(coefficients, SAMPLES)
    return {
        "received": received,
        "original": original,
        "cutoff_hz": cutoff_hz,
        "reach_hz": (cutoff_hz * rng.uniform(1, 1.2, (count, 1))).astype(np.float32),
        "bandwidth_hz": rng.uniform(10700, 20500, (count, 1)).astype(np.float32),
    }


def random_trainer(config=CONFIG, objective="log_magnitude", seed=1):
    network = autoencoder(config)
    rng = np.random.default_rng(seed)
    network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
    return Trainer(network, objective, 0.5, "stft")


def frames_of(x):
    """Complex spectra (batch, frames, 1025) of the frames that lie wholly inside the signal."""
    return stft(x)[:, 3 : 3 + FRAMES]


def log_of(magnitude):
    return np.log(np.asarray(magnitude, float) + NORMALISATION.epsilon)


def read_of(y, reach_hz):
    """Magnitudes that the network reads, (batch, frames, bins): nothing above the reach."""
    return np.abs(y[..., :BINS]) * (np.arange(BINS) * BIN_HZ <= reach_hz[:, :, None])


def missing_of(inputs):
    """Bins between cutoff and bandwidth, (batch, bins)."""
    f = np.arange(BINS) * BIN_HZ
    return (f > inputs["cutoff_hz"]) & (f + 2 * BIN_HZ <= inputs["bandwidth_hz"])


class Given:
    """Spectra in the place of those of received and of original music, for one loss."""

    def __init__(self, transform, **given):
        self._transform, self._given = transform, [given.get(name) for name in ("received", "original")]
        self.frequencies, self.reach_hz = transform.frequencies, transform.reach_hz

    def __call__(self, x):
        given = self._given.pop(0)
        return self._transform(x) if given is None else given


def loss_of(trainer, inputs, **given):
    """Parts of the loss where the spectra of received or original music are not those of the waves."""
    own = trainer.transform
    trainer.transform = Given(own, **given)
    try:
        return numpy(trainer(inputs))
    finally:
        trainer.transform = own


def spectrum_of(inputs, name):
    """Pair of real and imaginary part, (batch, frames, bins) float32, to be changed."""
    return tuple(np.array(numpy(part)) for part in Stft(BINS)(inputs[name]))


def loss_of_the_formulas(log_m, x, missing):
    """Chapter and verse in NumPy, example by example, in double precision: (batch, 2)."""
    result = []
    for i in range(len(x)):
        log_x = log_of(np.abs(x[i, :, :BINS]))
        distance = np.abs(log_m[i] - log_x)[:, missing[i]].mean()
        errors, weights = [], []
        for start in range(0, BINS, 16):
            group = np.arange(start, start + 16)[missing[i, start : start + 16]]
            powers = [
                np.exp(2 * log)[:, group].sum() / (16 * len(log)) + NORMALISATION.epsilon**2
                for log in (log_m[i], log_x)
            ]
            ratio = powers[1] / powers[0]
            near = min(ratio, np.exp(STEEPEST))
            errors.append(near * (1 + np.log(ratio / near)) - np.log(ratio) - 1)
            weights.append(len(group))
        result.append([distance, np.average(errors, weights=weights)])
    return np.array(result)


def test_the_loss_is_that_of_the_formulas():
    inputs = examples()
    trainer = random_trainer()
    y, x = frames_of(inputs["received"]), frames_of(inputs["original"])
    log_read = log_of(read_of(y, inputs["reach_hz"]))
    residual = numpy(trainer.network(((log_read + 5) / 3).astype(np.float32)))
    expected = loss_of_the_formulas(log_read + residual, x, missing_of(inputs))
    np.testing.assert_allclose(numpy(trainer(inputs)), expected, rtol=1e-3)
    assert np.ptp(expected, axis=0).min() > 1e-3  # the examples are told apart


def test_the_loss_is_the_mean_of_the_weighted_sum():
    inputs = examples()
    trainer = random_trainer()
    trainer.compile()
    parts = numpy(trainer(inputs)).mean(axis=0)
    found = trainer.evaluate(inputs, batch_size=3, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(parts[0] + 0.5 * parts[1], rel=1e-5)
    assert found["magnitude"] == pytest.approx(parts[0], rel=1e-5)
    assert found["level"] == pytest.approx(parts[1], rel=1e-5)


def test_the_objective_of_the_paper_is_that_of_the_formula():
    inputs = {**examples(), "reach_hz": np.full((3, 1), 22050, np.float32)}
    trainer = random_trainer(PAPER, "squared_error")
    y, x = frames_of(inputs["received"])[..., :BINS], frames_of(inputs["original"])[..., :BINS]
    r = numpy(trainer.network(((log_of(np.abs(y)) + 5) / 3).astype(np.float32)))
    m = np.exp(log_of(np.abs(y)) + r) - NORMALISATION.epsilon
    above = missing_of(inputs)
    expected = [
        ((m[i] - np.abs(x[i])) ** 2)[:, above[i]].sum() / ((np.abs(x[i]) ** 2)[:, above[i]].sum() + 1e-3)
        for i in range(len(x))
    ]
    parts = numpy(trainer(inputs))
    np.testing.assert_allclose(parts[:, 0], expected, rtol=1e-3)
    assert not parts[:, 1].any()


def test_what_lies_above_the_reach_never_reaches_the_network():
    inputs, trainer = examples(), random_trainer()
    above = np.arange(BINS) * BIN_HZ > inputs["reach_hz"][:, :, None]

    def changed(places):
        return tuple(np.where(places, np.float32(30), part) for part in spectrum_of(inputs, "received"))

    before = numpy(trainer(inputs))
    np.testing.assert_array_equal(loss_of(trainer, inputs, received=changed(above)), before)
    assert (loss_of(trainer, inputs, received=changed(~above)) != before).all()
    whole = {**inputs, "reach_hz": np.full((3, 1), 22050, np.float32)}
    assert (loss_of(trainer, whole, received=changed(above)) != numpy(trainer(whole))).all()


def test_what_is_not_known_and_what_is_not_missing_counts_for_nothing():
    inputs, trainer = examples(), random_trainer()
    there = missing_of(inputs)[:, None]

    def changed(places):
        return tuple(np.where(places, np.float32(30), part) for part in spectrum_of(inputs, "original"))

    before = numpy(trainer(inputs))
    np.testing.assert_array_equal(loss_of(trainer, inputs, original=changed(~there)), before)
    assert (loss_of(trainer, inputs, original=changed(there)) != before).all()


def test_silence_has_a_finite_loss_and_gradient():
    inputs = {**examples(2), "received": np.zeros((2, SAMPLES), np.float32)}
    inputs["original"] = np.zeros((2, SAMPLES), np.float32)
    trainer = random_trainer()
    trainer.compile(optimizer="sgd")
    assert np.isfinite(trainer.train_on_batch(inputs)).all()
    assert all(np.isfinite(weight).all() for weight in trainer.get_weights())


def test_a_saved_trainer_goes_on_with_the_same_optimiser_state(tmp_path):
    inputs = examples()
    trainer = random_trainer()
    trainer.compile(optimizer=keras.optimizers.AdamW(1e-2))
    for _ in range(3):
        trainer.train_on_batch(inputs)
    trainer.save(tmp_path / "trainer.keras")
    loaded = keras.models.load_model(tmp_path / "trainer.keras")
    assert (loaded.objective, loaded.level_weight) == ("log_magnitude", 0.5)
    state = [numpy(v) for v in trainer.optimizer.variables]
    assert int(loaded.optimizer.iterations) == 3
    for mine, its in zip(state, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, numpy(its))
    assert sum(np.abs(v).sum() for v in state) > 4  # there is something to lose
    trainer.reset_metrics()  # Older Keras returns the mean of all batches so far.
    np.testing.assert_allclose(loaded.train_on_batch(inputs), trainer.train_on_batch(inputs), rtol=1e-5)
    for mine, its in zip(trainer.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(mine, its, atol=1e-6)


def test_mixed_precision_leaves_waveforms_and_loss_in_float32():
    inputs = examples()
    exact = random_trainer()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        mixed = random_trainer()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    mixed.network.set_weights(exact.network.get_weights())
    assert mixed.network.get_layer("down_0").compute_dtype == "bfloat16"
    parts = mixed(inputs)
    assert keras.backend.standardize_dtype(parts.dtype) == "float32"
    np.testing.assert_allclose(numpy(parts), numpy(exact(inputs)), atol=0.05)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="runs under jax itself")
def test_jax_finds_the_same_loss_for_the_same_weights(tmp_path):
    inputs = examples()
    trainer = random_trainer()
    trainer.save(tmp_path / "trainer.keras")
    np.savez(tmp_path / "inputs.npz", **inputs)
    answer = subprocess.run(
        [
            sys.executable,
            "tests/helpers/loss_elsewhere.py",
            tmp_path / "trainer.keras",
            tmp_path / "inputs.npz",
        ],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    backend, parts = json.loads(answer.stdout)
    assert backend == "jax"
    np.testing.assert_allclose(parts, numpy(trainer(inputs)), atol=1e-4)
