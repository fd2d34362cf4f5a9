"""How commands print what they found: as lines, as a table, as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..audio.tags import printable
from ..console import one_line

_LONGEST_SHOWN = 200
"""Letters of a tag; JSON has all."""


def print_found(found: Mapping[str, Any], as_json: bool) -> None:
    """Print what was found, a line each, or as JSON."""
    if as_json:
        print_json(found)
        return
    width = max(map(len, found))
    for key, value in found.items():
        shown = [f"{k}: {v}" for k, v in value.items()] if isinstance(value, Mapping) else value
        if isinstance(shown, list):
            shown = f"\n{'':<{width}}  ".join(printable(line, _LONGEST_SHOWN) for line in shown)
        if isinstance(value, float):
            shown = f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
        elif isinstance(value, bool):
            shown = "yes" if value else "no"
        elif isinstance(value, str):
            shown = one_line(value)
        if shown not in (None, ""):
            print(f"{key:<{width}}  {shown}")


def print_json(value: Any) -> None:
    """Print a value as JSON, unknown numbers as null."""
    print(json.dumps(_plain(value), indent=2, allow_nan=False))


def print_table(rows: Sequence[Sequence[str]], left: Sequence[int] = ()) -> None:
    """Print rows of cells in columns.

    Parameters
    ----------
    rows : sequence of sequence of str
        The first is the heading.
    left : sequence of int
        Columns that are flush left; the others are flush right.
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def too_high(name: str, cutoff_hz: float, expected: str) -> str:
    """Return what is said of a cutoff that a file cannot have."""
    return f"{name}: --cutoff: expected HZ {expected}, or auto, received {cutoff_hz:g}"


def _plain(value: Any) -> Any:
    """Return a value that JSON has: no NaN, no infinity, no NumPy numbers."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
