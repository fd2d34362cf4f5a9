"""Coded sound, whole and damaged."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from tfbwe.audio.reader import Reader

KINDS = ("mp3", "vbr", "uncounted", "vorbis", "opus")
SUFFIXES = {"vorbis": "ogg", "opus": "opus"}
RATE = 48000


def tones(seconds, channels=2, rate=RATE):
    """Return chords that change every quarter of a second, so that what is left out can be told."""
    t = np.arange(round(seconds * rate)) / rate
    pitch = 200 + 37 * np.floor(4 * t) % 600
    x = 0.3 * np.sin(2 * np.pi * pitch * t) + np.random.default_rng(0).normal(0, 0.02, len(t))
    return np.stack([x] * channels).astype(np.float32)


def coded(kind, seconds=6.0, channels=2, rate=RATE):
    """Return the bytes of a coded file; ``uncounted`` is an MP3 without a header that counts its frames."""
    container, subtype = {"vorbis": ("OGG", "VORBIS"), "opus": ("OGG", "OPUS")}.get(
        kind, ("MP3", "MPEG_LAYER_III")
    )
    memory = io.BytesIO()
    mode = {"mp3": "CONSTANT", "vbr": "VARIABLE", "uncounted": "VARIABLE"}.get(kind)
    with soundfile.SoundFile(
        memory, "w", rate, channels, subtype, format=container, compression_level=0.5, bitrate_mode=mode
    ) as file:
        file.write(tones(seconds, channels, rate).T)
    data = memory.getvalue()
    return without_count(data) if kind == "uncounted" else data


def without_count(data):
    """Leave out the first frame of an MP3, which counts the others."""
    start = max(data.find(b"Xing", 0, 4000), data.find(b"Info", 0, 4000))
    assert start > 0
    frame = data.index(b"\xff\xfb", start)
    return data[frame:]


def save(folder, kind, data):
    path = folder / f"song.{SUFFIXES.get(kind, 'mp3')}"
    path.write_bytes(data)
    return path


def decoded(path, strict=False):
    """Return the samples (channels, samples) of a file, and what its reader says of damage."""
    with Reader(path, strict) as reader:
        parts = list(reader.blocks())
        return np.concatenate([np.zeros((reader.channels, 0), np.float32), *parts], axis=1), reader.damage
