from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from training import arguments

SOURCE = Path(arguments.__file__)


def loaded_as(name):
    spec = importlib.util.spec_from_file_location(name, SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("package", ["training", "tfbwe.training"])
def test_modules_are_named_as_they_are_called_where_they_are(package):
    there = loaded_as(f"{package}.arguments")
    assert there.module("fit") == f"{package}.fit"
    assert there.command("fit") == f"python -m {package}.fit"


def texts(path):
    """All strings of a module but its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    described = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, described) and ast.get_docstring(node) is not None
    }
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return [s.value for s in strings if isinstance(s.value, str) and id(s) not in docstrings]


@pytest.mark.parametrize("package", ["tfbwe", "training", "export"])
def test_no_message_names_a_command_that_works_in_the_checkout_alone(package):
    for path in (ROOT / package).rglob("*.py"):
        for text in texts(path):
            assert "-m training." not in text, f"{path}: {text}"
            assert not text.startswith("training."), f"{path}: {text}"
