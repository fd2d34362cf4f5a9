"""Damaged, hostile and huge input, and kills: the long forms of what tests do shortly."""
