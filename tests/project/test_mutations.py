"""Mistakes that nobody would hear at once, made on purpose in a copy of the project: a test must see each."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

DECODER = "tests/tfbwe/test_decoder_restoring.py"
GAIN = f"{DECODER}::test_a_known_gain_multiplies_what_was_received_in_its_place"
LEVEL = (
    "tests/training/learning/test_losses.py"
    "::test_the_level_asks_for_the_mean_power_where_the_magnitude_asks_for_the_median"
)
QUIET = "tests/tfbwe/measures/test_distances.py::test_quiet_frames_do_not_count_for_the_distance"
MUTATIONS = {
    "a wrong sign of what is restored": (
        "tfbwe/extension/stft.py",
        "spectrum * (gain - 1)",
        "spectrum * (1 - gain)",
        GAIN,
    ),
    "a mean of logarithms for the level": (
        "training/learning/objective.py",
        "ops.exp(2.0 * x) * missing",
        "ops.exp(2.0 * ops.mean(x, axis=1, keepdims=True)) * missing",
        LEVEL,
    ),
    "a decoder off by one hop": (
        "tfbwe/extension/stft.py",
        "self._high = np.zeros((self.channels, HOP_LENGTH), np.float32)",
        "self._high = np.zeros((self.channels, 2 * HOP_LENGTH), np.float32)",
        GAIN,
    ),
    "a metric with the wrong axis": (
        "tfbwe/measures/distances.py",
        "np.square(difference).mean(axis=-1)",
        "np.square(difference).mean(axis=-2)",
        QUIET,
    ),
}


@functools.cache
def _temporary() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tfbwe-mutations-")


@functools.cache
def copy() -> Path:
    folder = Path(_temporary().name)
    for name in ("tfbwe", "training", "export", "tests", "demo"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", folder)
    return folder


def outcome(tests):
    """Exit status of pytest on the copy: 0 all passed, 1 one failed; anything else is no answer."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy(),
        env={**os.environ, "PYTHONPATH": str(copy()), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode


def test_without_a_mistake_these_tests_pass():
    assert outcome(sorted({test for *_, test in MUTATIONS.values()})) == 0


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mistake_turns_a_test_red(name):
    file, right, wrong, test = MUTATIONS[name]
    path = copy() / file
    text = path.read_text(encoding="utf-8")
    assert text.count(right) == 1
    path.write_text(text.replace(right, wrong), encoding="utf-8")
    try:
        assert outcome([test]) == 1
    finally:
        path.write_text(text, encoding="utf-8")
