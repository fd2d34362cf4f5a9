"""The listener's score of an output: it takes seconds, and is kept apart from the quick measures."""

import math

from tfbwe.measures import listening
from tfbwe.stft import SAMPLE_RATE

from .measuring import FloatArray

LISTENED_S = 8.0


def scored(original: FloatArray, estimate: FloatArray) -> float | None:
    """Score that ViSQOL predicts for the middle 8 s of signals (channels, samples) float32 at 44.1 kHz."""
    length = min(original.shape[1], round(LISTENED_S * SAMPLE_RATE))
    start = (original.shape[1] - length) // 2
    part = slice(start, start + length)
    score = listening.visqol(original[:, part], estimate[:, part], SAMPLE_RATE)
    return score if math.isfinite(score) else None
