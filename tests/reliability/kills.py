"""Kill commands at random moments: ``python -m tests.reliability.kills [COMMAND ...]``, or ``make kills``.

Half of the kills come after a random time, half just before a random change of the folder that is written.
After each one every file that bears its final name is read by its own reader; after up to three of them the
same command must end with what it makes undisturbed, byte for byte but for times and speeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.reliability.children import Ended, done, start, wait
from tests.reliability.command import Command, leftovers
from tests.reliability.commands import COMMANDS

KILLED = -9
MOST_IN_A_ROW = 3


@dataclasses.dataclass
class Undisturbed:
    """What a command makes undisturbed, in how many seconds, with how many changes of its folder."""

    made: dict[str, str]
    seconds: float
    changes: int


def main() -> int:
    """Kill what is asked for; return 1 where something was damaged or ended otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.kills", description=__doc__)
    parser.add_argument(
        "commands", nargs="*", metavar="COMMAND", help=f"of {', '.join(COMMANDS)} (default all)"
    )
    parser.add_argument("--kills", type=int, default=200, help="in all (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    names = options.commands or list(COMMANDS)
    share = sum(COMMANDS[name].share for name in names)
    begun, total, failed = time.monotonic(), 0, 0
    for name in names:
        wanted = round(options.kills * COMMANDS[name].share / share)
        with tempfile.TemporaryDirectory(prefix="tfbwe-kills-") as folder:
            kills, runs, problems = killed(COMMANDS[name], Path(folder), wanted, options.seed)
        total, failed = total + kills, failed + len(problems)
        print(
            f"{name}: {kills} kills, {runs} times finished after them, problems: {len(problems)}", flush=True
        )
        for problem in problems:
            print(f"  {problem}", flush=True)
    print(f"{total} kills in {time.monotonic() - begun:.0f} s, problems: {failed}")
    return 1 if failed else 0


def killed(command: Command, folder: Path, wanted: int, seed: int) -> tuple[int, int, list[str]]:
    """Kill a command so many times; return the kills, how often it was finished after them, and problems."""
    rng = random.Random(f"{command.name} {seed}")
    command.prepare(folder)
    log = folder / "log"
    expected = undisturbed(command, folder, log)
    kills, runs, problems = 0, 0, []
    while kills < wanted and len(problems) < 5:
        out = emptied(command, folder)
        history = []
        try:
            for _ in range(min(rng.randint(1, MOST_IN_A_ROW), wanted - kills)):
                event, after_s, moment = chosen(rng, expected)
                history.append(moment)
                status = wait(start(lambda: command.run(folder), log, out, event), after_s)
                if status != KILLED:
                    break  # it was through before
                kills += 1
                done(lambda: command.check(folder), log)
            finish(command, folder, log)
            runs += 1
            differing = differences(expected.made, done(lambda: command.made(folder), log))
            if differing:
                raise Ended(f"another result: {', '.join(differing[:5])}")
        except Ended as error:
            problems.append(f"after a kill {', '.join(history)}: {error}")
    return kills, runs, problems


def undisturbed(command: Command, folder: Path, log: Path) -> Undisturbed:
    """Run a command twice: the time it takes is that of the second, and both must make the same."""
    made = []
    for _ in range(2):
        out = emptied(command, folder)
        begun = time.monotonic()
        status = wait(start(lambda: command.run(folder), log, out))
        seconds = time.monotonic() - begun
        if status != 0:
            raise Ended(f"{command.name}: status {status}: {log.read_text(errors='replace')[-2000:]}")
        done(lambda: command.check(folder), log)
        made.append(done(lambda: command.made(folder), log))
    if differing := differences(*made):
        raise Ended(f"{command.name}: is not the same twice: {', '.join(differing)}")
    return Undisturbed(made[0], seconds, int(log.with_suffix(".events").read_text()))


def finish(command: Command, folder: Path, log: Path) -> None:
    """Run a command to its end."""
    status = wait(start(lambda: command.run(folder, again=True), log))
    if status != 0:
        raise Ended(f"the same command again: status {status}: {log.read_text(errors='replace')[-2000:]}")
    if left := leftovers(folder / "out"):
        raise Ended(f"left behind: {', '.join(left)}")
    done(lambda: command.check(folder), log)


def chosen(rng: random.Random, expected: Undisturbed) -> tuple[int | None, float | None, str]:
    """Before which change, or after which time to kill, and that in words."""
    if rng.random() < 0.5:
        event = rng.randint(1, expected.changes)
        return event, None, f"before change {event} of {expected.changes}"
    after_s = rng.uniform(0, expected.seconds)
    return None, after_s, f"after {after_s:.3f} s of {expected.seconds:.1f} s"


def emptied(command: Command, folder: Path) -> Path:
    """Put the folder that is written to its state before the command."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    command.begin(folder)
    return out


def differences(expected: dict[str, str], received: dict[str, str]) -> list[str]:
    """Names of what differs."""
    return [name for name in {**expected, **received} if expected.get(name) != received.get(name)]


if __name__ == "__main__":
    sys.exit(main())
