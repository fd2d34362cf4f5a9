"""What a kept row depends on."""

import dataclasses

import numpy as np
import pytest
import soundfile

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
from training.comparison.rows import rows_of
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
        ({"bandwidth_hz": 17000.0}, {}, {}),
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


def test_a_wall_above_16_khz_has_a_top_and_a_level_and_20_khz_a_top_alone(low_passed):
    original, estimate = low_passed(cutoff_hz=21000), low_passed(cutoff_hz=16600)
    values = measured(original, estimate, 16600.0)
    assert values["lsd_top"] > 1
    assert values["level_hf_db"] < -20
    values = measured(original, estimate, 20000.0)
    assert values["lsd_top"] > 1
    assert (values["lsd_hf"], values["level_hf_db"]) == (None, None)


def test_a_row_is_measured_up_to_the_bandwidth_of_its_track(tmp_path, low_passed):
    soundfile.write(tmp_path / "a.flac", low_passed(2, 2.0, cutoff_hz=21000).T, SAMPLE_RATE)
    system = System("received", "received", systems.received)
    found = {}
    for bandwidth_hz in (20500.0, 16500.0):
        track = dataclasses.replace(TRACK, bandwidth_hz=bandwidth_hz)
        (found[bandwidth_hz],) = rows_of(tmp_path, track, CONDITIONS[0], [system], tmp_path, False)
    assert found[20500.0]["lsd_top"] > 1
    assert found[16500.0]["lsd_top"] is None
    assert found[20500.0]["lsd_hf"] == found[16500.0]["lsd_hf"]
    assert found[20500.0]["level_hf_db"] != found[16500.0]["level_hf_db"]


def test_what_is_not_finite_is_none(low_passed):
    x = low_passed()
    assert measured(x, x, 8000.0)["sdr_db"] is None
    assert measured(np.zeros_like(x), x, 8000.0)["lsd"] is None
    assert measured(x, np.zeros_like(x), 5000.0)["level_hf_db"] is None


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
