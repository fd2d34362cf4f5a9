"""The frequencies between which all of this works: one place for training, export and measures."""

LOWEST_CUTOFF_HZ = 3500.0
HIGHEST_CUTOFF_HZ = 15200.0
"""Cutoffs that training draws, and that a model is good for."""
HIGHEST_HZ = 16000.0
"""Up to where a high band is predicted and measured: lossy music is not to be trusted above."""
