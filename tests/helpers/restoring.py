"""Music that went through a condition, for what undoes it."""

import numpy as np
from scipy.signal import butter, sosfiltfilt, sosfreqz

from tfbwe.restoration.statistics import CENTRES_HZ, band_power, moments
from tfbwe.stft import stft

CUTOFF_HZ = 8000.0
LOW_PASS = butter(6, CUTOFF_HZ, fs=44100, output="sos")


def music(seconds=8.0):
    """Noise whose level moves, as that of music does; falls by 12 dB an octave."""
    rng = np.random.default_rng(0)
    samples = round(44100 * seconds)
    whole = np.fft.rfft(rng.standard_normal((1, samples)))
    hertz = np.fft.rfftfreq(samples, 1 / 44100)
    x = np.fft.irfft(whole / (1 + (hertz / 500) ** 2), samples)
    return 0.05 * x / x.std() * np.exp(np.repeat(rng.standard_normal(samples // 4410), 4410))


def rounded(x):
    return np.rint(x * 32768) / 32768


def brick_wall(x):
    whole = np.fft.rfft(x)
    whole[:, np.fft.rfftfreq(x.shape[1], 1 / 44100) > CUTOFF_HZ] = 0
    return np.fft.irfft(whole, x.shape[1])


def gentle(x):
    return sosfiltfilt(LOW_PASS, x)


def needed():
    """Log gain in each band, nepers, that undoes `gentle`: up to what a network may give."""
    response = np.abs(sosfreqz(LOW_PASS, CENTRES_HZ, fs=44100)[1])
    return np.minimum(-2 * np.log(response), 7.0).astype(np.float32)


def spectrum(x):
    """Frames (frames, channels, bins) away from both ends."""
    return stft(np.asarray(x, np.float32)).swapaxes(0, 1)[8:-8]


def measured(x):
    """Moments of a signal."""
    return moments(band_power(spectrum(x)))[1]
