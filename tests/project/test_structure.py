"""What may import what, and how long a file may be."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

PACKAGES = ("tfbwe", "training", "export")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST = 400
CORE = {"numpy", "soxr", "soundfile", "ai_edge_litert", "tqdm"}
OPTIONAL = {
    "tfbwe/network/autoencoder.py": {"keras"},
    "tfbwe/network/layers.py": {"keras"},
    "tfbwe/network/run_folder.py": {"keras"},
    "tfbwe/measures/spectrogram.py": {"matplotlib"},
    "tfbwe/measures/listening.py": {"visqol"},
    "tfbwe/model/step_model.py": {"tflite_runtime", "tensorflow"},  # other places of the same interpreter
}
STANDARD = __import__("sys").stdlib_module_names


def imported(path: Path) -> set[str]:
    """Full names of what a file imports anywhere, modules or what is in them, relative ones resolved."""
    package = list(path.relative_to(ROOT).parent.parts)
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_check_sees_imports_of_every_form(tmp_path):
    for package in PACKAGES:
        assert any(path.is_relative_to(ROOT / package) for path in MODULES)
    assert "keras" in roots(ROOT / "tfbwe/network/autoencoder.py")
    assert "tfbwe.stft" in imported(ROOT / "tfbwe/network/autoencoder.py")
    assert "training.learning.run" in imported(ROOT / "training/fit.py")
    assert "tensorflow.lite" in imported(ROOT / "tfbwe/model/step_model.py")


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_packages_know_only_the_library(path):
    own = path.relative_to(ROOT).parts[0]
    others = {"tfbwe": {"training", "export"}, "training": {"export"}, "export": {"training"}}[own]
    assert not roots(path) & others
    installed = {f"tfbwe.{other}" for other in others}
    assert not [name for name in imported(path) if name.startswith(tuple(installed))]


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(ROOT / "tfbwe")], ids=named)
def test_the_library_needs_its_few_dependencies_alone(path):
    allowed = CORE | OPTIONAL.get(named(path), set()) | {"tfbwe"} | set(STANDARD)
    assert roots(path) <= allowed


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_every_module_says_what_it_is_and_stays_short(path):
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= LONGEST


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=named)
def test_tests_stay_short_too(path):
    assert path.read_text(encoding="utf-8").count("\n") <= LONGEST
