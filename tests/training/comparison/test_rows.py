"""What a kept row depends on."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("scipy")

from tfbwe.cutoff import edge
from tfbwe.extension import high_band
from tfbwe.measures import distances, listening
from tfbwe.measures.distances import compare
from tfbwe.stft import SAMPLE_RATE
from training.comparison import systems
from training.comparison.cache import MEASURING, SCORING, Kept
from training.comparison.lineup import System, line_up, load_models
from training.comparison.measuring import measured
from training.degradation import degrade
from training.degradation.conditions import CONDITIONS
from training.music.manifest import Track
from training.provenance import code_behind

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


def test_rows_depend_on_what_makes_and_measures_them_and_on_nothing_that_writes_files():
    models = load_models(["stft"])
    roots = {*MEASURING, *SCORING, *(name for system in line_up(models) for name in system.code)}
    behind = set(code_behind(*roots))
    for module in (distances, listening, degrade, high_band, edge, systems):
        assert module.__name__ in behind
    assert [name for name in behind if name.startswith(("tfbwe.cli", "tfbwe.network"))] == []
    assert {name for name in behind if name.startswith("tfbwe.offline.")} == {"tfbwe.offline.received"}
    assert not behind & {"tfbwe.atomic", "tfbwe.audio.writer", "tfbwe.audio.tags"}
    assert not behind & {"training.degradation.conditions", "training.evaluate"}
    assert {"training.comparison.measuring", "training.comparison.decoded"} <= behind


def test_the_row_of_a_paper_run_depends_on_its_network():
    behind = code_behind("training.comparison.predicted")
    assert {"tfbwe.network.autoencoder", "tfbwe.network.layers"} <= set(behind)


def test_a_received_row_does_not_depend_on_the_decoder():
    assert not [name for name in code_behind(*MEASURING) if name.startswith("tfbwe.extension")]
