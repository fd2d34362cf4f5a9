"""Numbers on the command lines of this package."""

import argparse


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
