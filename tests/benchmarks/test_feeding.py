"""The benchmark of drawing, on a small music folder."""

import pytest

pytest.importorskip("keras")

from benchmarks import feeding
from tests.helpers.smoke import music
from training.examples.sources import examples
from training.learning.presets import preset


def test_drawing_is_measured_with_threads_and_with_processes():
    config = preset("restore", "smoke")
    source = examples(music(), "train", config)
    for workers in (1, 2):
        found = feeding._drawn(source, config, workers, 0.1)
        assert found["audio_s_per_s"] > 0
        assert found["audio_s_per_core_s"] > 0


def test_every_stage_of_a_degradation_has_its_kind(monkeypatch):
    monkeypatch.setattr(feeding, "FEWEST", 12)
    its = feeding.kinds(music(), 0)
    assert its["examples"] == 12
    assert {"crop", "gain and mix"} <= set(its["stages"])
    assert its["stages"]["gain and mix"]["n"] == 24
    assert all(row["ms"] >= 0 for row in its["stages"].values())
