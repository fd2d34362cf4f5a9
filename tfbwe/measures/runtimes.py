"""What every shipped graph costs, in Python and, where they are built, in C and in a browser."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import TfbweError
from ..model.bundle import Bundle, load_bundle, shipped_graphs
from ..model.interpreter import interpreter_name
from .cost import measure_hops

CHECKOUT = Path(__file__).parents[2]
"""The folder of the repository, where the package lies in one."""
Row = dict[str, Any]


def all_costs(say: Callable[[str], None]) -> Iterator[Row]:
    """Cost of every shipped graph in every runtime that is there; each in a process of its own.

    Parameters
    ----------
    say : callable
        Takes a line about a runtime that is not there.

    Yields
    ------
    dict
        As `tfbwe.measures.cost.measure_hops` and `measure_cost` return, with ``model``, ``runtime`` and
        ``parameters``; ``None`` where unknown. A step graph is run with the received phase, for which there
        is no graph from wave to wave; C and the browser run the latter alone.
    """
    bundles = {name: load_bundle(path) for name, path in shipped_graphs().items()}
    yield from (_in_python(name, bundle) for name, bundle in bundles.items())
    waves = {name: bundle for name, bundle in bundles.items() if bundle.manifest.graph["kind"] == "wave"}
    for runtime, command in (("C", _c_program()), ("a browser", _browser_program())):
        if not command:
            say(f"no rows for {runtime}: make benchmark in a checkout builds what they need")
        for name, bundle in waves.items() if command else ():
            yield {**_described(name, bundle), **_printed([*command, bundle.name])}


def _in_python(name: str, bundle: Bundle) -> Row:
    phase = "received" if bundle.manifest.graph["kind"] == "step" else "mirror"
    command = [sys.executable, "-m", "tfbwe", "benchmark", "--json", "--model", bundle.name, "--phase", phase]
    runtime = {"runtime": f"Python, {interpreter_name()}"}
    return {**_described(name, bundle), **runtime, **measure_hops(bundle, phase), **_printed(command)}


def _described(name: str, bundle: Bundle) -> Row:
    manifest, graph = bundle.manifest, bundle.manifest.graph
    return {
        "model": name,
        "graph": graph["kind"],
        "quantisation": manifest.quantisation,
        "parameters": graph["parameters"] + manifest.restoring.get("parameters", 0),
        "macs_per_s": manifest.mono_macs_per_s,
        "size_bytes": manifest.size_bytes,
        "latency_samples": graph.get("latency_samples", 0) + graph.get("hop_length", 0) or None,
    }


def _printed(command: list[str]) -> Row:
    """What a program prints, a line of JSON."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise TfbweError(f"{Path(command[0]).name}: {said}")
    row: Row = json.loads(done.stdout)
    return row


def _c_program() -> list[str]:
    built = CHECKOUT / "build" / "c" / "tfbwe-bench"
    found = shutil.which("tfbwe-bench") or (str(built) if os.access(built, os.X_OK) else None)
    return [found] if found else []


def _browser_program() -> list[str]:
    program = CHECKOUT / "embed" / "web" / "benchmark.mjs"
    node = shutil.which("node")
    packages = program.parent / "node_modules" / "playwright-core"
    return [node, str(program)] if node and program.exists() and packages.exists() else []
