"""Noise as music: wide and narrow."""

import numpy as np

RATE = 32000


def noise(seed: int, seconds: float = 5.2, channels: int = 1) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((round(seconds * RATE), channels))
    return (0.1 * x).astype(np.float32)


def narrow_noise(seed: int, seconds: float = 5.2) -> np.ndarray:
    spectrum = np.fft.rfft(noise(seed, seconds)[:, 0])
    spectrum[spectrum.size // 4 :] = 0
    return np.fft.irfft(spectrum).astype(np.float32)
