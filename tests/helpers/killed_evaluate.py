"""Evaluate as the command line says, and be killed while the third row is written."""

import os
import signal
import sys

from training import evaluate
from training.comparison import cache

write = cache.Kept.write
written = 0


def write_or_die(self):
    global written
    written += 1
    if written == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self)


cache.Kept.write = write_or_die
sys.exit(evaluate.main(sys.argv[1:]))
