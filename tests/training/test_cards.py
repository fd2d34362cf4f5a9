"""Model cards: every figure in them stands in the report."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from tests.helpers.paths import ROOT

pytest.importorskip("scipy")

from tfbwe.errors import ConfigError
from tfbwe.measures import MEASURES
from training import cards
from training.comparison.blocks import BLOCKS, filled
from training.comparison.lineup import Model
from training.comparison.report import read_report
from training.comparison.results import Results

DOCS = ROOT / "docs"
NEW = ("lsd_top", "level_hf_db")


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


def with_new_measures(report):
    """The report with made-up values of the measures above 16 kHz."""
    rows = []
    for row in report.results.rows:
        loud = row["condition"] == "mp3-128k" and "diffuse 1" in row["system"]
        rows.append({**row, "lsd_top": 1.25, "level_hf_db": -1.0 if loud else -43.21})
    results = Results(rows, report.results.conditions, report.results.systems)
    return dataclasses.replace(report, results=results)


def test_measures_that_a_report_lacks_are_left_out_and_those_that_it_has_are_shown(report):
    old = dataclasses.replace(
        report,
        results=Results(
            [{k: v for k, v in row.items() if k not in NEW} for row in report.results.rows],
            report.results.conditions,
            report.results.systems,
        ),
    )
    new = with_new_measures(report)
    blocks = "".join(f"<!-- table {name} -->\n<!-- end of table -->\n" for name in BLOCKS)
    for text in (cards.card(old, "stft"), filled(blocks, old)):
        assert not [name for name in NEW if MEASURES[name].column in text]
    for text in (cards.card(new, "stft"), filled(blocks, new)):
        assert [name for name in NEW if MEASURES[name].column in text] == list(NEW)
    artists = filled("<!-- table artists -->\n<!-- end of table -->\n", new)
    assert "| mp3-128k | stft, diffuse 1 | level above cutoff dB | -1.00 | -1.00 |" in artists
    assert "| mp3-128k | stft, diffuse 1 | LSD above cutoff" not in artists


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


def damaged(tmp_path, spoil):
    """A copy of the committed report with its summary spoilt."""
    for name in ("report.json", "report-rows.csv"):
        shutil.copy(DOCS / name, tmp_path / name)
    summary = json.loads((tmp_path / "report.json").read_text())
    spoil(summary)
    (tmp_path / "report.json").write_text(json.dumps(summary))
    return tmp_path


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.update(models=[]),
        lambda r: r.update(costs=[]),
        lambda r: r.pop("tracks"),
        lambda r: r.update(format_version=2),
        lambda r: r["systems"][0].pop("kind"),
        lambda r: r.update(rows_sha256="0"),
    ],
)
def test_a_damaged_report_is_one_line(tmp_path, spoil, capsys):
    folder = damaged(tmp_path, spoil)
    assert cards.main(["--report", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert "not a report of python -m training.evaluate" in capsys.readouterr().err


def test_rows_of_another_report_are_refused(tmp_path, capsys):
    folder = damaged(tmp_path, lambda r: None)
    rows = folder / "report-rows.csv"
    rows.write_text(rows.read_text() + 'x,"unfinished')
    assert cards.main(["--report", str(folder), "--out", str(tmp_path / "out")]) == 1
    assert "other rows" in capsys.readouterr().err


def test_a_block_without_an_end_is_refused_and_nothing_is_lost(report):
    text = "<!-- table int8 -->\nwords\n<!-- table costs -->\n<!-- end of table -->\n"
    with pytest.raises(ConfigError, match="end of table"):
        filled(text, report)
