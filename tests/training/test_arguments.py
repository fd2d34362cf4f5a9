from __future__ import annotations

import argparse
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


def test_devices_are_a_number_or_a_place_among_processes():
    assert arguments.wanted("8") == arguments.Wanted(8)
    found = arguments.wanted("1/4@node7.cluster:1234")
    assert found == arguments.Wanted(process=1, processes=4, address="node7.cluster:1234")
    assert arguments.wanted("0/2@[::1]:80").address == "[::1]:80"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        *((text, "expected a number of devices, such as 8, or process K of N") for text in
          ("", "0", "-1", "two", "1.5", "٣", "0/2", "0/2@host", "0/2@:80", "host:1234", "0/2@a b:80")),
        ("2/2@host:80", "expected process 0 to 1 of 2 or more"),
        ("0/1@host:80", "expected process 0 to 1 of 2 or more"),
        ("0/2@host:0", "expected a port from 1 to 65535"),
        ("0/2@host:65536", "expected a port from 1 to 65535"),
    ],
)  # fmt: skip
def test_devices_that_make_no_sense_are_refused_with_an_example(text, told):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        arguments.wanted(text)
    assert str(refused.value).startswith(told)
    assert repr(text) in str(refused.value)
