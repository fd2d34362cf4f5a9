"""Manifests that are whole, and wrong."""

import json

import pytest

from tfbwe.model.bundle import load_bundle
from tfbwe.model.manifest import Manifest

WAVE = {
    "kind": "wave",
    "parameters": 5,
    "channels": 1,
    "hop_length": 512,
    "latency_samples": 1536,
    "default_cutoff_hz": 11025.0,
    "tensors": {},
}
RESTORING = {"parameters": 5, "macs_per_s": 7.0, "training": {}}


def values(**changes):
    return {**json.loads(load_bundle("stft").manifest.to_json()), **changes}


def test_unknown_and_missing_keys_are_refused_by_name():
    with pytest.raises(ValueError, match="missing or unknown keys: colour"):
        Manifest.from_json(json.dumps(values(colour="red")))
    some = values()
    del some["licence"], some["restoring"]
    with pytest.raises(ValueError, match="missing or unknown keys: licence, restoring"):
        Manifest.from_json(json.dumps(some))


@pytest.mark.parametrize(
    "change",
    [
        {"format_version": "1"},
        {"format_version": 1.5},
        {"graph": []},
        {"graph": {"kind": "magic", "parameters": 5}},
        {"graph": {"kind": "step"}},
        {"graph": {**WAVE, "channels": 0}},
        {"graph": {**WAVE, "parameters": 1.5}},
        {"graph": {**WAVE, "default_cutoff_hz": "8000"}},
        {"graph": {**WAVE, "default_cutoff_hz": 22051}},
        {"graph": {key: value for key, value in WAVE.items() if key != "tensors"}},
        {"format_version": 0},
        {"model": 3},
        {"transform": []},
        {"restoring": []},
        {"restoring": None},
        {"restoring": {"parameters": 5, "macs_per_s": 7.0}},
        {"restoring": {**RESTORING, "colour": "red"}},
        {"restoring": {**RESTORING, "parameters": 0}},
        {"restoring": {**RESTORING, "parameters": "5"}},
        {"restoring": {**RESTORING, "parameters": True}},
        {"restoring": {**RESTORING, "macs_per_s": float("nan")}},
        {"restoring": {**RESTORING, "macs_per_s": float("inf")}},
        {"restoring": {**RESTORING, "macs_per_s": -1.0}},
        {"restoring": {**RESTORING, "training": "a run"}},
        {"restoring": {**RESTORING, "training": None}},
        {"states": {"state_0": [0, 2]}},
        {"states": {"state_0": [1, 2.0]}},
        {"states": {"state_0": 3}},
        {"states": {"state_0": [2**17]}},
        {"cutoff_range_hz": [3500.0]},
        {"cutoff_range_hz": ["3500", 16000.0]},
        {"cutoff_range_hz": [9000.0, 3500.0]},
        {"cutoff_range_hz": [-1.0, 3500.0]},
        {"cutoff_range_hz": [3500.0, float("nan")]},
        {"cutoff_range_hz": [3500.0, 20500.0]},
        {"highest_hz": float("inf")},
        {"highest_hz": None},
        {"size_bytes": 1.5},
        {"sha256": 5},
    ],
)
def test_values_of_another_kind_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        Manifest.from_json(json.dumps(values(**change)))


@pytest.mark.parametrize("restoring", [{}, RESTORING])
def test_a_restoring_network_is_described_or_not_there(restoring):
    assert Manifest.from_json(json.dumps(values(restoring=restoring))).restoring == restoring


def test_a_manifest_that_names_heads_is_refused():
    with pytest.raises(ValueError, match="missing or unknown keys: heads"):
        Manifest.from_json(json.dumps(values(heads=["log_gain", "log_residual"])))
