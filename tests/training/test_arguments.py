from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

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
