"""Phases of what is synthesised: `PHASES` lists them. Which ones a transform has is said in `transform`."""

PHASES = {
    "received": "every bin's own, that of rounding noise where nothing was received",
    "mirror": "the received band folded about the cutoff",
    "pghi": "phase gradient heap integration: fits the predicted magnitudes",
}
"""Names and what they mean, in the order of tables and of help."""
