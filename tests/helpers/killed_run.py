"""Train as the command line says, and be killed in the middle of the second epoch."""

import os
import signal
import sys

from training import fit
from training.learning import run

advance = run.Recorder.on_train_batch_end


def advance_or_die(self, batch, logs=None):
    advance(self, batch, logs)
    if len(self.rows) == 1 and batch == 3:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":  # not in the processes that draw
    run.Recorder.on_train_batch_end = advance_or_die
    sys.exit(fit.main(sys.argv[1:]))
