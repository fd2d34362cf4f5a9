"""Music for a decoder, and what a decoder does with it."""

from itertools import pairwise

import numpy as np

from tfbwe.bundle import load_bundle
from tfbwe.stft import SAMPLE_RATE

BUNDLE = load_bundle("stft")
CUTOFF_HZ = 8000.0
ABOVE_RANGE_HZ = 21000.0
LATENCY = 2048


def music(channels=2, seconds=0.6, cutoff_hz=CUTOFF_HZ, seed=0):
    """Return notes that decay and noise, nothing above the cutoff."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    t = np.arange(samples) / SAMPLE_RATE
    x = 0.05 * rng.standard_normal((channels, samples))
    for partial in range(1, 40):
        x += rng.uniform(0, 1, (channels, 1)) / partial * np.sin(2 * np.pi * 220 * partial * t)
    x *= np.exp(-4 * (t % 0.25))
    spectrum = np.fft.rfft(x)
    spectrum[:, np.fft.rfftfreq(samples, 1 / SAMPLE_RATE) > cutoff_hz] = 0
    x = np.fft.irfft(spectrum, samples)
    return (0.5 * x / np.abs(x).max()).astype(np.float32)


def noise(channels, samples, cutoff_hz, level):
    """Return noise with nothing above the cutoff."""
    spectrum = np.fft.rfft(level * np.random.default_rng(0).standard_normal((channels, samples)))
    spectrum[:, np.fft.rfftfreq(samples, 1 / SAMPLE_RATE) > cutoff_hz] = 0
    return np.fft.irfft(spectrum, samples).astype(np.float32)


def decode(decoder, x, cuts=()):
    """Return all of the output, tail included, of an input that is cut at some places."""
    edges = [0, *sorted(cuts), x.shape[1]]
    parts = [decoder.process(x[:, start:stop]) for start, stop in pairwise(edges)]
    for part, (start, stop) in zip(parts, pairwise(edges), strict=True):
        assert part.shape == (x.shape[0], stop - start)
        assert part.dtype == np.float32
    return np.concatenate([*parts, decoder.flush()], axis=1)


def cut(samples, sizes):
    return [place for place in np.cumsum(sizes, dtype=int) if place <= samples]


def delayed(x):
    return np.pad(x, ((0, 0), (LATENCY, 0)))


class KnownHeads:
    """Takes the network's place and says the same of every frame."""

    bins = BUNDLE.manifest.transform["bins"]
    heads = (0.0, 0.0)

    def __init__(self, bundle, channels):
        self.channels = channels

    def reset(self):
        pass

    def step(self, features):
        shape = (2, self.channels, self.bins)
        return np.broadcast_to(np.float32(self.heads)[:, None, None], shape).copy()
