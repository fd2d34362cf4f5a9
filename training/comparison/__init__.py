"""Systems compared on held-out music."""
