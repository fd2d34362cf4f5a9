"""Damaged and hostile files: those that were once a finding, and some changed at random."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

pytest.importorskip("scipy")
pytest.importorskip("resource")

from tests.reliability.targets import TARGETS, outcome

FINDINGS = sorted((Path(__file__).parent / "findings").glob("*/*"))


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_a_finding_is_read_or_refused_in_one_line(path, tmp_path):
    target = TARGETS[path.parent.name]
    if target.keras:
        pytest.importorskip("keras")
    assert "\n" not in outcome(target, path.read_bytes(), tmp_path)


def test_files_changed_at_random_are_read_or_refused():
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.mutated", "--inputs", "40"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    last = done.stdout.splitlines()[-1]  # libsndfile has lines of its own
    inputs, refused = (int(word) for word in last.split() if word.isdigit())
    assert inputs > 400
    assert refused > 100
