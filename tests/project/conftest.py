"""A release made once for all tests of the archives."""

import os
import subprocess
import sys
import venv

import pytest

from tests.helpers.paths import ROOT

UNREACHABLE = ("Failed to establish a new connection", "Temporary failure in name resolution", "ProxyError")


def pip(*arguments, python=sys.executable):
    command = [python, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if answer.returncode and any(sign in answer.stderr for sign in UNREACHABLE):
        pytest.skip("no package index can be reached")
    assert answer.returncode == 0, answer.stderr


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """Folder with what `make release` writes, of the files that git knows or would add."""
    if sys.version_info < (3, 11):
        pytest.skip("a release is made with Python 3.11 or later")
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    tools, out = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("a folder") / "dist"
    venv.create(tools, with_pip=False)
    python = tools / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip("--python", python, "install", "--quiet", "-r", ROOT / "release/requirements.txt")
    command = [python, "-m", "release.archives", "--uncommitted", "--dist", out]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return out
