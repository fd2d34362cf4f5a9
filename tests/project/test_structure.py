"""What may import what, and how long a file may be."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT

PACKAGES = ("tfbwe", "training", "export")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST = 320
MOST = {"tfbwe": 14, "training": 10, "export": 7}
"""Files at the top of each package."""
ORDER = {
    "tfbwe": (
        *(
            "errors",
            "_version",
            "quiet",
            "band",
            "stft",
            "leftovers",
            "storage",
            "atomic",
            "console",
            "cqt",
            "phase",
            "settings",
            "samples",
        ),
        *(
            "transform",
            "audio",
            "cutoff",
            "restoration",
            "model",
            "extension",
            "network",
            "decoder",
            "measures",
            "offline",
            "working",
        ),
        *("cli", "__main__", "__init__"),
    ),
    "training": (
        *("__init__", "provenance", "arguments", "working", "music", "degradation", "learning", "examples"),
        *("comparison", "corpus", "fit", "precompute", "evaluate", "cards", "paper"),
    ),
    "export": ("__init__", "wave_restoring", "wave", "convert", "verify", "bundles", "cli"),
}
"""Modules and folders from the ground up: each may import those before it, and nothing after it."""
CORE = {"numpy", "soxr", "soundfile", "ai_edge_litert", "tqdm"}
OPTIONAL = {
    "tfbwe/network/autoencoder.py": {"keras"},
    "tfbwe/network/layers.py": {"keras"},
    "tfbwe/network/restorer.py": {"keras"},
    "tfbwe/network/run_folder.py": {"keras"},
    "tfbwe/working/cluster.py": {"distributed"},
    "tfbwe/audio/tags.py": {"mutagen"},  # of another licence: nowhere else
    "tfbwe/storage/stores.py": {"fsspec"},
    "tfbwe/measures/picture.py": {"matplotlib"},
    "tfbwe/measures/listening.py": {"visqol"},
    "tfbwe/model/interpreter.py": {"tflite_runtime", "tensorflow"},  # other places of the same interpreter
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
    assert "tfbwe.errors" in imported(ROOT / "tfbwe/network/autoencoder.py")
    assert "training.learning.run" in imported(ROOT / "training/fit.py")
    assert "tensorflow.lite" in imported(ROOT / "tfbwe/model/interpreter.py")
    assert {"tfbwe.extension", "tfbwe.model.bundle"} <= imported_modules(ROOT / "tfbwe/decoder.py")


def modules():
    """Name of every module with its file."""
    for path in MODULES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported_modules(path: Path) -> set[str]:
    """Modules of this project that a file imports; a package counts where a name is taken from it itself."""
    known = {name for name, _ in modules()}
    names = imported(path)
    taken = {name.rpartition(".")[0] for name in names if name not in known}
    packages = {name.rpartition(".")[0] for name in known}
    return {name for name in names & known if name in taken or name not in packages}


def test_the_order_lists_all_that_lies_at_the_top():
    for package, order in ORDER.items():
        own = (ROOT / package).iterdir()
        tops = {path.stem for path in own if path.suffix == ".py" or (path / "__init__.py").is_file()}
        assert tops == set(order)
        assert len(order) == len(set(order))


def test_few_files_lie_at_the_top():
    for package, most in MOST.items():
        files = [p for p in (ROOT / package).iterdir() if p.is_file() and p.name != "py.typed"]
        assert len(files) <= most


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_nothing_imports_upward(path):
    package, *rest = path.relative_to(ROOT).with_suffix("").parts
    own = ORDER[package].index(rest[0])
    for name in imported_modules(path):
        top, *below = name.split(".")
        if top == package:
            place = ORDER[package].index(below[0] if below else "__init__")
            assert place <= own, f"{name} lies above"


def test_no_imports_run_in_a_circle():
    graph = {name: imported_modules(path) for name, path in modules()}
    left = dict(graph)
    while left:
        free = [name for name, needs in left.items() if not needs & (set(left) - {name})]
        assert free, f"a circle among {sorted(left)}"
        for name in free:
            del left[name]


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


@pytest.mark.parametrize(
    "module",
    [
        *("benchmarks.hour", "benchmarks.folder", "benchmarks.cqt", "benchmarks.cluster"),
        *("benchmarks.feeding", "benchmarks.scale", "benchmarks.scale_measuring"),
        *("demo.demo", "demo.clips", "demo.page"),
    ],
)
def test_what_lies_beside_the_packages_can_be_imported(module):
    pytest.importorskip("nsgt" if module == "benchmarks.cqt" else "scipy")
    found = importlib.import_module(module)
    if hasattr(found, "MEASURED"):  # a program for a process of its own
        compile(found.MEASURED, module, "exec")
        for line in found.MEASURED.splitlines():
            if line.startswith("from"):
                exec(line, {})
