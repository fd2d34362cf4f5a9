"""Presets, and settings that override them."""

from __future__ import annotations

import json

import pytest

from tfbwe.errors import ConfigError
from training.learning.presets import OBJECTIVES, PRESETS, FitConfig, overridden
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


def test_only_networks_of_the_paper_read_what_was_received_as_it_is():
    for (model, name), config in PRESETS.items():
        if isinstance(config, FitConfig):
            assert config.restores == (name != "paper"), (model, name)
            assert config.objective in OBJECTIVES


@pytest.mark.parametrize("objective", ["two_term", ""])
def test_an_objective_that_there_is_not_is_refused_with_those_there_are(objective):
    with pytest.raises(ConfigError, match="log_magnitude or squared_error"):
        FitConfig(objective=objective)
