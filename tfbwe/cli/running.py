"""The command line as a process: exit status, signals, standard output and standard error."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from ..console import say
from ..errors import TfbweError
from .parser import argument_parser

FAILED, BROKEN_PIPE, BY_SIGNAL = 1, 141, 128


class Stopped(KeyboardInterrupt):
    """A signal that ends the process as Ctrl-C does.

    Attributes
    ----------
    number : int
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0, 1 after an error (a line on standard error), 2 for wrong usage, 128 and its number
        after a signal: 130 when interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # A name may hold what the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    try:
        options = argument_parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        with _quiet_libraries(), _stopped_cleanly():
            from . import commands

            status: int = getattr(commands, options.command)(options)
            if sys.stdout is not None:
                sys.stdout.flush()
            return status
    except TfbweError as error:
        say(str(error))
        return FAILED
    except BrokenPipeError:
        _forget_standard_output()
        return BROKEN_PIPE
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        say("interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}")
        return BY_SIGNAL + number
    except OSError as error:
        # Sound files and models name themselves in errors of their own: what has no name was printed.
        say(f"{error.filename or 'standard output'}: {error.strerror or error}")
        _forget_standard_output()
        return FAILED
    except MemoryError:
        say("not enough memory")
        return FAILED


def _forget_standard_output() -> None:
    """Python flushes standard output once more at exit, and must not fail there."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep C libraries off standard error: mpg123 and LiteRT write notes there, past Python."""
    try:
        if sys.stderr.fileno() != 2:
            raise OSError
    except (AttributeError, OSError, ValueError):
        yield
        return
    python_stderr, kept, nowhere = sys.stderr, os.dup(2), os.open(os.devnull, os.O_WRONLY)
    with open(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace") as ours:
        try:
            os.dup2(nowhere, 2)
            sys.stderr = ours
            yield
        finally:
            sys.stderr = python_stderr
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


@contextlib.contextmanager
def _stopped_cleanly() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process as Ctrl-C does: unfinished files are removed."""

    def stop(number: int, frame: object) -> NoReturn:
        raise Stopped(number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {}
    try:
        for number in numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # nohup ignores SIGHUP.
                before[number] = signal.signal(number, stop)
    except ValueError:  # Not the main thread.
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
