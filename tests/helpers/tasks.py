"""Tasks for processes of their own, which import what they do by name."""

from __future__ import annotations

import os
import signal
import time


def halved(task, tell):
    """Return half a number and the process that halved it; other tasks end it in other ways."""
    if task == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "ended":
        os._exit(7)
    if task == "slow":
        time.sleep(600)
    tell(1.0, 2.0)
    return task / 2, os.getpid()
