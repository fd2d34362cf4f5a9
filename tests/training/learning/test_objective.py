from __future__ import annotations

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
from tfbwe.network.autoencoder import AutoencoderConfig, autoencoder  # noqa: E402
from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, stft  # noqa: E402
from training.learning.objective import Trainer, squared_error_loss, two_term_loss  # noqa: E402
from training.learning.transforms import Stft, features  # noqa: E402

CONFIG = AutoencoderConfig(
    bins=768, channels=(3, 3, 3), kernels=(5, 3, 3), strides=(4, 4, 2), bottleneck=6, dilations=(1, 2)
)
PAPER = AutoencoderConfig(**{**vars(CONFIG), "heads": ("log_residual",), "causal": False})
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
    bandwidth_hz = rng.uniform(10700, 17200, (count, 1)).astype(np.float32)
    return {"received": received, "original": original, "cutoff_hz": cutoff_hz, "bandwidth_hz": bandwidth_hz}


def random_trainer(config=CONFIG, objective="two_term", seed=1):
    network = autoencoder(config)
    rng = np.random.default_rng(seed)
    network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
    return Trainer(network, objective, 2.0, "stft")


def frames_of(x):
    """Complex spectra (batch, frames, 1025) of the frames that lie wholly inside the signal."""
    return stft(x)[:, 3 : 3 + FRAMES]


def loss_of_the_formulas(heads, y, x, cutoff_hz, bandwidth_hz):
    """Chapter and verse in NumPy, example by example, in double precision: (batch, 2)."""
    result = []
    for i in range(len(y)):
        f = np.arange(BINS) * BIN_HZ
        fc = cutoff_hz[i, 0]
        known = f + 2 * BIN_HZ <= bandwidth_hz[i, 0]
        above = known & (f > fc)
        weight = np.clip((f - (0.8 * fc - 500)) / 500, 0, 1)
        g, r = heads["log_gain"][i].astype(float), heads["log_residual"][i].astype(float)
        received, original = y[i, :, :BINS].astype(complex), x[i, :, :BINS].astype(complex)
        c = received * (1 + (np.exp(g) - 1) * weight)
        error = (np.abs(c - original) ** 2)[:, known].sum()
        lost = (np.abs(original) ** 2)[:, above].sum()
        log_m = np.log(np.abs(received) + NORMALISATION.epsilon) + r
        distance = np.abs(log_m - np.log(np.abs(original) + NORMALISATION.epsilon)).mean(axis=0)
        distance = (distance * weight)[known].sum() / weight[known].sum()
        result.append([0.5 * np.log10(error / (lost + 1e-6) + 1e-3), distance])
    return np.array(result)


def test_the_spectrum_is_that_of_tensorflow():
    tf = pytest.importorskip("tensorflow")
    x = np.random.default_rng(0).uniform(-1, 1, (2, SAMPLES + 100)).astype(np.float32)

    def window(length, dtype):
        return tf.sqrt(tf.signal.hann_window(length, periodic=True, dtype=dtype))

    expected = tf.signal.stft(x, N_FFT, HOP_LENGTH, N_FFT, window_fn=window).numpy()
    real, imaginary = Stft(1025)(x)
    assert real.shape == expected.shape
    np.testing.assert_allclose(numpy(real) + 1j * numpy(imaginary), expected, atol=2e-4)


def test_the_spectrum_is_that_of_the_decoder():
    x = np.random.default_rng(1).uniform(-1, 1, (2, SAMPLES)).astype(np.float32)
    real, imaginary = Stft(BINS)(x)
    assert real.shape == (2, FRAMES, BINS)
    np.testing.assert_allclose(numpy(real) + 1j * numpy(imaginary), frames_of(x)[..., :BINS], atol=2e-4)


def test_features_are_those_of_the_decoder():
    x = np.random.default_rng(2).uniform(-1, 1, (1, SAMPLES)).astype(np.float32)
    expected = (np.log(np.abs(frames_of(x)[..., :BINS]) + 1e-4) + 5) / 3
    np.testing.assert_allclose(numpy(features(*Stft(BINS)(x))), expected, atol=1e-3)


def test_the_loss_is_that_of_the_formulas():
    inputs = examples()
    trainer = random_trainer()
    y, x = frames_of(inputs["received"]), frames_of(inputs["original"])
    features = (np.log(np.abs(y[..., :BINS]) + NORMALISATION.epsilon) + 5) / 3
    heads = {name: numpy(head) for name, head in trainer.network(features.astype(np.float32)).items()}
    expected = loss_of_the_formulas(heads, y, x, inputs["cutoff_hz"], inputs["bandwidth_hz"])
    np.testing.assert_allclose(numpy(trainer(inputs)), expected, rtol=1e-3)
    assert np.ptp(expected, axis=0).min() > 1e-3  # the examples are told apart


