"""Sound files made by ffmpeg itself."""

from __future__ import annotations

import os
import subprocess

import numpy as np
import pytest

from tfbwe.audio import ffmpeg

needing_ffmpeg = pytest.mark.skipif(
    bool(ffmpeg.missing()), reason="ffmpeg and ffprobe are not on the path (apt-get install ffmpeg)"
)


def run(*arguments, sound=None):
    """Run ffmpeg and return its standard output."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(os.fsencode, map(str, arguments))]
    return subprocess.run(command, input=sound, stdout=subprocess.PIPE, check=True).stdout


def encode(path, x, rate, *arguments):
    """Write a signal (channels, samples) as ffmpeg's arguments say."""
    raw = np.ascontiguousarray(x.T, "<f4").tobytes()
    source = ["-f", "f32le", "-ar", rate, "-ac", len(x), "-i", "pipe:0"]
    run(*source, *arguments, "-flags:a", "+bitexact", f"file:{path}", sound=raw)
    return path


def lag(x, y):
    """Samples by which y comes later than x, by correlation of their first channels."""
    n = min(x.shape[1], y.shape[1])
    spectrum = np.conj(np.fft.rfft(x[0, :n], 2 * n)) * np.fft.rfft(y[0, :n], 2 * n)
    at = int(np.argmax(np.fft.irfft(spectrum)))
    return at if at < n else at - 2 * n
