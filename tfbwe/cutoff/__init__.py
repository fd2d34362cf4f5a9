"""Where the received band ends."""
