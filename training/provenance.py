"""Where a result comes from: revision, versions, and the code that it depends on."""

import ast
import functools
import hashlib
import platform
import subprocess
import threading
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import tfbwe

PACKAGES = {"tfbwe": Path(tfbwe.__file__).parent, str(__package__): Path(__file__).parent}
"""Where the code of this project lies: in a checkout, or installed, where all is below ``tfbwe``."""


def git_revision() -> str:
    """Revision of the checkout this file lies in, with ``+`` if it was changed; empty outside of one."""
    here = Path(__file__)
    commands = (
        # An installed copy may lie in somebody else's checkout.
        ["git", "ls-files", "--error-unmatch", here.name],
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
    )
    revision = ""
    try:
        for command in commands:
            revision = subprocess.run(
                command, cwd=here.parent, capture_output=True, text=True, check=True
            ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return revision


def versions(*packages: str) -> dict[str, str]:
    """Versions of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


_PARSING = threading.Lock()
"""Two threads that parse at once end in `SystemError` (CPython 3.11)."""


@functools.cache
def code_version(*modules: str) -> str:
    """Hash of what `code_behind` returns."""
    with _PARSING:
        code = sorted(code_behind(*modules).items())
    return hashlib.sha256("\n".join(map(" ".join, code)).encode()).hexdigest()[:32]


def code_behind(*modules: str) -> dict[str, str]:
    """Code of modules, by name, and of all in this project that they import, wherever they import it.

    Comments, docstrings and imports for type checkers alone are left out.

    Parameters
    ----------
    *modules : str
        Full names: take them from module objects, ``distances.__name__``, so that a moved one is found.

    Raises
    ------
    ImportError
        If a name is not a module of this project, or one of them imports a name that is none.
    """
    waiting = list(modules)
    code: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        if name in code:
            continue
        path = _file_of(name)
        if path is None:
            raise ImportError(f"{name}: expected a module of {' or '.join(PACKAGES)}, there is none")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        waiting += _with_parents(_imported(tree, package))
        for node in ast.walk(tree):
            documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
            if isinstance(node, documented) and ast.get_docstring(node) is not None:
                del node.body[0]
        code[name] = ast.dump(tree)
    return code


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Modules of this project that code imports, at its top or anywhere below."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            if _is_ours(module):
                for alias in node.names:
                    submodule = f"{module}.{alias.name}"
                    yield submodule if _file_of(submodule) else module
        else:
            yield from _imported(node, package)


def _with_parents(names: Iterable[str]) -> Iterator[str]:
    """Names with those of the packages that they lie in, whose own code runs when they are imported.

    The outermost ones are left out, unless a name is taken from them: they hold the version, and what is
    imported when it is first used.
    """
    for name in names:
        yield name
        parent = name.rpartition(".")[0]
        while parent and parent not in PACKAGES:
            yield parent
            parent = parent.rpartition(".")[0]


def _is_ours(name: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in PACKAGES)


def _file_of(name: str) -> Path | None:
    """File of a module or package of this project, if it is one."""
    for package in sorted(PACKAGES, key=len, reverse=True):
        if f"{name}.".startswith(f"{package}."):
            path = PACKAGES[package].joinpath(*name[len(package) + 1 :].split("."))
            files = (path / "__init__.py", path.with_name(f"{path.name}.py"))
            return next((file for file in files if file.is_file()), None)
    return None
