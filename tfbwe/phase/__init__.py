"""Phases of what is synthesised."""
