"""Losses and gradients of both transforms are finite, whatever comes."""

from __future__ import annotations

import dataclasses
import importlib.util

import numpy as np
import pytest

from tests.helpers.on_jax import assert_passes_on_jax

keras = pytest.importorskip("keras")

from tfbwe.cqt import BLOCK_LENGTH  # noqa: E402
from tfbwe.network.autoencoder import autoencoder  # noqa: E402
from tfbwe.stft import HOP_LENGTH, N_FFT, SAMPLE_RATE  # noqa: E402
from training.learning.objective import Trainer  # noqa: E402
from training.learning.presets import preset  # noqa: E402

FRAMES = 15
SAMPLES = {"stft": (FRAMES - 1) * HOP_LENGTH + N_FFT, "cqt": BLOCK_LENGTH}
BINS = {"stft": 960, "cqt": 400}
KINDS = pytest.mark.parametrize("kind", SAMPLES)


def small(kind):
    """Configuration of a network that is quick."""
    return dataclasses.replace(preset(kind, "smoke").network, bins=BINS[kind])


def trainer_of(kind, random=False):
    network = autoencoder(small(kind))
    if random:
        rng = np.random.default_rng(0)
        network.set_weights([rng.normal(0, 0.3, w.shape) for w in network.get_weights()])
    return Trainer(network, "log_magnitude", 0.5, kind)


def inputs_of(kind, cutoff_hz, reach_hz=None, bandwidth_hz=19000.0, count=2):
    samples = SAMPLES[kind]
    original = np.random.default_rng(0).normal(0, 0.1, (count, samples)).astype(np.float32)
    spectrum = np.fft.rfft(original)
    spectrum[:, np.fft.rfftfreq(samples, 1 / SAMPLE_RATE) > cutoff_hz] = 0
    numbers = {"cutoff_hz": cutoff_hz, "reach_hz": reach_hz or cutoff_hz, "bandwidth_hz": bandwidth_hz}
    return {
        "received": np.fft.irfft(spectrum, samples).astype(np.float32),
        "original": original,
        **{name: np.full((count, 1), hz, np.float32) for name, hz in numbers.items()},
    }


CASES = {
    "music": {},
    "nothing received": {"received": 0.0},
    "silence": {"received": 0.0, "original": 0.0},
    "nothing to be read": {"cutoff_hz": 1.0, "reach_hz": 1.0},
    "nothing missing": {"cutoff_hz": 19000.0, "reach_hz": 19000.0, "bandwidth_hz": 15000.0},
    "very loud": {"received": 1e4, "original": 1e4},
}


@pytest.mark.parametrize("random", [False, True], ids=["fresh", "random"])
@KINDS
def test_loss_and_gradients_are_finite(kind, random):
    trainer = trainer_of(kind, random)
    trainer.compile(optimizer=keras.optimizers.SGD(1e-3), jit_compile=keras.backend.backend() == "jax")
    before = trainer.get_weights()
    for name, changes in CASES.items():
        inputs = inputs_of(kind, 8000.0, 9000.0)
        for key, value in changes.items():
            inputs[key] = inputs[key] * np.float32(value) if key in ("received", "original") else inputs[key]
            if key.endswith("_hz"):
                inputs[key] = np.full_like(inputs[key], value)
        trainer.set_weights(before)
        assert np.isfinite(trainer.train_on_batch(inputs)).all(), name
        after = trainer.get_weights()
        assert all(np.isfinite(weight).all() for weight in after), name
        moved = any((a != b).any() for a, b in zip(after, before, strict=True))
        assert moved or name != "music"
        assert not moved or name != "nothing missing"


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this run is on JAX")
def test_jax_passes_the_same_tests():
    assert_passes_on_jax(__file__, "-k", "fresh")
