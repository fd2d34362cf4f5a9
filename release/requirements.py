"""What setup.cfg asks for: every requirement of the core and of the extras."""

from __future__ import annotations

import configparser
import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORE = "core"
_FORM = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<options>\[[^]]*\])?>=(?P<bound>[0-9.]+)(?:\s*;.*)?")


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One line of setup.cfg.

    Attributes
    ----------
    name, bound : str
        Of the distribution, and its lowest version.
    group : str
        ``core``, or the extra.
    line : str
        As it stands there.
    """

    name: str
    bound: str
    group: str
    line: str

    @property
    def lowest(self) -> str:
        """The same with that version alone."""
        return self.line.replace(">=", "==")


def requirements(setup_cfg: Path = ROOT / "setup.cfg") -> list[Requirement]:
    """Return every requirement of the core, then of each extra; `ValueError` without a lower bound."""
    setup = configparser.ConfigParser()
    setup.read(setup_cfg, encoding="utf-8")
    groups = {CORE: setup["options"]["install_requires"], **setup["options.extras_require"]}
    found = []
    for group, text in groups.items():
        for line in filter(None, map(str.strip, text.splitlines())):
            form = _FORM.fullmatch(line)
            if form is None:
                raise ValueError(f"setup.cfg, {group}: expected NAME>=VERSION, received {line!r}")
            found.append(Requirement(form["name"].lower(), form["bound"], group, line))
    return found


def version() -> str:
    """Return the version of tfbwe, without importing it."""
    text = (ROOT / "tfbwe/_version.py").read_text(encoding="utf-8")
    return re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)[0]
