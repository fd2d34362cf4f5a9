"""What a kept row depends on."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy")

from tfbwe.measures.distances import compare
from tfbwe.stft import SAMPLE_RATE
from training.comparison.cache import Kept
from training.comparison.lineup import System
from training.comparison.measuring import measured
from training.degradation.conditions import CONDITIONS
from training.music.manifest import Track

TRACK = Track("a.flac", "a", "test", 20000.0, 44100, 2, 100.0, -14.0, size_bytes=5, mtime_ns=7)
SYSTEM = System("s", "model", lambda excerpt: excerpt.received, ("weights",))


@pytest.mark.parametrize(
    ("track", "condition", "system"),
    [
        ({"size_bytes": 6}, {}, {}),
        ({"mtime_ns": 8}, {}, {}),
        ({"file": "b.flac"}, {}, {}),
        ({}, {"cutoff_hz": 8001.0}, {}),
        ({}, {"degradation": CONDITIONS[1].degradation}, {}),
        ({}, {}, {"identity": ("other weights",)}),
        ({}, {}, {"kind": "true"}),
    ],
)
def test_a_row_is_kept_for_the_same_track_condition_and_system_only(tmp_path, track, condition, system):
    kept = Kept(tmp_path, TRACK, CONDITIONS[0])
    kept.put(SYSTEM, {"sdr_db": 1.0})
    kept.write()
    assert Kept(tmp_path, TRACK, CONDITIONS[0]).get(SYSTEM, False) == {"sdr_db": 1.0}
    other = Kept(
        tmp_path, dataclasses.replace(TRACK, **track), dataclasses.replace(CONDITIONS[0], **condition)
    )
    assert not other.has(dataclasses.replace(SYSTEM, **system), False)


def test_a_name_alone_changes_nothing(tmp_path):
    kept = Kept(tmp_path, TRACK, CONDITIONS[0])
    kept.put(SYSTEM, {"sdr_db": 1.0})
    kept.write()
    renamed = dataclasses.replace(CONDITIONS[0], name="new", regime="new", note="new")
    again = Kept(tmp_path, TRACK, renamed)
    assert again.has(dataclasses.replace(SYSTEM, name="new"), False)
    assert not again.has(SYSTEM, True)


def test_a_cutoff_above_the_measured_band_leaves_that_band_undefined(low_passed):
    original, estimate = low_passed(cutoff_hz=15000), low_passed(cutoff_hz=15000, seed=1)
    values = measured(original, estimate, 16000.0)
    assert values["lsd_hf"] is None
    assert values["lsd_hf_matched"] is None
    known = compare(original, estimate, SAMPLE_RATE, 8000.0)
    assert {name: values[name] for name in ("sdr_db", "snr_db", "lsd")} == {
        name: known[name] for name in ("sdr_db", "snr_db", "lsd")
    }
    assert measured(original, estimate, 8000.0) == known


def test_what_is_not_finite_is_none(low_passed):
    x = low_passed()
    assert measured(x, x, 8000.0)["sdr_db"] is None
    silent = measured(np.zeros_like(x), x, 8000.0)
    assert silent["lsd"] is None
