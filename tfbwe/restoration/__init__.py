"""Undoing what a narrow condition did: its frequency response, identified from long-term statistics."""
