"""Sound files of every kind, written and read whole."""

from __future__ import annotations

import numpy as np

from tfbwe.audio.reader import Reader
from tfbwe.audio.writer import Writer

FORMATS = [
    ("WAV", "PCM_16", "wav"),
    ("WAV", "FLOAT", "wav"),
    ("RF64", "PCM_24", "rf64"),
    ("AIFF", "PCM_24", "aiff"),
    ("CAF", "ALAC_16", "caf"),
    ("FLAC", "PCM_16", "flac"),
    ("OGG", "VORBIS", "ogg"),
    ("OGG", "OPUS", "opus"),
    ("MP3", "MPEG_LAYER_III", "mp3"),
]
TAGS = {
    "title": "Träumerei",
    "artist": "Clara",
    "album": "B",
    "date": "1838",
    "genre": "Piano",
    "tracknumber": "7",
}


def noise(channels=2, samples=20000, seed=0):
    return (np.random.default_rng(seed).uniform(-0.5, 0.5, (channels, samples))).astype(np.float32)


def write(path, x, rate=48000, container="WAV", subtype="PCM_16", **more):
    with Writer(path, rate, len(x), container=container, subtype=subtype, **more) as file:
        file.write(x)
    return path


def read(path, block_frames=4096):
    with Reader(path) as reader:
        parts = list(reader.blocks(block_frames))
        return np.concatenate([np.zeros((reader.channels, 0), np.float32), *parts], axis=1)


def low_band(x, rate, below_hz=5000):
    spectrum = np.fft.rfft(x)
    spectrum[:, np.fft.rfftfreq(x.shape[1], 1 / rate) > below_hz] = 0
    return np.fft.irfft(spectrum, x.shape[1])


def high_energy(x, rate):
    spectrum = np.abs(np.fft.rfft(x))[:, np.fft.rfftfreq(x.shape[1], 1 / rate) > 8000]
    return float(np.square(spectrum).sum())
