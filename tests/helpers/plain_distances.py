"""Noise to be measured, and log-spectral distances by their plain definition, without any slicing."""

import numpy as np

RATE = 44100


def noise(seconds=1.0, channels=2, seed=0, scale=0.1):
    """Return white noise, (channels, samples) float64."""
    return scale * np.random.default_rng(seed).standard_normal((channels, int(seconds * RATE)))


def amplified(x, low_hz, high_hz, gain, rate=RATE):
    """Return a signal with a band of it amplified."""
    frequency = np.fft.rfftfreq(x.shape[1], 1 / rate)
    inside = (frequency > low_hz) & (frequency < high_hz)
    return np.fft.irfft(np.fft.rfft(x) * np.where(inside, gain, 1.0), x.shape[1])


def plain_powers(x):
    """Powers of an STFT, (channels, frames, bins)."""
    window = np.hanning(2049)[:-1]
    starts = range(0, x.shape[1] - 2047, 512)
    return np.stack([np.abs(np.fft.rfft(x[:, s : s + 2048] * window)) ** 2 for s in starts], axis=1)


def plain_lsd(x, y, low_hz, high_hz, rate=RATE):
    """Log-spectral distance of the bins between two frequencies, all frames of noise being active."""
    hertz = np.arange(1025) * rate / 2048
    bins = (hertz >= low_hz) & (hertz <= high_hz)
    p, q = (np.maximum(plain_powers(s)[..., bins], 1e-8) for s in (x, y))
    return np.sqrt(np.mean((np.log10(p) - np.log10(q)) ** 2, axis=-1)).mean(axis=1).mean()
