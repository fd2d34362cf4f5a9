"""Rows of a comparison: one system on one excerpt through one channel, measured once and kept.

What was measured is kept by a hash of all that it depends on: the track, the channel, the system with its
weights, and the code. So whatever changes is measured anew, and nothing else.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tfbwe.atomic import replacing
from tfbwe.errors import AudioError
from tfbwe.measures import distances as measures
from tfbwe.measures import listening as perceptual
from tfbwe.stft import SAMPLE_RATE

from ..degradation import degrade
from ..degradation.conditions import Condition, send
from ..music.manifest import Track
from ..provenance import code_version, versions
from .lineup import Excerpt, System

EXCERPT_S = 20.0
LISTENED_S = 8.0
LIBRARIES = ("numpy", "scipy", "soxr", "soundfile", "ai-edge-litert", "visqol-python")
MEASURES = ("sdr_db", "snr_db", "lsd", "lsd_hf", "lsd_hf_matched", "visqol")
MEASURING = (measures.__name__, degrade.__name__, __name__)

FloatArray = npt.NDArray[np.float32]
Values = dict[str, float | None]
Row = dict[str, Any]


def excerpt(path: Path) -> FloatArray:
    """Return the middle 20 s of a file, or all of a shorter one, at 44.1 kHz; (channels, samples) float32.

    Raises
    ------
    AudioError
        If it cannot be read, or holds no samples.
    """
    try:
        with soundfile.SoundFile(path) as file:
            length = min(file.frames, round(EXCERPT_S * file.samplerate))
            file.seek((file.frames - length) // 2)
            x = file.read(length, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"{path}: expected the sound file of the manifest; {error}") from None
    if not len(x):
        raise AudioError(f"{path}: expected music, it holds no samples; take it away, scan again")
    return np.ascontiguousarray(soxr.resample(x, file.samplerate, SAMPLE_RATE, quality="VHQ").T)


def rows_of(
    data: Path, track: Track, condition: Condition, systems: Sequence[System], cache: Path, listen: bool
) -> list[Row] | str:
    """Rows of all systems on one track through one channel, or what went wrong.

    Parameters
    ----------
    data : Path
        Music folder.
    track : Track
    condition : Condition
    systems : sequence of System
    cache : Path
        Folder of what was measured before; it must exist.
    listen : bool
        Whether to predict the listener's score, which takes seconds a row.
    """
    systems = [system for system in systems if system.takes_part(condition)]
    kept = _Kept(cache, track, condition)
    try:
        missing = [system for system in systems if not kept.has(system, listen)]
        if missing:
            received, original, rate_kbps = send(condition, excerpt(data / track.file), SAMPLE_RATE)
            for system in missing:
                y = system.make(Excerpt(received, original, condition))
                if not kept.has(system, False):
                    values = measured(original, y, condition.cutoff_hz)
                    if system.kind == "received" and rate_kbps is not None:
                        values["rate_kbps"] = rate_kbps
                    kept.put(system, values)
                if listen:
                    kept.put(system, {"visqol": heard(original, y)}, heard=True)
                kept.write()
    except AudioError as error:
        return str(error)
    except (ValueError, RuntimeError) as error:  # a library's; no reason to end a run of hours
        return f"{data / track.file}, {condition.name}: {type(error).__name__}: {error}"
    names = {"track": track.file, "condition": condition.name}
    return [{**names, "system": system.name, **kept.get(system, listen)} for system in systems]


def measured(original: FloatArray, estimate: FloatArray, cutoff_hz: float) -> Values:
    """All quick measures; None for what is not defined, such as a band above the highest that is measured."""
    if cutoff_hz < measures.TOP_HZ:
        values = dataclasses.asdict(measures.compare(original, estimate, SAMPLE_RATE, cutoff_hz))
    else:
        values = {
            "sdr_db": measures.sdr_db(original, estimate, SAMPLE_RATE),
            "snr_db": measures.snr_db(original, estimate),
            "lsd": measures.lsd(original, estimate, SAMPLE_RATE),
            "lsd_hf": math.nan,
            "lsd_hf_matched": math.nan,
        }
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def heard(original: FloatArray, estimate: FloatArray) -> float | None:
    """Listener's score that ViSQOL predicts for the middle 8 s."""
    length = min(original.shape[1], round(LISTENED_S * SAMPLE_RATE))
    start = (original.shape[1] - length) // 2
    part = slice(start, start + length)
    score = perceptual.visqol(original[:, part], estimate[:, part], SAMPLE_RATE)
    return score if math.isfinite(score) else None


class _Kept:
    """What was measured on one track through one channel: a JSON file, values by the hash of their origin."""

    def __init__(self, cache: Path, track: Track, condition: Condition) -> None:
        origin = [track.file, track.size_bytes, track.mtime_ns, EXCERPT_S]
        origin += [repr(condition.degradation), condition.cutoff_hz, versions(*LIBRARIES)]
        self._origin = origin
        self._path = cache / f"{_hash(origin)}.json"
        try:
            self._values: dict[str, Values] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a damaged one is measured again
            self._values = {}

    def _key(self, system: System, heard: bool) -> str:
        code = (*MEASURING, perceptual.__name__) if heard else MEASURING
        return _hash([*self._origin, system.kind, *system.identity, code_version(*code, *system.code), heard])

    def has(self, system: System, listen: bool) -> bool:
        return all(self._key(system, heard) in self._values for heard in (False, listen))

    def get(self, system: System, listen: bool) -> Values:
        quick = self._values[self._key(system, False)]
        return {**quick, **(self._values[self._key(system, True)] if listen else {})}

    def put(self, system: System, values: Values, heard: bool = False) -> None:
        self._values[self._key(system, heard)] = values

    def write(self) -> None:
        with replacing(self._path) as temporary:
            temporary.write_text(json.dumps(self._values), encoding="utf-8")


def _hash(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
