"""The short form of kills at random moments."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

pytest.importorskip("scipy")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_commands_killed_at_random_moments_damage_nothing_and_go_on_to_the_same_result():
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.kills", "extend", "fetch", "--kills", "6"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert re.search(r"^6 kills in \d+ s, problems: 0$", done.stdout, re.MULTILINE)
