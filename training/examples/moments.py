"""Statistics of a music folder, computed once and kept beside the music."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt
import tqdm

from tfbwe.atomic import replacing
from tfbwe.restoration.statistics import BANDS, FLOOR, MOMENTS, SILENT_POWER, band_power, moments
from tfbwe.stft import HOP_LENGTH, N_FFT, inner_frames

from ..music.manifest import Track
from .drawn import read

FloatArray = npt.NDArray[np.float32]
KEPT = ".moments"
PIECE_FRAMES = 86
"""Frames of a piece of music: a second."""


def pieces_of(data: Path, track: Track) -> FloatArray:
    """Moments of each second of a track that is not silent, (pieces, 4, 155) float32.

    Raises
    ------
    AudioError
        As `drawn.read` has it.
    """
    path = _file(data, track)
    kept = _kept(path)
    if kept is None:
        path.parent.mkdir(exist_ok=True)
        kept = _measured(read(data, track).T)
        with replacing(path) as temporary:
            np.save(temporary, kept)
    return kept


def kept_pieces(data: Path, track: Track) -> tuple[Path, int]:
    """File of `pieces_of`, measured on first use, and how many there are."""
    return _file(data, track), len(pieces_of(data, track))


def _file(data: Path, track: Track) -> Path:
    settings = (track.file, track.size_bytes, track.mtime_ns, PIECE_FRAMES, BANDS, FLOOR, SILENT_POWER)
    name = hashlib.sha256(repr(settings).encode(errors="surrogateescape")).hexdigest()[:24]
    return data / KEPT / f"{name}.npy"


def _kept(path: Path) -> FloatArray | None:
    """What was kept; None where there is nothing, or a damaged file, whose track is measured again."""
    try:
        kept: FloatArray = np.load(path, mmap_mode="r")
    except Exception:  # NumPy raises whatever the damaged part happens to raise
        return None
    return kept if kept.dtype == np.float32 and kept.shape[1:] == (len(MOMENTS), BANDS) else None


def all_pieces(data: Path, tracks: list[Track]) -> list[tuple[Path, int]]:
    """`kept_pieces` for many tracks, on all processors."""
    work = joblib.Parallel(n_jobs=os.cpu_count() or 1, return_as="generator")(
        joblib.delayed(kept_pieces)(data, track) for track in tracks
    )
    return list(tqdm.tqdm(work, total=len(tracks), desc="statistics", unit="track", disable=None))


def _measured(x: FloatArray) -> FloatArray:
    """Moments of each second of music (channels, samples)."""
    samples = PIECE_FRAMES * HOP_LENGTH
    found = []
    for start in range(0, x.shape[1] - samples - N_FFT + 1, samples):
        part = x[:, start : start + samples + N_FFT - HOP_LENGTH]
        count, rows = moments(band_power(inner_frames(part)))
        if count > PIECE_FRAMES // 2:
            found.append(rows)
    return np.asarray(found, np.float32).reshape(-1, len(MOMENTS), BANDS)
