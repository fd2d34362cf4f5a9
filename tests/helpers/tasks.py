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


def ended_once(task, tell):
    """Return half a number; a path ends the first process that is given it, another text every one."""
    if isinstance(task, str):
        if os.path.exists(task):
            return "done again"
        if os.sep in task:
            open(task, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return task / 2
