"""Sizing: the page is what the script makes of the figures, and the figures follow from each other."""

import copy
import json

import pytest

pytest.importorskip("scipy")

from benchmarks import scale
from tfbwe.errors import ConfigError


@pytest.fixture
def figures():
    return json.loads(scale.FIGURES.read_text(encoding="utf-8"))


@pytest.fixture
def text():
    return scale.PAGE.read_text(encoding="utf-8")


def test_the_committed_page_is_made_of_the_committed_figures(figures, text):
    assert scale.page(text, figures) == text
    assert all(f"<!-- table {name} -->" in text for name in scale.BLOCKS)


@pytest.mark.parametrize("name", ["core_hour", "gpu_hour", "gb_month", "egress_gb", "cores_per_machine"])
def test_every_assumption_changes_the_page(figures, text, name):
    figures["assumed"][name] *= 3
    assert scale.page(text, figures) != text


def test_an_unknown_table_is_refused(figures):
    with pytest.raises(ConfigError, match="expected one of extend, train"):
        scale.page("<!-- table nothing -->\n<!-- end of table -->\n", figures)


def test_extending_follows_from_what_a_core_does(figures):
    row = {"processor_s_per_s": 0.02, "peak_mb": 64.0, "mb_in_per_hour": 400.0, "mb_out_per_hour": 500.0}
    figures["measured"]["extend"]["stft"]["flac"] = row
    figures["assumed"] |= {"cores_per_machine": 10, "core_hour": 0.05, "gb_month": 0.02, "egress_gb": 0.1}
    its = scale.extending(figures, 100_000, "stft", "flac")
    assert its["core_hours"] == pytest.approx(2000)
    assert its["machine_hours"] == pytest.approx(200)
    assert (its["gb_in"], its["gb_out"]) == pytest.approx((40_000, 50_000))
    assert its["gbit_s_per_machine"] == pytest.approx(8 * 90_000 / (200 * 3600))
    assert its["cores_money"] == pytest.approx(100)
    assert its["storage_money"] == pytest.approx(1800)
    assert its["egress_money"] == pytest.approx(5000)


@pytest.mark.parametrize("of", [lambda f, h: scale.extending(f, h, "cqt", "mp3"), scale.training])
def test_what_is_not_a_rate_grows_with_the_hours(figures, of):
    one, many = of(figures, 1), of(figures, 1000)
    for name, value in one.items():
        grows = 1 if name in ("gbit_s_per_machine", "memory_gb") else 1000
        assert many[name] == pytest.approx(grows * value)


def test_what_the_cluster_adds_is_a_marked_gap_until_it_is_measured(figures, text):
    gap, found = copy.deepcopy(figures), copy.deepcopy(figures)
    gap["measured"]["cluster"], found["measured"]["cluster"] = None, {"overhead": 0.034}
    assert "a Dask cluster adds | not measured yet" in scale.page(text, gap)
    assert "a Dask cluster adds | 3.4 % of the time" in scale.page(text, found)