def test_the_loss_is_the_mean_of_the_weighted_sum():
    inputs = examples()
    trainer = random_trainer()
    trainer.compile()
    parts = numpy(trainer(inputs)).mean(axis=0)
    found = trainer.evaluate(inputs, batch_size=3, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(2 * parts[0] + parts[1], rel=1e-5)
    assert found["coherent"] == pytest.approx(parts[0], rel=1e-5)
    assert found["magnitude"] == pytest.approx(parts[1], rel=1e-5)


def test_the_objective_of_the_paper_is_that_of_the_formula():
    inputs = examples()
    trainer = random_trainer(PAPER, "squared_error")
    y, x = frames_of(inputs["received"])[..., :BINS], frames_of(inputs["original"])[..., :BINS]
    features = (np.log(np.abs(y) + NORMALISATION.epsilon) + 5) / 3
    r = numpy(trainer.network(features.astype(np.float32))["log_residual"])
    m = np.exp(np.log(np.abs(y) + NORMALISATION.epsilon) + r) - NORMALISATION.epsilon
    f = np.arange(BINS) * BIN_HZ
    above = (f > inputs["cutoff_hz"]) & (f + 2 * BIN_HZ <= inputs["bandwidth_hz"])
    expected = [
        ((m[i] - np.abs(x[i])) ** 2)[:, above[i]].sum() / ((np.abs(x[i]) ** 2)[:, above[i]].sum() + 1e-3)
        for i in range(len(x))
    ]
    parts = numpy(trainer(inputs))
    np.testing.assert_allclose(parts[:, 1], expected, rtol=1e-3)
    assert not parts[:, 0].any()


def test_a_perfect_prediction_has_the_lowest_loss():
    rng = np.random.default_rng(3)
    original = rng.normal(0, 1, (2, 2, 4, 64)).astype(np.float32)
    missing = np.broadcast_to((np.arange(64) >= 30).astype(np.float32), (2, 1, 64))
    known = np.ones_like(missing)
    received = original * np.where(missing > 0, 0.2, 1).astype(np.float32)
    magnitude_x, magnitude_y = np.hypot(*original), np.hypot(*received)
    residual = np.log(magnitude_x + NORMALISATION.epsilon) - np.log(magnitude_y + NORMALISATION.epsilon)
    gain = np.broadcast_to(np.log(5.0) * missing, residual.shape).astype(np.float32)

    def loss(g, r):
        heads = {"log_gain": g.astype(np.float32), "log_residual": r.astype(np.float32)}
        return [numpy(part) for part in two_term_loss(heads, received, original, missing, known, missing)]

    coherent, magnitude = loss(gain, residual)
    np.testing.assert_allclose(coherent, -1.5, atol=1e-4)  # 0.5 * log10(1e-3)
    np.testing.assert_allclose(magnitude, 0, atol=1e-5)
    for _ in range(5):
        worse = loss(gain + rng.normal(0, 0.1, gain.shape), residual + rng.normal(0, 0.1, gain.shape))
        assert (worse[0] > coherent).all()
        assert (worse[1] > magnitude).all()
    heads = {"log_residual": residual.astype(np.float32)}
    np.testing.assert_allclose(numpy(squared_error_loss(heads, received, original, missing)), 0, atol=1e-6)


def test_what_is_not_known_and_what_is_not_missing_counts_for_nothing():
    inputs = examples(1)
    trainer = random_trainer()
    before = numpy(trainer(inputs))
    changed = dict(inputs)
    spectrum_x = np.fft.rfft(inputs["original"])
    unknown = np.fft.rfftfreq(SAMPLES, 1 / 44100) > inputs["bandwidth_hz"][0, 0] + 6 * BIN_HZ
    spectrum_x[:, unknown] = 0
    changed["original"] = np.fft.irfft(spectrum_x, SAMPLES).astype(np.float32)
    np.testing.assert_allclose(numpy(trainer(changed)), before, atol=2e-3)


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
    assert (loaded.objective, loaded.coherent_weight) == ("two_term", 2.0)
    state = [numpy(v) for v in trainer.optimizer.variables]
    assert int(loaded.optimizer.iterations) == 3
    for mine, its in zip(state, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine, numpy(its))
    assert sum(np.abs(v).sum() for v in state) > 4  # there is something to lose
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
