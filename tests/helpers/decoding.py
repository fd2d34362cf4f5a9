"""Music for a decoder, and what a decoder does with it."""

import dataclasses
from itertools import pairwise

import numpy as np

from tfbwe.model.bundle import Bundle, load_bundle
from tfbwe.restoration.statistics import BANDS, FEATURES
from tfbwe.stft import SAMPLE_RATE
from tfbwe.transform import TRANSFORMS

_SHIPPED = load_bundle("stft")
BUNDLE = Bundle("step.tflite", dataclasses.replace(_SHIPPED.manifest, sha256="other"), _SHIPPED.flatbuffer)
"""The shipped step graph as if it were another model: no graph from wave to wave takes its place."""
CQT_TRANSFORM = {
    "kind": "cqt",
    "sample_rate": 44100,
    "block_length": 32768,
    "overlap": 8192,
    "bins_per_octave": 48,
    "f_min": 64.0,
    "f_max": 20500.0,
    "bins": 400,
}
CQT_MANIFEST = dataclasses.replace(BUNDLE.manifest, model="cqt", transform=CQT_TRANSFORM, states={})
CQT_BUNDLE = Bundle("cqt.tflite", CQT_MANIFEST, b"")
"""A model of the CQT without a graph, for decoders whose network something else stands in for."""
CUTOFF_HZ = 8000.0
ABOVE_RANGE_HZ = 21000.0
LATENCY = 2048
CQT_LATENCY = 32768


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


def delayed(x, latency=LATENCY):
    return np.pad(x, ((0, 0), (latency, 0)))


class KnownNetwork:
    """Takes the networks' place and predicts the same for every frame, bin and band."""

    log_residual = 0.0
    log_gain = 0.0

    def __init__(self, bundle, channels):
        self.manifest = bundle.manifest
        self.transform = TRANSFORMS[bundle.manifest.transform["kind"]]
        self.bins = bundle.manifest.transform["bins"]
        self.channels = channels

    def reset(self):
        pass

    def step(self, features):
        assert features.shape[0] == self.channels
        assert features.shape[-1] == self.bins
        return np.full(features.shape, self.log_residual, np.float32)

    def restoring(self, statistics):
        assert statistics.shape == (1, BANDS, FEATURES)
        assert statistics.dtype == np.float32
        return np.full((1, BANDS), self.log_gain, np.float32)


class AlertNetwork(KnownNetwork):
    """Takes the networks' place and goes by what they read: the louder, the more it predicts."""

    def step(self, features):
        return np.asarray(6 + np.roll(features, 90, axis=-1), np.float32)

    def restoring(self, statistics):
        return np.asarray(2 - statistics[..., 1], np.float32)
