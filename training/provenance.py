"""Where a result comes from: revision and versions."""

import platform
import subprocess
from importlib import metadata
from pathlib import Path


def git_revision() -> str:
    """Revision of the checkout this file lies in, with ``+`` if it was changed; empty outside of one."""
    here = Path(__file__)
    commands = (
        # An installed copy may lie in somebody else's checkout.
        ["git", "ls-files", "--error-unmatch", here.name],
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
    )
    answer = ""
    try:
        for command in commands:
            answer = subprocess.run(
                command, cwd=here.parent, capture_output=True, text=True, check=True
            ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return answer


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
