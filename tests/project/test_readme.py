"""README and docs: blocks are those of the report, and what they point to is there."""

import json
import re

import pytest

from tests.helpers.paths import ROOT
from tfbwe.model.bundle import WEIGHTS

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/results.md",
    "docs/listening.md",
    "docs/architecture.md",
    "docs/release.md",
    "docs/reliability.md",
    "docs/training.md",
    "docs/cluster.md",
    "docs/embedding.md",
    "docs/scale.md",
    "embed/c/README.md",
    "embed/c/ladspa/README.md",
    "embed/web/README.md",
)


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
def test_the_tables_between_the_marks_are_those_of_the_report(page):
    pytest.importorskip("scipy")
    from training.comparison.blocks import filled
    from training.comparison.report import read_report

    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- end of table -->" in text
    assert filled(text, read_report(ROOT / "docs")) == text


def test_a_block_is_made_anew_and_the_words_around_it_stay():
    pytest.importorskip("scipy")
    from tfbwe.errors import ConfigError
    from training.comparison.blocks import BLOCKS, filled
    from training.comparison.report import read_report

    report = read_report(ROOT / "docs")
    text = "before\n<!-- table listener -->\nbygone | row\n<!-- end of table -->\nafter\n"
    made = filled(text, report)
    assert made.startswith("before\n<!-- table listener -->\n\n| what happened")
    assert made.endswith("|\n\n<!-- end of table -->\nafter\n")
    assert "bygone" not in made
    with pytest.raises(ConfigError, match=", ".join(BLOCKS)):
        filled("<!-- table none -->\n<!-- end of table -->", report)


def test_every_table_of_the_report_stands_somewhere():
    pytest.importorskip("scipy")
    from training.comparison.blocks import BLOCKS

    text = README + (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert set(re.findall(r"<!-- table (\S+) -->", text)) == set(BLOCKS)


def test_the_readme_is_short():
    assert len(README.split()) <= 1200


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_a_page_points_to_is_there(page):
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (path.parent / link).is_file()] == []


def test_every_file_that_the_architecture_names_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py|[\w/]+/)`", text)
    assert len(named) > 25
    everything = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*") if ".venv" not in path.parts}
    for name in named:
        end = name.rstrip("/")
        assert [path for path in everything if f"/{path}".endswith(f"/{end}")], name


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_a_page_names_is_one(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"`make ([a-z-]+)`|^    make ([a-z-]+)", text, re.MULTILINE)
    names = {first or second for first, second in targets}
    assert [name for name in names if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_the_readme_names_what_a_newcomer_runs():
    assert {"demo", "page", "test", "report", "evaluate"} <= set(re.findall(r"make ([a-z-]+)", README))


@pytest.mark.parametrize("side", ["mono", "stereo"])
def test_the_tensors_that_embedding_lists_are_those_of_the_shipped_graphs(side):
    text = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    tables = text.split("## The tensors")[1].split("## ")[0]
    cells = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| `")]
    listed = set(re.findall(r"`(\w+)`", " ".join(cells))) - {"next_X"}
    listed |= {f"state_{number}" for number in range(4)}
    manifest = json.loads((WEIGHTS / "wave" / f"stft-{side}.json").read_text(encoding="utf-8"))
    assert listed - ({"image"} if side == "mono" else set()) == set(manifest["graph"]["tensors"])
