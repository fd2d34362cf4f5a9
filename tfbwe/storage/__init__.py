"""Files at addresses such as ``s3://bucket/song.mp3``, beside those of this machine."""
