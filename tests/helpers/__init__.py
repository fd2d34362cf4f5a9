"""What several tests need: sounds, stand-ins, processes that are killed."""
