"""The README: its figures stand in the report, and what it points to is there."""

import re

from tests.helpers.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_row_of_its_tables_of_results_is_one_of_the_report():
    section = README.split("## What it gains")[1].split("| what it costs")[0]
    report = (ROOT / "docs" / "report.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in section.splitlines() if line.startswith("|")]
    assert len(rows) > 10
    assert [row for row in rows if row not in report] == []


def test_every_file_that_it_points_to_is_there():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_every_make_target_that_it_names_is_one():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"`make ([a-z-]+)`|^    make ([a-z-]+)$", README, re.MULTILINE)
    names = {first or second for first, second in targets}
    assert {"demo", "report", "evaluate"} <= names
    assert [name for name in names if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
