"""The bill of materials of a release, CycloneDX 1.6: ``python -m release.sbom ARCHIVE...`` prints it.

It names every file of the archives with its hash and licence, and what tfbwe needs, which is installed beside
it and is no part of it, with lower bound, licence and source. It depends on the archives alone: their hashes
make its number, and its time is given.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import json
import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .licences import contents, statement, statements
from .requirements import CORE, ROOT, requirements, version

NAME = "pkg:pypi/tfbwe"
KINDS = {
    "machine-learning-model": ("networks/", "tfbwe/weights/"),
    "data": ("tests/data/", "training/music/lists/"),
}
"""CycloneDX's type of a file by the folder that it is in; `file` for all others."""


def bill(archives: Mapping[str, bytes], epoch: int) -> str:
    """Return the bill of materials as JSON.

    Parameters
    ----------
    archives : dict
        Bytes of wheel and source archive by their names.
    epoch : int
        Its time, in seconds since 1970.

    Raises
    ------
    ValueError
        If a file is covered by no statement of licence, or by two; or a dependency is not in
        ``dependencies.csv``.
    """
    hashes = {name: _hash(data) for name, data in archives.items()}
    needed = _needed()
    reference = f"tfbwe@{version()}"
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, NAME + str(sorted(hashes.items())))}",
        "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).isoformat(),
            "component": {
                "type": "library",
                "bom-ref": reference,
                "name": "tfbwe",
                "version": version(),
                "licenses": [{"expression": "Apache-2.0 AND MIT"}],
                "purl": f"pkg:pypi/tfbwe@{version()}",
                "components": [
                    {"type": "file", "name": name, "hashes": _hashes(data)}
                    for name, data in sorted(archives.items())
                ],
            },
        },
        "components": [*_files(archives), *needed],
        "dependencies": [
            {"ref": reference, "dependsOn": [one["bom-ref"] for one in needed if one["scope"] == "required"]},
            *({"ref": one["bom-ref"]} for one in needed),
        ],
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hashes(data: bytes) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": _hash(data)}]


def _files(archives: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Every file once, and in which archives it is."""
    shipped: dict[tuple[str, str], tuple[bytes, list[str]]] = {}
    for archive, packed in sorted(archives.items()):
        for name, data in contents(archive, packed).items():
            shipped.setdefault((name, _hash(data)), (data, []))[1].append(archive)
    table, found = statements(), []
    for (name, _), (data, inside) in sorted(shipped.items()):
        said = statement(name, table)
        kinds = (kind for kind, folders in KINDS.items() if name.startswith(folders))
        found.append(
            {
                "type": next(kinds, "file"),
                "name": name,
                "hashes": _hashes(data),
                "licenses": [{"license": {"id": said.licence}}],
                "copyright": said.holder,
                "properties": [{"name": "tfbwe:archive", "value": archive} for archive in inside],
            }
        )
    return found


def _needed() -> list[dict[str, Any]]:
    """What is installed beside tfbwe, of PyPI and npm."""
    with (ROOT / "release/dependencies.csv").open(encoding="utf-8", newline="") as file:
        known = {row["name"]: row for row in csv.DictReader(file)}
    package = json.loads((ROOT / "embed/web/package.json").read_text(encoding="utf-8"))
    bounds: dict[str, list[tuple[str, str]]] = {}
    for one in requirements():
        bounds.setdefault(one.name, []).append((one.group, one.line))
    for name, bound in package["dependencies"].items():
        bounds[name] = [("embed/web", f"{name}@{bound}")]
    if missing := sorted(set(bounds) - set(known)):
        raise ValueError(f"release/dependencies.csv: expected a row for {', '.join(missing)}")
    return [
        {
            "type": "library",
            "bom-ref": name,
            "name": name,
            "scope": "required" if any(group == CORE for group, _ in lines) else "optional",
            "licenses": [{"expression": known[name]["licence"]}],
            "purl": f"pkg:npm/{name.replace('@', '%40')}"
            if name in package["dependencies"]
            else f"pkg:pypi/{name}",
            "externalReferences": [{"type": "vcs", "url": known[name]["source"]}],
            "properties": [{"name": f"tfbwe:needed-by:{group}", "value": line} for group, line in lines],
        }
        for name, lines in sorted(bounds.items())
    ]


def main() -> None:
    """Print the bill of materials of the archives that are named; SOURCE_DATE_EPOCH is its time."""
    if len(sys.argv) < 2:
        sys.exit("usage: python -m release.sbom ARCHIVE...")
    archives = {Path(name).name: Path(name).read_bytes() for name in sys.argv[1:]}
    print(bill(archives, int(os.environ.get("SOURCE_DATE_EPOCH", "0"))), end="")


if __name__ == "__main__":
    main()
