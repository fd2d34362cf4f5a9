"""Command lines of this package: how they are called, and what they read."""

import argparse
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

from tfbwe.storage.addresses import is_address

_PACKAGE = __name__.rpartition(".")[0]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What ``--devices`` asks for: some devices of this machine, or all as one of several processes.

    Attributes
    ----------
    devices : int
        Of this machine; all of them where there are several processes.
    process, processes : int
        Number of this process, from 0, and how many there are.
    address : str
        ``HOST:PORT`` of process 0.
    """

    devices: int = 1
    process: int = 0
    processes: int = 1
    address: str = ""


def module(name: str) -> str:
    """Full name of a module of this package: ``training.fit``, or ``tfbwe.training.fit`` once installed."""
    return f"{_PACKAGE}.{name}"


def command(name: str) -> str:
    """How a module of this package is run: ``python -m training.fit``."""
    return f"python -m {module(name)}"


def whole_number(text: str) -> int:
    """Read a number from 0 to 2^32 - 1."""
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 2^32 - 1, received {text!r}")
    return int(text)


def positive(text: str) -> int:
    """Read a whole number above 0."""
    if whole_number(text) < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, received {text!r}")
    return int(text)


def wanted(text: str) -> Wanted:
    """Read ``N`` or ``K/N@HOST:PORT``; `argparse.ArgumentTypeError` says what is wrong."""
    if re.fullmatch(r"[1-9][0-9]{0,4}", text, re.ASCII):
        return Wanted(int(text))
    form = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})@([^@/\s]+:([0-9]{1,5}))", text, re.ASCII)
    if form is None:
        raise argparse.ArgumentTypeError(
            f"expected a number of devices, such as 8, or process K of N and where process 0 is, such as "
            f"0/2@10.0.0.1:1234; received {text!r}"
        )
    process, processes, port = (int(form[i]) for i in (1, 2, 4))
    if processes < 2 or process >= processes:
        raise argparse.ArgumentTypeError(
            f"expected process 0 to {max(1, processes - 1)} of 2 or more, received {text!r}"
        )
    if not 0 < port < 2**16:
        raise argparse.ArgumentTypeError(f"expected a port from 1 to 65535, received {text!r}")
    return Wanted(process=process, processes=processes, address=form[3])


def folder(text: str) -> Path:
    """Read the name of a folder of this machine."""
    if is_address(text):
        raise argparse.ArgumentTypeError(f"expected a folder of this machine, received {text}")
    return Path(text)


def folder_or_address(text: str) -> Path | str:
    """Read the name of a folder: a path, or an address as it stands."""
    return text if is_address(text) else Path(text)


def transform_name(text: str) -> str:
    """Read the name of a transform."""
    from tfbwe.transform import TRANSFORMS  # only now: help needs nothing heavy

    return _one_of(tuple(TRANSFORMS), text)


def model_name(text: str) -> str:
    """Read the name of what can be trained: a transform, or ``restore``."""
    from tfbwe.network.run_folder import RESTORE
    from tfbwe.transform import TRANSFORMS

    return _one_of((*TRANSFORMS, RESTORE), text)


def _one_of(known: Sequence[str], text: str) -> str:
    if text not in known:
        raise argparse.ArgumentTypeError(f"expected {' or '.join(known)}, received {text!r}")
    return text
