"""A small companion page, for the tests of what the builder writes and of what a browser makes of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import soundfile

from demo import page

SECONDS = 2.0
SEED = 7
"""Of the order in the blind test."""
AWKWARD_NAME = "a song, of 2 s <b>.flac"
CONDITIONS = ("brickwall-8k", "butterworth-8k")
ANCHORS = ["anchor35", "anchor70"]
NAMES = ["original", "received", "stft-diffuse-1", *ANCHORS]
"""Versions of the first excerpt; restoring alone changes nothing there."""


def short_clip(path: Path, gain: float = 1.0) -> Path:
    """The beginning of the shipped clip, without tags."""
    x, rate = soundfile.read(page.CLIP, dtype="float32", frames=round(SECONDS * 44100))
    encoded = io.BytesIO()
    soundfile.write(encoded, x * gain, rate, format="FLAC" if path.suffix == ".flac" else "WAV", subtype=None)
    path.write_bytes(encoded.getvalue())
    return path


def made_page(folder: Path) -> Path:
    """A page of one short clip through two conditions, extended by the shipped STFT model."""
    clip = short_clip(folder / AWKWARD_NAME)
    out = folder / "a page"
    assert page.main([str(out), "--clips", str(clip), "--models", "stft"]) == 0
    return out


def excerpts_of(folder: Path):
    return json.loads((folder / "excerpts.json").read_text(encoding="utf-8"))["excerpts"]


def said(tab):
    """What the page says of what it does."""
    return tab.run("at('status').textContent")
