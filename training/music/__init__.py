"""Music folders: found, split, measured and fetched."""
