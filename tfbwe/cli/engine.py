"""Where files are worked on: in this process, in several, or in the workers of a cluster."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from ..atomic import replace_synced
from ..audio.destinations import refuse_destination
from ..audio.formats import STANDARD, reason
from ..errors import AudioError, ConfigError
from ..storage.addresses import is_address
from ..working import cluster, processes
from ..working.processes import Killed, Tell, processor_cores

Pair = tuple[str, str]
Result = TypeVar("Result")


def seen_by_all(pairs: list[Pair], options: argparse.Namespace) -> list[Pair]:
    """Return pairs of files under names that workers of a cluster see, if there is one.

    Raises
    ------
    ConfigError
        If one is standard input or output.
    """
    if not options.cluster:
        return pairs
    if any(STANDARD in pair for pair in pairs):
        raise ConfigError("--cluster: standard input and output are those of this machine; give files")
    return [(_anywhere(source), _anywhere(destination)) for source, destination in pairs]


def _anywhere(name: str) -> str:
    return name if is_address(name) else os.path.abspath(name)


@contextlib.contextmanager
def results(
    work: Callable[[Pair, Tell], Result],
    to_do: Iterable[Pair],
    files: int,
    options: argparse.Namespace,
    tell: Callable[[Pair, float, float], None],
    say: Callable[[str], None],
) -> Iterator[Iterator[tuple[Pair, Result | Killed]]]:
    """Give what comes of files, wherever the options have it done; leaving it early ends what is left.

    Parameters
    ----------
    work : callable
        Takes a pair, and a function that is called with the seconds done and those to be done in all.
    to_do : iterable of (str, str)
    files : int
        How many pairs there are, at most.
    options : Namespace
        With `cluster` and `jobs`.
    tell : callable
        Called with a pair and the seconds.
    say : callable
        Takes a line on the cluster.
    """
    with contextlib.ExitStack() as stack:
        if options.cluster:
            client = stack.enter_context(cluster.connected(options.cluster, say))
            found = cluster.each(work, to_do, client, tell, lambda pair: (pair[0], os.path.dirname(pair[1])))
        else:
            found = processes.each(work, to_do, min(options.jobs or processor_cores(), files), tell)
        yield stack.enter_context(contextlib.closing(found))


def release(pair: Pair, held: str, force: bool) -> str:
    """Give an output that a worker held back its name; return what went wrong, or an empty string."""
    source, destination = pair
    try:
        replace_synced(held, refuse_destination(Path(destination), force=force, source=source))
    except FileNotFoundError:
        return f"{destination}: a worker wrote it, and it is not here; share its folder with all workers"
    except AudioError as error:
        return str(error)
    except OSError as error:
        return f"{destination}: cannot be written: {reason(error)}"
    return ""
