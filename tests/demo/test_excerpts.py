"""Excerpts of the companion page: names of files, one gain for all versions, equal loudness."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import soundfile

from demo import excerpts
from demo.page_files import PageFiles
from training.degradation.conditions import CONDITIONS

ROUNDING = 1 / 32768


def test_one_gain_for_all_versions_keeps_the_loudest_from_clipping(tmp_path):
    rng = np.random.default_rng(0)
    sounds = [rng.uniform(-1.7, 1.7, (2, 500)).astype(np.float32), np.full((1, 9), 0.2, np.float32)]
    gain = excerpts.common_gain(sounds)
    assert 0.99 < gain * max(float(np.abs(x).max()) for x in sounds) < 1
    assert excerpts.common_gain([np.zeros((2, 0), np.float32), np.zeros((1, 5), np.float32)]) == 1
    files = PageFiles(tmp_path)
    for i, x in enumerate(sounds):
        links = files.sound(f"x/{i}", excerpts.pcm16(x * gain))
        y, _ = soundfile.read(tmp_path / links["sound"], dtype="float64", always_2d=True)
        np.testing.assert_allclose(y.T, x * gain, atol=0.51 * ROUNDING)


def test_names_of_files_are_plain_and_never_taken_twice():
    (condition, *_) = CONDITIONS
    taken = set()
    clips = [Path(name) for name in ("a b.flac", "A_b.wav", "x/a-b.mp3", "ünï ß.flac", "…….flac", "….flac")]
    names = [excerpts.excerpt_id(clip, condition, taken) for clip in clips]
    assert len(set(names)) == len(names) == len(taken)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)


def test_nothing_is_turned_down_for_loudness_by_more_than_6_db():
    levels = [-20.0, -21.5, -30.0, None]
    versions = [{"loudness_lufs": level, "match_db": 0.0} for level in levels]
    excerpts.match_loudness(versions)
    assert [version["match_db"] for version in versions] == [-6, -6, 0, 0]
