"""Tables of a report inside of Markdown files that people write, between marks."""

import re
from collections.abc import Callable

from tfbwe.errors import ConfigError

from .report import Report

BLOCKS: dict[str, Callable[[Report], str]] = {}
_BLOCK = re.compile(r"(<!-- table (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def filled(text: str, report: Report) -> str:
    """Text with its blocks made anew.

    A block begins with a line ``<!-- table NAME -->``, NAME among `BLOCKS`, and ends with one
    ``<!-- end of table -->``.

    Raises
    ------
    ConfigError
        If there is no such table.
    """

    def made(match: re.Match[str]) -> str:
        start, name, end = match.groups()
        if name not in BLOCKS:
            raise ConfigError(f"block: expected one of {', '.join(BLOCKS)}, received {name}")
        return f"{start}\n{BLOCKS[name](report)}\n{end}"

    return _BLOCK.sub(made, text)
