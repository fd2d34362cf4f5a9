"""Model cards: every figure in them stands in the report."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.helpers.paths import ROOT

pytest.importorskip("scipy")

from training import cards
from training.comparison.lineup import Model
from training.comparison.report import read_report
from training.comparison.results import Results

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def report():
    return read_report(DOCS)


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_the_committed_card_is_that_of_the_committed_report(report, model):
    assert (DOCS / f"model-card-{model}.md").read_text(encoding="utf-8") == cards.card(report, model)


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_the_committed_report_is_on_the_shipped_model(report, model):
    described = json.loads((ROOT / "tfbwe" / "weights" / f"{model}.json").read_text(encoding="utf-8"))
    assert report.summary["models"][model]["sha256"] == described["sha256"]


def test_a_card_shows_what_the_report_says(report):
    rows = [
        {**row, "sdr_db": 12.34}
        if (row["condition"], row["system"]) == ("brickwall-8k", "cqt, diffuse 1")
        else row
        for row in report.results.rows
    ]
    results = Results(rows, report.results.conditions, report.results.systems)
    changed = dataclasses.replace(report, results=results)
    assert "12.34" not in cards.card(report, "cqt")
    assert "12.34" in cards.card(changed, "cqt")
    assert "12.34" not in cards.card(changed, "stft")


def test_a_float_twin_of_a_quantised_model_has_no_card_and_another_float_model_has(report):
    own = report.summary["models"]["stft"]
    twin = Model("twin", None, "", {**own, "quantisation": "none"})
    other = Model("other", None, "", {**twin.description, "training": {"seed": 7}})
    models = [*report.models, twin, other]
    costs = {model.name: report.costs["stft"] for model in models}
    changed = dataclasses.replace(report, models=models, costs=costs)
    assert sorted(set(cards.described(changed)) - {"stft", "cqt"}) == ["other"]


def test_a_folder_without_a_report_is_one_line(tmp_path, capsys):
    assert cards.main(["--report", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "training.evaluate" in lines[0]
    (tmp_path / "report.json").write_text("{}")
    assert cards.main(["--report", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
