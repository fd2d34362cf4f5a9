"""The excerpts of the page: every version of one as sound, as picture and in figures."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from tfbwe.atomic import replacing
from tfbwe.audio.excerpts import spans
from tfbwe.audio.reader import Reader
from tfbwe.audio.tags import read_tags
from tfbwe.errors import AudioError, ConfigError
from tfbwe.measures.spectrogram import RANGE_DB, levels_db
from tfbwe.stft import SAMPLE_RATE
from training.comparison.lineup import System
from training.comparison.measuring import Excerpt, measured
from training.degradation.conditions import Condition
from training.degradation.degrade import apply
from training.degradation.filters import Lowpass
from training.degradation.rounding import Rounding

EXCERPT_S = 10.0
SHORTEST_S = 1.0
FULL_SCALE = 32768
HIGHEST = 32700 / FULL_SCALE
FIGURES = ("sdr_db", "lsd", "lsd_hf")
PICTURE_COLUMNS = 900

Signal = npt.NDArray[np.float32]


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
SETTINGS = {
    0.0: "raised only (diffuse\N{NO-BREAK SPACE}0)",
    1.0: "full spectrum (diffuse\N{NO-BREAK SPACE}1)",
}


def excerpt(path: Path) -> tuple[Signal, str]:
    """Return the middle 10 s of a file, or all of a shorter one, and its title.

    The signal is (channels, samples) float32 at 44.1 kHz, the title that of the tags, else the file's name.

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
        return np.ascontiguousarray(resampled.T), read_tags(path).text.get("title") or path.stem


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
    folder: Path, name: str, title: str, x: Signal, condition: Condition, systems: Sequence[System]
) -> dict[str, Any]:
    """Send music through a condition, and write what every system makes of it, the original and the anchors.

    Parameters
    ----------
    folder : Path
        Of the page. Into it go ``sounds/<name>/`` and ``pictures/<name>/``.
    name, title : str
        For files and for people.
    x : (channels, samples) float32
        Music at 44.1 kHz.
    condition : Condition
    systems : sequence of System

    Returns
    -------
    dict
        The excerpt's entry in excerpts.json, links relative to the page.
    """
    received, original = apply(x, SAMPLE_RATE, condition.degradation)
    given = Excerpt(received, original, condition.degradation, condition.cutoff_hz)
    line_up = [ORIGINAL, *systems, *ANCHORS]
    sounds = [system.output(given) for system in line_up]
    gain = common_gain(sounds)
    levels = [levels_db(y, PICTURE_COLUMNS) for y in sounds]
    top_db = max(-60.0, *(float(np.percentile(level, 99.9)) for level in levels))
    for kind in ("sounds", "pictures"):
        (folder / kind / name).mkdir(parents=True)
    versions = []
    taken: set[str] = set()
    for system, y, level in zip(line_up, sounds, levels, strict=True):
        version = _untaken(system.name, "", taken)
        sound, picture = f"sounds/{name}/{version}", f"pictures/{name}/{version}.png"
        write_sound(folder / sound, f"{name}/{version}", y * np.float32(gain))
        write_picture(folder / picture, level, top_db)
        figures = None if system is ORIGINAL else measured(original, y, condition.cutoff_hz)
        versions.append(
            {
                "id": version,
                "role": system.kind,
                "label": _label(system),
                "sound": f"{sound}.flac",
                "script": f"{sound}.js",
                "picture": picture,
                "figures": figures and {measure: figures[measure] for measure in FIGURES},
            }
        )
    return {
        "id": name,
        "title": title,
        "condition": condition.name,
        "regime": condition.regime,
        "note": condition.note,
        "cutoff_hz": condition.cutoff_hz,
        "sample_rate": SAMPLE_RATE,
        "samples": x.shape[1],
        "gain_db": 20 * math.log10(gain),
        "versions": versions,
    }


def _label(system: System) -> str:
    """Return what people call a version: ``Extended, stft, full spectrum (diffuse 1)``."""
    if system.name in LABELS:
        return LABELS[system.name]
    setting = "" if system.diffuse is None else f", {SETTINGS[system.diffuse]}"
    return f"Extended, {system.model}{setting}"


def common_gain(sounds: Sequence[Signal]) -> float:
    """Return the gain, 1 at most, at which none of the sounds clips in 16 bit."""
    peak = max(float(np.abs(y).max(initial=0)) for y in sounds)
    return min(1.0, HIGHEST / peak) if peak > 0 else 1.0


def write_sound(path: Path, name: str, y: Signal) -> None:
    """Write 16-bit FLAC, as ``.flac`` and, for pages opened without a server, as text in a ``.js``.

    A page opened from a folder may not read other files, but it may run scripts that lie beside it.
    """
    pcm = np.clip(np.round(y * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm.T, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    with replacing(path.with_suffix(".flac")) as temporary:
        temporary.write_bytes(buffer.getvalue())
    text = base64.b64encode(buffer.getvalue()).decode("ascii")
    with replacing(path.with_suffix(".js")) as temporary:
        temporary.write_text(f"deliver({json.dumps(name)}, {json.dumps(text)});\n", encoding="utf-8")


def write_picture(path: Path, level_db: Signal, top_db: float) -> None:
    """Write a spectrogram without margins as a PNG of 256 colours, 0 Hz at the bottom.

    Parameters
    ----------
    path : Path
    level_db : (bins, frames) float32
        As from `tfbwe.measures.spectrogram.levels_db`; bins are taken in pairs, the highest one is left out.
    top_db : float
        Level of the brightest colour; the darkest is `tfbwe.measures.spectrogram.RANGE_DB` below.

    Raises
    ------
    ConfigError
        If matplotlib is missing.
    """
    try:
        from matplotlib import colormaps
        from PIL import Image
    except ImportError:
        raise ConfigError("pictures need matplotlib: pip install tfbwe[report]") from None
    pairs = level_db[:-1].reshape(len(level_db) // 2, 2, -1).max(axis=1)
    shade = np.clip((pairs[::-1] - top_db) / RANGE_DB + 1, 0, 1)
    height, width = shade.shape
    image = Image.frombytes("P", (width, height), np.round(255 * shade).astype(np.uint8).tobytes())
    image.putpalette(colormaps["magma"](np.arange(256), bytes=True)[:, :3].tobytes())
    with replacing(path) as temporary:
        image.save(temporary, format="PNG", optimize=True)
