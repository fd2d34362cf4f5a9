"""The excerpts of the page: every version of one as sound, as picture and in figures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from demo.advice import Candidate, advice
from demo.page_files import PageFiles, Pcm, Signal
from tfbwe.audio.excerpts import spans
from tfbwe.audio.reader import Reader
from tfbwe.audio.tags import read_tags
from tfbwe.errors import AudioError
from tfbwe.measures.spectrogram import levels_db
from tfbwe.stft import SAMPLE_RATE
from training.comparison.lineup import System
from training.comparison.measuring import Excerpt, measured
from training.degradation.conditions import Condition
from training.degradation.degrade import apply
from training.degradation.filters import Lowpass
from training.degradation.rounding import Rounding
from training.degradation.words import WORDS
from training.music.scan import loudness_lufs

EXCERPT_S = 10.0
SHORTEST_S = 1.0
FULL_SCALE = 32768
HIGHEST = 32700 / FULL_SCALE
FIGURES = ("sdr_db", "lsd", "lsd_hf")
PICTURE_COLUMNS = 900
MOST_DB = 6.0


def _anchor(name: str, cutoff_hz: float) -> System:
    degradation = (Lowpass("brickwall", cutoff_hz), Rounding())
    return System(name, "anchor", lambda excerpt: apply(excerpt.original, SAMPLE_RATE, degradation)[0])


ORIGINAL = System("original", "reference", lambda excerpt: excerpt.original)
ANCHORS = (_anchor("anchor35", 3500.0), _anchor("anchor70", 7000.0))
"""The low and the mid anchor of Rec. ITU-R BS.1534-3, by the names that listening tests give them."""
LABELS = {
    "original": "Original",
    "received": "Received",
    "anchor35": "Low anchor (up to 3.5 kHz)",
    "anchor70": "Mid anchor (up to 7 kHz)",
}
HINTS = {"original": "before the loss", "received": "what came through"}


def excerpt(path: Path) -> tuple[Signal, str]:
    """Return the middle 10 s of a file, or all of a shorter one, and its title.

    The signal is (channels, samples) float32 at 44.1 kHz, the title that of the tags, with the artist, else
    the file's name.

    Raises
    ------
    AudioError
        If it cannot be read, or is shorter than 1 s.
    """
    with Reader(path) as reader:
        ((start, stop),) = spans(reader.frames, round(EXCERPT_S * reader.sample_rate))
        blocks = list(reader.blocks(start=start, stop=stop))
        x = np.concatenate(blocks, axis=1) if blocks else np.zeros((reader.channels, 0), np.float32)
        if x.shape[1] < SHORTEST_S * reader.sample_rate:
            raise AudioError(
                f"{path}: expected {SHORTEST_S:g} s of music at least, received {reader.seconds:.2f} s"
            )
        resampled = soxr.resample(x.T, reader.sample_rate, SAMPLE_RATE, quality="VHQ")
        tags = read_tags(path).text
        title, artist = tags.get("title") or path.stem, tags.get("artist")
        return np.ascontiguousarray(resampled.T), f"{title}, by {artist}" if artist else title


def excerpt_id(clip: Path, condition: Condition, taken: set[str]) -> str:
    """Return a name for the files of an excerpt that no other one has, and add it to `taken`."""
    return _untaken(clip.stem, f"-{condition.name}", taken)


def _untaken(start: str, end: str, taken: set[str]) -> str:
    """Return the first file name of this start and end, numbered if need be, that no other one has."""
    name, count = file_name(start + end), 1
    while name in taken:
        count += 1
        name = file_name(f"{start}-{count}{end}")
    taken.add(name)
    return name


def file_name(text: str) -> str:
    """Return a text as small letters, digits and hyphens: good in any link and on any disk."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "clip"


