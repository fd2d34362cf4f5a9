"""How near an estimate comes, and what it costs."""
