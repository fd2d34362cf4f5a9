"""Invertible constant-Q transform: of blocks (`transform`), and of streams of them (`stream`)."""

from .transform import BINS_PER_OCTAVE, BLOCK_LENGTH, CQT, F_MAX, F_MIN

__all__ = ["BINS_PER_OCTAVE", "BLOCK_LENGTH", "CQT", "F_MAX", "F_MIN"]
