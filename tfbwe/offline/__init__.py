"""Whole signals and whole files."""
