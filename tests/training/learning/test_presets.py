"""Presets, and settings that override them."""

from __future__ import annotations

import json

from training.learning.presets import PRESETS, FitConfig, overridden
from training.learning.run import describe, read_config


def test_settings_are_read_as_they_are_written():
    config = overridden(FitConfig(), ["hours=5", "network.dilations=(1, 2)", "objective=squared_error"])
    assert config.hours == 5.0
    assert isinstance(config.hours, float)
    assert config.network.dilations == (1, 2)
    assert config.objective == "squared_error"


def test_every_preset_is_described_and_read_back(tmp_path):
    for (model, _), config in PRESETS.items():
        assert config.model == model
        (tmp_path / "config.json").write_text(json.dumps(describe(config, 0, False, None)))
        assert read_config(tmp_path) == config
