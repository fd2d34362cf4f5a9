"""What a result depends on: the code of a module and of all that it imports."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.paths import ROOT
from tfbwe.measures import distances as measures
from training import provenance
from training.provenance import code_version, git_revision, versions

FILES = {
    "__init__.py": "",
    "one.py": '"""One."""\nfrom .two import f\n',
    "two.py": 'def f():\n    """Say."""\n    from .deep import three\n    return three.g()\n',
    "deep/__init__.py": "x = 1\n",
    "deep/three.py": "from ..four import h as g\n",
    "four.py": "def h():\n    return 4\n",
    "alone.py": "x = 1\n",
    "typed.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .alone import x\n",
    "named.py": "from . import deep\n",
    "outer.py": "from . import y\n",
    "plain.py": "import planted.deep.three\n",
    "tried.py": "try:\n    from .alone import x\nexcept ImportError:\n    x = 0\n",
    "broken.py": "from .fuor import h\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project in which one imports two, two imports deep.three inside a function, and that one four."""
    folder = tmp_path / "planted"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGES", {"planted": folder})
    return folder


def changes(project, module, file, text):
    """Whether the version of a module changes with the text of a file."""
    code_version.cache_clear()
    before, was = code_version(f"planted.{module}"), (project / file).read_text()
    (project / file).write_text(text)
    code_version.cache_clear()
    after = code_version(f"planted.{module}")
    (project / file).write_text(was)
    return after != before


def test_an_edit_three_imports_deep_changes_the_version(project):
    assert changes(project, "one", "four.py", "def h():\n    return 5\n")
    assert not changes(project, "one", "alone.py", "x = 2\n")


def test_the_package_that_a_module_lies_in_is_followed_but_for_the_outermost(project):
    for module in ("one", "named", "plain"):
        assert changes(project, module, "deep/__init__.py", "x = 2\n")
        assert not changes(project, module, "__init__.py", "version = 2\n")
    assert changes(project, "outer", "__init__.py", "y = 2\n")


def test_what_is_only_said_changes_nothing(project):
    said = (
        'def f():\n    """Say something else."""\n    from .deep import three  # so\n    return three.g()\n'
    )
    assert not changes(project, "one", "two.py", said)
    assert not changes(project, "typed", "alone.py", "x = 2\n")


def test_imports_that_are_tried_count(project):
    assert changes(project, "tried", "alone.py", "x = 2\n")


def test_a_circle_of_imports_comes_to_an_end(project):
    (project / "four.py").write_text("from .one import f as h\nfrom .alone import x\n")
    assert changes(project, "one", "alone.py", "x = 2\n")


@pytest.mark.parametrize("name", ["planted.tow", "planted.deep.four", "numpy", "broken", "planted.broken"])
def test_a_name_that_is_no_module_of_the_project_is_an_error(project, name):
    code_version.cache_clear()
    with pytest.raises(ImportError, match="there is none"):
        code_version(name)


def test_every_module_of_the_project_has_a_version():
    code_version.cache_clear()
    for package in ("tfbwe", "training"):
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            assert code_version(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def test_installed_below_the_library_the_same_modules_are_found():
    command = (
        "from tfbwe.training.provenance import PACKAGES, code_version;"
        "assert set(PACKAGES) == {'tfbwe', 'tfbwe.training'};"
        "print(code_version('tfbwe.training.provenance', 'tfbwe.measures.distances'))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == len(code_version(measures.__name__)) == 32


def test_a_checkout_has_a_revision_and_installed_packages_have_versions():
    assert git_revision() == "" or len(git_revision()) >= 7
    found = versions("numpy", "no such package")
    assert set(found) == {"python", "numpy"}


def test_threads_do_not_parse_code_at_the_same_time(monkeypatch):
    parse, inside, most = provenance.ast.parse, [], []

    def counted(text):
        inside.append(text)
        most.append(len(inside))
        time.sleep(0.001)
        inside.pop()
        return parse(text)

    monkeypatch.setattr(provenance.ast, "parse", counted)
    code_version.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        versions_found = set(pool.map(code_version, ["training.degradation.words"] * 4))
    assert len(versions_found) == 1
    assert max(most) == 1
