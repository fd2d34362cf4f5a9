"""Fuzz all that reads files: ``python -m tests.reliability.fuzz [TARGET ...]``, or ``make fuzz``.

Atheris, which is guided by the coverage of our code, changes good inputs. Each target runs in a process of
its own, with 1 GB of memory more than it begins with and 5 s for an input; what ends it is a finding, is kept
in ``build/fuzz/TARGET``, and the target goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

OUT = Path("build/fuzz")
MOST_FINDINGS = 10
"""Of a target; then it is left alone."""
INSTRUMENTED = ["tfbwe", "training", "mutagen", "tarfile", "zipfile", "gzip", "csv"]


def main() -> int:
    """Fuzz what is asked for; return 1 where something was found, or a target did not take all its inputs."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="see targets.py (default: all)")
    parser.add_argument("--inputs", type=int, default=100_000, help="of all targets (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.inputs, options.seed)
        return 0
    from tests.reliability.targets import TARGETS

    names = options.targets or list(TARGETS)
    share = sum(TARGETS[name].share for name in names)
    begun, done, found, asked = time.monotonic(), 0, 0, 0
    for name in names:
        inputs = round(options.inputs * TARGETS[name].share / share)
        count, findings = fuzzed(name, inputs, options.seed)
        done, found, asked = done + count, found + len(findings), asked + inputs
    print(f"{done} of {asked} inputs in {time.monotonic() - begun:.0f} s, findings: {found}")
    return 1 if found or done < asked else 0


def fuzzed(name: str, inputs: int, seed: int) -> tuple[int, list[Path]]:
    """Fuzz one target; return how many inputs it took, and the files of those that were findings."""
    out = OUT / name
    out.mkdir(parents=True, exist_ok=True)
    begun, done = time.monotonic(), 0
    before = set(out.glob("*-*"))
    for attempt in range(MOST_FINDINGS):
        arguments = ["--child", name, "--inputs", str(inputs - done), "--seed", str(seed + attempt)]
        ended = subprocess.run(
            [sys.executable, "-m", __spec__.name, *arguments],
            capture_output=True,
        )
        done += int(np.fromfile(out / "count", np.int64)[0]) if (out / "count").exists() else 0
        if ended.returncode == 0 or done >= inputs:
            break
        print("\n".join(_gist(ended.stderr.decode(errors="replace"))), file=sys.stderr, flush=True)
    findings = sorted(set(out.glob("*-*")) - before)
    took_s = time.monotonic() - begun
    print(f"{name}: {done} inputs in {took_s:.0f} s, findings: {len(findings)}", *findings, flush=True)
    return done, findings


def child(name: str, inputs: int, seed: int) -> None:
    """Fuzz one target in this process until its inputs are through, or one of them is a finding."""
    import atheris

    out = OUT / name
    count = np.memmap(out / "count", np.int64, "w+", shape=1)
    with tempfile.TemporaryDirectory(prefix="tfbwe-fuzz-") as scratch:
        folder, seeds_folder = Path(scratch) / "work", Path(scratch) / "seeds"
        folder.mkdir()
        seeds_folder.mkdir()
        with atheris.instrument_imports(include=INSTRUMENTED):
            from tests.reliability.targets import HANG_S, TARGETS, limit_memory, outcome

            target = TARGETS[name]
            seeds = target.seeds(seeds_folder)
            for data in seeds:  # imports what it needs
                assert not (refused := outcome(target, data, folder)), refused
        limit_memory()

        def one(data: bytes) -> None:
            count[0] += 1
            outcome(target, data, folder)

        corpus = out / "corpus"
        corpus.mkdir(exist_ok=True)
        for number, data in enumerate(seeds):
            (corpus / f"seed{number}").write_bytes(data)
        settings = [
            f"-runs={inputs}",
            f"-seed={seed}",
            f"-timeout={HANG_S}",
            f"-max_len={2 * max(map(len, seeds))}",
            "-rss_limit_mb=0",  # the limit of the address space holds
            f"-artifact_prefix={out}/",
            str(corpus),
        ]
        atheris.Setup([sys.argv[0], *settings], one)
        atheris.Fuzz()


def _gist(said: str) -> list[str]:
    """Where a process ended and why: the last lines of its traceback."""
    lines = [line for line in said.splitlines() if line.startswith(("  File", "    ")) or "Error" in line]
    return lines[-5:] or said.splitlines()[-5:]


if __name__ == "__main__":
    sys.exit(main())
