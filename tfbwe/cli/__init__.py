"""The command line `tfbwe`."""

from .running import main

__all__ = ["main"]