def write_excerpt(
    files: PageFiles,
    name: str,
    title: str,
    x: Signal,
    condition: Condition,
    systems: Sequence[System],
    late_ms: Mapping[str, int],
) -> dict[str, Any]:
    """Send music through a condition, and write what every system makes of it, the original and the anchors.

    What a model leaves as it was received, sample by sample, is named and not written again.

    Parameters
    ----------
    files : PageFiles
        Where sounds and pictures go.
    name, title : str
        For files and for people.
    x : (channels, samples) float32
        Music at 44.1 kHz.
    condition : Condition
    systems : sequence of System
        What was received among them.
    late_ms : mapping of str to int
        Latency of each model, by its name.

    Returns
    -------
    dict
        The excerpt's entry in excerpts.json, links relative to the page.
    """
    received, original = apply(x, SAMPLE_RATE, condition.degradation)
    given = Excerpt(received, original, condition.degradation, condition.cutoff_hz)
    outputs = [(system, system.output(given)) for system in (ORIGINAL, *systems, *ANCHORS)]
    gain = common_gain([y for _, y in outputs])
    as_received = pcm16(received * np.float32(gain))
    heard, unchanged = [], []
    for system, y in outputs:
        pcm = pcm16(y * np.float32(gain))
        if system.kind == "model" and np.array_equal(pcm, as_received):
            unchanged.append(_label(system))
        else:
            heard.append((system, y, pcm, levels_db(y, PICTURE_COLUMNS)))
    top_db = max(-60.0, *(float(np.percentile(level, 99.9)) for *_, level in heard))
    versions, candidates = [], []
    taken: set[str] = set()
    for system, y, pcm, level in heard:
        version = _untaken(system.name, "", taken)
        figures = {} if system is ORIGINAL else measured(original, y, condition.cutoff_hz)
        loudness = loudness_lufs(y[None] * np.float32(gain), SAMPLE_RATE)
        versions.append(
            {
                "id": version,
                "role": system.kind,
                "label": _label(system),
                "hint": _hint(system),
                **files.sound(f"{name}/{version}", pcm),
                "picture": files.picture(f"{name}/{version}", level, top_db),
                "figures": {measure: figures[measure] for measure in FIGURES} if figures else None,
                "loudness_lufs": loudness if math.isfinite(loudness) else None,
                "match_db": 0.0,
            }
        )
        if system.kind in ("received", "model"):
            candidates.append(
                Candidate(
                    version,
                    system.kind == "model" and system.diffuse != 0,
                    figures["sdr_db"],
                    figures["lsd_hf"],
                    late_ms.get(system.model, 0),
                )
            )
    match_loudness(versions)
    return {
        "id": name,
        "title": title,
        "words": WORDS[condition.name],
        "condition": condition.name,
        "regime": condition.regime,
        "note": condition.note,
        "cutoff_hz": condition.cutoff_hz,
        "sample_rate": SAMPLE_RATE,
        "samples": x.shape[1],
        "gain_db": 20 * math.log10(gain),
        "advice": advice(candidates[0], candidates[1:]),
        "unchanged": unchanged,
        "versions": versions,
    }


def _label(system: System) -> str:
    """Return what people call a version: ``Extended, stft``."""
    if system.kind == "model":
        return f"{'Only restored' if system.diffuse == 0 else 'Extended'}, {system.model}"
    return LABELS[system.name]


def _hint(system: System) -> str:
    """Return what a version is, in a few words."""
    if system.kind == "model":
        return "nothing made up" if system.diffuse == 0 else "highs added"
    return HINTS.get(system.name, "")


def pcm16(y: Signal) -> Pcm:
    """Return a signal as 16-bit samples; what lies beyond full scale is clipped."""
    return np.clip(np.round(y * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


def match_loudness(versions: Sequence[dict[str, Any]]) -> None:
    """Set ``match_db``, the gain that makes each version as loud as the quietest; `MOST_DB` down at most."""
    heard = [version for version in versions if version["loudness_lufs"] is not None]
    quietest = min((version["loudness_lufs"] for version in heard), default=0.0)
    for version in heard:
        version["match_db"] = round(max(-MOST_DB, quietest - version["loudness_lufs"]), 2)


def common_gain(sounds: Sequence[Signal]) -> float:
    """Return the gain, 1 at most, at which none of the sounds clips in 16 bit."""
    peak = max(float(np.abs(y).max(initial=0)) for y in sounds)
    return min(1.0, HIGHEST / peak) if peak > 0 else 1.0
