"""Precompute with two processes, and be killed when the second shard is in its place but not in the index."""

import os
import signal
import sys

from tests.helpers.made_shards import SHARD_EXAMPLES
from tfbwe import atomic
from training import precompute
from training.examples import shards

replace_synced = atomic.replace_synced
moved = []


def replace_or_die(temporary, destination):
    replace_synced(temporary, destination)
    moved.extend([destination] if destination.suffix == ".npy" else [])
    if len(moved) == 2:
        os.kill(os.getpid(), signal.SIGKILL)


atomic.replace_synced = replace_or_die
shards.SHARD_EXAMPLES = SHARD_EXAMPLES
sys.exit(precompute.main(sys.argv[1:]))
