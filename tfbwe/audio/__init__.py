"""Sound files in blocks: reading, writing, resampling; formats and tags."""
