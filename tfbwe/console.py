"""What is said to the user while a command runs: lines on standard error, and how far it is."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import TfbweError


def counted(number: int, thing: str) -> str:
    """Return a number of things in words, such as ``1 place`` or ``2 places``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def say(message: str) -> None:
    """Print a message in one line on standard error, where there is one."""
    if sys.stderr is not None:
        print(f"tfbwe: {' '.join(message.split())}", file=sys.stderr)


@contextlib.contextmanager
def progress_bar(source: str) -> Iterator[Callable[[float, float], None] | None]:
    """Show how far a file is, if standard error is a terminal.

    Parameters
    ----------
    source : str
        The file.

    Yields
    ------
    callable or None
        To be called with the seconds done and those to be done in all.
    """
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    name = "standard input" if source == "-" else Path(source).name
    with tqdm(desc=name, unit="s", unit_scale=True, leave=False, file=sys.stderr) as bar:

        def show(done_s: float, total_s: float) -> None:
            # The length of an MP3 is an estimate, and may turn out longer.
            bar.total = max(total_s, done_s)
            bar.update(done_s - bar.n)

        yield show


def reported(
    name: str, work: Callable[[], int | None], extra: str, folder: str | os.PathLike[str], stopped: str
) -> int:
    """Do the work of a command; say in one line what went wrong.

    Parameters
    ----------
    name : str
        Of the command, for the line.
    work : callable
        Returns an exit status, or None for 0.
    extra : str
        Of the package, which holds what may not be installed.
    folder : str or Path
        Named where the system names no file.
    stopped : str
        What to say after an interruption.

    Returns
    -------
    int
        Exit status: that of the work, 1 after an error, 130 after an interruption.
    """
    try:
        return work() or 0
    except TfbweError as error:
        message = str(error)
    except ModuleNotFoundError as error:
        message = f"needs {error.name}: pip install 'tfbwe[{extra}]'"
    except OSError as error:
        message = f"{error.filename or folder}: {error.strerror or error}"
    except KeyboardInterrupt:
        print(f"{name}: {stopped}", file=sys.stderr)
        return 130
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return 1
