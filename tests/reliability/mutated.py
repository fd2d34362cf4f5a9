"""The short form of fuzzing, changes at random: ``python -m tests.reliability.mutated --inputs 40``.

Of each target but those that need Keras or ffmpeg, in one process, which ends at the first finding.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.reliability.targets import HANG_S, TARGETS, limit_memory, outcome

_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_WORDS = (
    b"-1",
    b"0",
    b"1e999",
    b"nan",
    b"null",
    b"[]",
    b"{}",
    b'"',
    b"\n",
    b",",
    b"99999999999999999999",
    b"\xff",
)


def main() -> None:
    """Read changed inputs; an error or a crash ends the process."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.mutated", description=__doc__)
    parser.add_argument("--inputs", type=int, default=40, help="of each target (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    chosen = {name: target for name, target in TARGETS.items() if not (target.keras or target.ffmpeg)}
    with tempfile.TemporaryDirectory(prefix="tfbwe-mutated-") as scratch:
        seeds = {}
        for name, target in chosen.items():
            for folder in (Path(scratch) / name, Path(scratch) / f"{name}-seeds"):
                folder.mkdir()
            seeds[name] = target.seeds(folder)
            for data in seeds[name]:
                assert not (refused := outcome(target, data, Path(scratch) / name)), refused
        faulthandler.enable()
        limit_memory()
        refusals = 0
        for name, target in chosen.items():
            for data in mutated(seeds[name], options.inputs, options.seed):
                faulthandler.dump_traceback_later(HANG_S, exit=True)
                try:
                    refusals += bool(outcome(target, data, Path(scratch) / name))
                except Exception:
                    print(f"{name}: {data.hex()}")
                    raise
                finally:
                    faulthandler.cancel_dump_traceback_later()
    print(f"{len(chosen) * options.inputs} inputs, {refusals} of them refused")


def mutated(seeds: list[bytes], count: int, seed: int) -> Iterator[bytes]:
    """Yield inputs, one to four changes away from a seed; the same ones for the same arguments."""
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 4)):
            _change(data, rng, seeds)
        yield bytes(data)


def _change(data: bytearray, rng: random.Random, seeds: list[bytes]) -> None:
    at = rng.randrange(len(data) + 1)
    if rng.random() < 0.5:  # headers stand at the beginning
        at = min(at, rng.randrange(64))
    kind = rng.randrange(6)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        del data[at : at + rng.randint(1, 16)]
    elif kind == 2:
        data[at : at + 1] = rng.randbytes(1)
    elif kind == 3:
        order, size = rng.choice("<>"), rng.choice("BHI")
        number = rng.choice(_NUMBERS) & (256 ** struct.calcsize(size) - 1)
        data[at : at + struct.calcsize(size)] = struct.pack(order + size, number)
    elif kind == 4:
        data[at:at] = rng.choice(_WORDS)
    else:
        other = rng.choice(seeds)
        start = rng.randrange(len(other) + 1)
        data[at:at] = other[start : start + rng.randint(1, 64)]


if __name__ == "__main__":
    main()
