"""Where the band of a lossy codec ends: measured once for each of its settings, and kept in a folder."""

from __future__ import annotations

import contextlib
import hashlib
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from tfbwe.stft import BIN_HZ, stft

from . import ffmpeg
from .codecs import CODECS, Codec
from .filters import Signal

KEPT = ".edges"
_folder: Path | None = None


def keep_edges(data: Path) -> None:
    """Keep what is measured from now on beside the music in `data`, and take what is kept there.

    There are some 700 settings, a tenth of a second each: a minute or more for every process that draws.
    """
    global _folder
    _folder = data / KEPT


_PROBE_RATE = 44100
EDGE_POWER = 0.1
"""Share of a band's power that comes through up to its edge. A codec that is short of bits leaves more and
more out towards the edge, of noise more than of music: half of it is not enough to ask for."""


@lru_cache(maxsize=4096)
def edge_hz(codec: Codec, channels: int) -> float:
    """Where a codec's band ends: it depends on its settings alone, and is measured on noise.

    Parameters
    ----------
    codec : Codec
    channels : int

    Returns
    -------
    float
        The highest frequency in Hz that comes through with `EDGE_POWER` of its power or more.
    """
    path = None if _folder is None else _folder / f"{_name(codec, channels)}.txt"
    kept = None if path is None else _kept(path)
    if kept is not None:
        return kept
    x = _probe()[:channels]
    y = codec.apply(x, _PROBE_RATE)
    gain = _smooth_power(y) / _smooth_power(x)
    found_hz = float(np.flatnonzero(gain > EDGE_POWER).max(initial=0) * BIN_HZ)
    if path is not None:
        _keep(path, found_hz)
    return found_hz


def _name(codec: Codec, channels: int) -> str:
    """Of all that an edge depends on: a folder may be shared by machines with other encoders."""
    encoder = _ffmpeg_version() if CODECS[codec.name].by_ffmpeg else soundfile.__libsndfile_version__
    settings = (codec, channels, encoder, soundfile.__version__, EDGE_POWER, _PROBE_RATE)
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:24]


def _kept(path: Path) -> float | None:
    """What was measured before; None where there is nothing, or not all of it."""
    try:
        text = path.read_text(encoding="ascii")
        return float(text) if text.endswith("\n") else None
    except (OSError, ValueError):
        return None


def _keep(path: Path, found_hz: float) -> None:
    """Write an edge down; several processes may write the same at once, and where none can, each measures.

    What was not written to its end lacks its line break, and is measured again.
    """
    with contextlib.suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{found_hz!r}\n", encoding="ascii")


@cache
def _ffmpeg_version() -> str:
    return ffmpeg.version()


@cache
def _probe() -> Signal:
    """Two channels of pink noise, half of it common, (2, samples) float32."""
    spectra = np.fft.rfft(np.random.default_rng(0).standard_normal((3, 2 * _PROBE_RATE)))
    noise = np.fft.irfft(spectra / np.sqrt(np.arange(spectra.shape[1]) + 100.0))
    return np.asarray(0.05 * (noise[:2] + noise[2]) / noise.std(), np.float32)


def _smooth_power(x: Signal) -> npt.NDArray[np.float64]:
    """Mean power of each bin of the STFT, over a few bins."""
    power = (np.abs(stft(x)) ** 2).mean(axis=(0, 1))
    return np.convolve(power, np.ones(5) / 5, "same") + 1e-12
