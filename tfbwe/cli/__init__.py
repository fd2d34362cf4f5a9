"""The command line `tfbwe`."""

from .parser import main

__all__ = ["main"]
