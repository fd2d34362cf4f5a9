"""The STFT of training is that of TensorFlow and of the decoder."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from tfbwe.stft import HOP_LENGTH, N_FFT, inner_frames  # noqa: E402
from training.learning.transforms import Stft, features  # noqa: E402

BINS = 960
FRAMES = 9
SAMPLES = (FRAMES - 1) * HOP_LENGTH + N_FFT


def numpy(x):
    return keras.ops.convert_to_numpy(x)


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
    np.testing.assert_allclose(
        numpy(real) + 1j * numpy(imaginary), inner_frames(x).swapaxes(0, 1)[..., :BINS], atol=2e-4
    )


def test_features_are_those_of_the_decoder():
    x = np.random.default_rng(2).uniform(-1, 1, (1, SAMPLES)).astype(np.float32)
    expected = (np.log(np.abs(inner_frames(x).swapaxes(0, 1)[..., :BINS]) + 1e-4) + 5) / 3
    np.testing.assert_allclose(numpy(features(*Stft(BINS)(x))), expected, atol=1e-3)
