"""One output of a system, measured: with what this imports, all that a row depends on beside the system."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tfbwe.audio.excerpts import spans
from tfbwe.errors import AudioError
from tfbwe.measures import distances
from tfbwe.stft import SAMPLE_RATE

from ..degradation.degrade import Degradation, apply_counted

EXCERPT_S = 20.0

FloatArray = npt.NDArray[np.float32]
Values = dict[str, float | None]


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """What a system gets: only true magnitudes use the original, what knows the filter the degradation."""

    received: FloatArray
    original: FloatArray
    degradation: Degradation
    cutoff_hz: float


def sent(path: Path, degradation: Degradation, cutoff_hz: float) -> tuple[Excerpt, int | None]:
    """Excerpt of a file after a degradation, and the bytes that codecs spent on it, None without any."""
    received, original, size_bytes = apply_counted(excerpt(path), SAMPLE_RATE, degradation)
    return Excerpt(received, original, degradation, cutoff_hz), size_bytes


def excerpt(path: Path) -> FloatArray:
    """Return the middle 20 s of a file, or all of a shorter one, at 44.1 kHz; (channels, samples) float32.

    Raises
    ------
    AudioError
        If it cannot be read, or holds no samples.
    """
    try:
        with soundfile.SoundFile(path) as file:
            ((start, stop),) = spans(file.frames, round(EXCERPT_S * file.samplerate))
            file.seek(start)
            x = file.read(stop - start, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: expected the sound file of the manifest; {error}") from None
    if not len(x):
        raise AudioError(f"{path}: expected music, it holds no samples; take it away, scan again")
    return np.ascontiguousarray(soxr.resample(x, file.samplerate, SAMPLE_RATE, quality="VHQ").T)


def measured(
    original: FloatArray, estimate: FloatArray, cutoff_hz: float, bandwidth_hz: float | None = None
) -> Values:
    """All quick measures; None for what is not defined, such as a band above the highest that is measured.

    Nothing above the cutoff is measured beyond the bandwidth of the original, where it is given.
    """
    band_hz = cutoff_hz if cutoff_hz < distances.LIMIT_HZ else None
    values = distances.compare(original, estimate, SAMPLE_RATE, band_hz, bandwidth_hz)
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in values.items()
    }


def rate_kbps(size_bytes: int, x: FloatArray) -> float:
    """Rate that a codec spent on a signal (channels, samples) at 44.1 kHz, for all channels, in kb/s."""
    return float(size_bytes * 8e-3 * SAMPLE_RATE / max(x.shape[1], 1))
