"""Command lines of this package: how they are called, and numbers that they read."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tfbwe.storage.addresses import is_address

_PACKAGE = __name__.rpartition(".")[0]


def module(name: str) -> str:
    """Full name of a module of this package: ``training.fit``, or ``tfbwe.training.fit`` once installed."""
    return f"{_PACKAGE}.{name}"


def command(name: str) -> str:
    """How a module of this package is run: ``python -m training.fit``."""
    return f"python -m {module(name)}"


def whole_number(text: str) -> int:
    """Read a number from 0 to 2^32 - 1."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2^32 - 1, received {text!r}")
    return int(text)


def positive(text: str) -> int:
    """Read a whole number above 0."""
    if whole_number(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text!r}")
    return int(text)


def folder(text: str) -> Path:
    """Read the name of a folder of this machine."""
    if is_address(text):
        raise argparse.ArgumentTypeError(f"expected a folder of this machine, received {text}")
    return Path(text)


def folder_or_address(text: str) -> Path | str:
    """Read the name of a folder: a path, or an address as it stands."""
    return text if is_address(text) else Path(text)


def transform_name(text: str) -> str:
    """Read the name of a transform."""
    from tfbwe.transform import TRANSFORMS  # only now: help needs nothing heavy

    return _one_of(tuple(TRANSFORMS), text)


def model_name(text: str) -> str:
    """Read the name of what can be trained: a transform, or ``restore``."""
    from tfbwe.network.run_folder import RESTORE
    from tfbwe.transform import TRANSFORMS

    return _one_of((*TRANSFORMS, RESTORE), text)


def _one_of(known: Sequence[str], text: str) -> str:
    if text not in known:
        raise argparse.ArgumentTypeError(f"expected {' or '.join(known)}, received {text!r}")
    return text
