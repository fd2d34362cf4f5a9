"""What is said to the user while a command runs: lines on standard error, and how far it is."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import TfbweError
from .storage.addresses import without_secrets

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def counted(number: int, thing: str) -> str:
    """Return a number of things in words, such as ``1 place`` or ``2 places``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def one_line(text: str) -> str:
    """Return a text with names in it, without secrets, line breaks and what else a terminal would obey."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), without_secrets(text))


def say(message: str) -> None:
    """Print a message in one line on standard error, where there is one."""
    if sys.stderr is not None:
        print(f"tfbwe: {one_line(' '.join(message.split()))}", file=sys.stderr)


class Progress:
    """How far work is, on a terminal; does nothing where there is no bar.

    Parameters
    ----------
    bar : tqdm.tqdm or None
        The bar that shows it.
    """

    def __init__(self, bar: Any = None) -> None:
        self.bar = bar

    def __call__(self, done: float, total: float) -> None:
        """Show how much is done, and how much there is to be done in all."""
        if self.bar is not None:
            # The length of an MP3 is an estimate, and may turn out longer.
            self.bar.total = max(total, done)
            self.bar.update(done - self.bar.n)

    def clear(self) -> None:
        """Make room for a line; what is shown next shows the bar again."""
        if self.bar is not None:
            self.bar.clear()


@contextlib.contextmanager
def progress_bar(of: str, unit: str = "s", shown: bool = True) -> Iterator[Progress]:
    """Show how far work is, if standard error is a terminal.

    Parameters
    ----------
    of : str
        A file, or what stands before the bar.
    unit : str
        Of what is counted.
    shown : bool
        Off where nobody wants a bar.

    Yields
    ------
    Progress
        To be called with what is done and what is to be done in all.
    """
    if not shown or sys.stderr is None or not sys.stderr.isatty():
        yield Progress()
        return
    from tqdm import tqdm

    name = "standard input" if of == "-" else Path(of).name
    with tqdm(desc=name, unit=unit, unit_scale=True, leave=False, file=sys.stderr) as bar:
        yield Progress(bar)


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
    print(f"{name}: {one_line(' '.join(message.split()))}", file=sys.stderr)
    return 1
