"""Narrow conditions: filters, codecs and rounding."""
