"""What a Dask cluster brings and costs: ``python -m benchmarks.cluster``.

The same work, in one run: sixteen files of a minute through `tfbwe extend`, and shards of eight made-up songs
through `training.precompute`; with one and two processes, and with one and two workers of a thread each on
this machine, twice in turn. The least time counts. All outputs must be the same bits.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import soundfile

from benchmarks.hour import received_clip
from tests.helpers.clusters import cluster_of
from tests.helpers.smoke import RATE, made_up_song
from tests.reliability.command import hashes

FILES, SONGS, MINUTES, ROUNDS, VARIANTS = 16, 8, 1, 2, 3
WAYS = (("processes", 1), ("processes", 2), ("workers", 1), ("workers", 2))


def main() -> None:
    """Write the music to a temporary folder, do the work in every way and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    figures = {}
    with tempfile.TemporaryDirectory(prefix="tfbwe-cluster-") as temporary:
        folder = Path(temporary)
        for name, command in (("extend", extend(folder)), ("precompute", precompute(folder))):
            seconds, made = dict[tuple[str, int], float](), set[str]()
            for way in WAYS * ROUNDS:
                shutil.rmtree(folder / "out", ignore_errors=True)
                took_s = timed(command, way, folder)
                seconds[way] = min(took_s, seconds.get(way, took_s))
                found = hashes(folder / "out")
                found.pop("schema.json", None)  # It holds the revision of the checkout.
                made.add(repr(sorted(found.items())))
            if len(made) > 1:
                raise SystemExit(f"{name}: outputs differ with the way")
            print_table(name, seconds)
            figures[name] = {f"{count} {kind}": took_s for (kind, count), took_s in seconds.items()}
    if options.json:
        overhead = figures["extend"]["2 workers"] / figures["extend"]["2 processes"] - 1
        options.json.write_text(
            json.dumps({"overhead": overhead, "seconds": figures}) + "\n", encoding="utf-8"
        )


def print_table(name: str, seconds: dict[tuple[str, int], float]) -> None:
    """Print what each way took, against one of its kind, and workers against as many processes."""
    print(f"{name:<12}     wall clock  times as fast as 1  Dask's overhead")
    for (kind, count), took_s in seconds.items():
        more = ""
        if kind == "workers":
            more = f"{100 * (took_s / seconds['processes', count] - 1):13.0f} %"
        print(f"{count} {kind:<12}  {took_s:9.1f} s  {seconds[kind, 1] / took_s:17.2f}  {more}", flush=True)
    print()


def extend(folder: Path) -> list[str]:
    """Write files of a minute, the shipped clip again and again; return the command that extends them."""
    received, sample_rate = received_clip()
    songs = folder / "songs"
    songs.mkdir()
    for number in range(FILES):
        with soundfile.SoundFile(songs / f"{number}.wav", "w", sample_rate, 2, "PCM_16") as file:
            while file.frames < MINUTES * 60 * sample_rate:
                file.write(received.T)
    return ["tfbwe", "extend", str(songs), "-o", str(folder / "out")]


def precompute(folder: Path) -> list[str]:
    """Write and scan music; return the command that makes shards of it."""
    music = folder / "music"
    for number in range(SONGS):
        path = music / f"artist {number}" / "song.flac"
        path.parent.mkdir(parents=True)
        soundfile.write(path, made_up_song(number, 60.0 * MINUTES).T, RATE)
    run([sys.executable, "-m", "training.corpus", "scan", str(music)])
    places = ["--data", str(music), "--out", str(folder / "out")]
    return ["training.precompute", *places, "--variants", str(VARIANTS)]


def timed(command: Sequence[str], way: tuple[str, int], folder: Path) -> float:
    """Seconds that a command takes; workers are there before it begins."""
    kind, count = way
    whole = [sys.executable, "-m", *command]
    if kind == "processes":
        return run([*whole, "--jobs", str(count)])
    with cluster_of(folder / "dask", count) as cluster:
        return run([*whole, "--cluster", cluster.address])


def run(command: Sequence[str]) -> float:
    """Run a program to its end; return the seconds that it takes."""
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{command[2]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
