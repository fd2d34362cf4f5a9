"""Tests with the oldest dependencies that setup.cfg allows: ``python -m release.lower_bounds``.

Every group of extras gets an environment of its own, in which each requirement of setup.cfg has exactly its
lower bound, and what those need themselves is resolved as ever. Then the tests of that group run there.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from .requirements import CORE, ROOT, requirements

TOOLS = ("pytest", "hypothesis", "scipy")
"""What the tests of every group need themselves."""


@dataclasses.dataclass(frozen=True)
class Group:
    """Extras that are tried together.

    Attributes
    ----------
    extras : tuple of str
        Beside the core.
    tests : tuple of str
        Arguments of pytest; without any the environment is installed and every module is imported.
    modules : tuple of str
        What must be importable.
    """

    extras: tuple[str, ...]
    tests: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()


_RECEIVER = ("tests/tfbwe", "--deselect=tests/tfbwe/cutoff/test_cutoff.py", "--ignore=tests/tfbwe/network")
_TRAINING = (
    "tests/training/learning",
    "tests/training/test_fit.py",
    "tests/training/degradation",
    "tests/export",
)
GROUPS = {
    CORE: Group((), _RECEIVER),
    "training": Group(("train", "export", "report"), _TRAINING),
    "visqol": Group(("visqol",), ("tests/tfbwe/measures/test_listening.py",)),
    "reference": Group(("reference",), ("tests/tfbwe/measures/test_distances.py",)),
    "dev": Group(("dev",), ("tests/tfbwe/test_stft.py",), ("build", "jax", "mypy")),
    "fuzz": Group(("fuzz",), (), ("atheris",)),
}


def grouped() -> dict[str, Group]:
    """`GROUPS`, and for each extra that is in none of them one that imports what it installs."""
    known = {extra for group in GROUPS.values() for extra in group.extras}
    others = dict.fromkeys(one.group for one in requirements() if one.group not in {CORE, *known})
    imports = {
        extra: tuple(one.name.replace("-", "_") for one in requirements() if one.group == extra)
        for extra in others
    }
    return GROUPS | {extra: Group((extra,), (), imports[extra]) for extra in others}


def pinned(group: Group) -> list[str]:
    """Return the requirements of a group, each at its lower bound."""
    wanted = {CORE, *group.extras}
    found = [one.lowest for one in requirements() if one.group in wanted or one.name in TOOLS]
    return list(dict.fromkeys(found))


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the groups that are named, all by default; 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m release.lower_bounds", description=__doc__)
    parser.add_argument("groups", nargs="*", help=f"of {', '.join(grouped())}; all by default")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "build/lower-bounds", help="folder of the environments"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.groups) - set(grouped()):
        parser.error(
            f"groups: expected some of {', '.join(grouped())}, received {', '.join(sorted(unknown))}"
        )
    failed = []
    for name in options.groups or grouped():
        print(f"== {name}: {', '.join(pinned(grouped()[name]))}", flush=True)
        if not _tried(grouped()[name], options.out / name):
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "every group passed at its lower bounds")
    return int(bool(failed))


def _tried(group: Group, folder: Path) -> bool:
    """Install a group and run its tests."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    commands = [["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pinned(group)]]
    commands += [["-m", "pip", "check", "--disable-pip-version-check"]]
    commands += [["-c", f"import {', '.join(group.modules)}"]] if group.modules else []
    # The checkout itself lies on the path of pytest, see setup.cfg.
    commands += [["-m", "pytest", "-q", "-p", "no:cacheprovider", *group.tests]] if group.tests else []
    return all(subprocess.run([python, *command], cwd=ROOT).returncode == 0 for command in commands)


if __name__ == "__main__":
    sys.exit(main())
