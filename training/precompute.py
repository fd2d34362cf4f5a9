"""Precompute pairs of music and of its degraded variants: ``python -m training.precompute``.

Every piece of the splits train and valid, each in a number of variants of the degradation, goes into shards;
`training.examples.shards` reads them. A shard depends on the seed alone, not on how many processes
work. What is interrupted, by whatever, is taken up where it was: a shard counts once it is in the index.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfbwe.console import counted, reported
from tfbwe.errors import ConfigError
from tfbwe.leftovers import remove_leftovers
from tfbwe.working import cluster
from tfbwe.working.processes import Killed

from .arguments import command, folder_or_address, module, positive, whole_number
from .working import Each, crew, on_cluster

if TYPE_CHECKING:
    from .examples.pairs import Item
    from .examples.shards import Shard

_WORK = ".work-"
_GB = 1e9


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=command("precompute"),
        description="Write pairs of band-limited and full-band music as shards, for any network to train on: "
        "codecs and restoring run once, not in every run. Interrupted, the same command goes on.",
        epilog=f"example: {command('precompute')} --data music --out shards --variants 2; "
        "folders may be at addresses: --data s3://bucket/music --out s3://bucket/shards (needs tfbwe[cloud])",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--data", required=True, type=folder_or_address, help="music folder with manifest.csv"
    )
    parser.add_argument("--out", required=True, type=folder_or_address, help="folder for the shards")
    parser.add_argument(
        "--variants", required=True, type=positive, metavar="N", help="degradations of every piece of 3 s"
    )
    parser.add_argument("--seed", type=whole_number, default=0, help="of degradations and order (default 0)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs",
        type=positive,
        default=os.cpu_count() or 1,
        help="processes; they do not change the shards (default: %(default)s)",
    )
    cluster.add_option(where)
    options = parser.parse_args(argv)
    stopped = "stopped; the same command goes on from here"
    return reported(module("precompute"), lambda: _with_copies(options), "train", options.out, stopped)


def _with_copies(options: argparse.Namespace) -> None:
    from .examples.copies import brought_here, shards_at

    options.data = brought_here(options.data, "train", "valid")
    with shards_at(options.out) as options.out:
        precompute(options)


def precompute(options: argparse.Namespace) -> None:
    """Make the shards that the command line asks for, as far as they are not there."""
    from .examples.batches import ENVIRONMENT
    from .examples.pairs import description
    from .examples.shards import SCHEMA, is_shards, read_schema, write_json

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    options.data, options.out = (on_cluster(path, options.cluster) for path in (options.data, options.out))
    out: Path = options.out
    wanted = description(options.data, options.seed, options.variants)
    with _alone(out):
        there = read_schema(out) if is_shards(out) else None
        if there is None:
            _refuse_other_files(out)
        else:
            _refuse_difference(out, {name: there.get(name) for name in wanted}, wanted)
        _remove_leftovers(out)
        if there is not None and _is_complete(out, there):
            return
        with crew(options.jobs, options.cluster) as each:
            plan = _plan(options, each)
            splits = _described(plan)
            if there is not None:
                _refuse_difference(out, there["splits"], splits)
            finished = _finished(out)
            shards = {name: items for name, items in _cut(plan).items() if name not in finished}
            _announce(out, plan, shards)
            if there is None:
                write_json(out / SCHEMA, {**wanted, "splits": splits, "made_with": _provenance()})
            _make(options, shards, finished, each)


def _provenance() -> dict[str, Any]:
    from .provenance import git_revision, versions

    packages = ("tfbwe", "numpy", "scipy", "soxr", "soundfile")
    return {"git_revision": git_revision(), "versions": versions(*packages)}


def _refuse_other_files(out: Path) -> None:
    if out.is_dir() and any(not path.name.startswith((_WORK, ".part-")) for path in out.iterdir()):
        raise ConfigError(f"{out}: expected a new or empty folder, or one of shards; it holds other files")


def _refuse_difference(out: Path, there: Any, wanted: Any) -> None:
    from .examples.shards import SCHEMA, differences

    if differing := differences(there, wanted):
        raise ConfigError(
            f"{out / SCHEMA}: expected the music and the parameters that this folder was begun with; "
            f"{'; '.join(differing[:3])}; take those, or another folder"
        )


def _remove_leftovers(out: Path) -> None:
    """Remove what a killed run was writing."""
    for leftover in [*out.glob(f"{_WORK}*"), *out.glob(".part-*")]:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()


def _is_complete(out: Path, schema: dict[str, Any]) -> bool:
    """Whether there is nothing to do; says so."""
    from .examples.shards import shard_names

    names = [name for split, row in schema["splits"].items() for name in shard_names(split, row["shards"])]
    complete = set(names) <= set(_finished(out))
    if complete:
        print(f"{out}: complete, {counted(len(names), 'shard')}", file=sys.stderr)
    return complete


def _finished(out: Path) -> dict[str, Shard]:
    """Shards that the index lists and that are there in full length."""
    from .examples.shards import read_index

    def size(name: str) -> int:
        path = out / name
        return path.stat().st_size if path.is_file() else -1

    return {name: shard for name, shard in read_index(out).items() if size(name) == shard.bytes}


def _plan(options: argparse.Namespace, each: Each) -> dict[str, list[Item]]:
    """Find all examples of both splits, in the order of the shards."""
    import tqdm

    from .examples.drawn import DECODED, Music
    from .examples.pairs import Item, in_random_order, loud_pieces
    from .examples.shards import SPLITS

    plan = {}
    for split in SPLITS:
        tracks = sorted((track for track, _ in Music(options.data, split).tracks), key=lambda row: row.file)
        tasks = [(options.data, track, options.variants) for track in tracks]
        work = each(loud_pieces, tasks, lambda task: [task[0] / task[1].file])
        bar = tqdm.tqdm(work, total=len(tracks), desc=f"reading {split}", unit="track", disable=None)
        keys = dict(bar)
        for number, found in keys.items():
            if isinstance(found, Killed):
                raise ConfigError(f"{options.data / tracks[number].file}: {found.how}")
        items = [Item(track, *key) for number, track in enumerate(tracks) for key in keys[number]]
        if not items:
            raise ConfigError(f"{options.data}: expected music in the split {split}, all of it is silent")
        plan[split] = in_random_order(items, options.seed, split)
    if options.cluster:
        remove_leftovers(options.data / DECODED, own=True)
    return plan


def _described(plan: dict[str, list[Item]]) -> dict[str, Any]:
    """What the schema says of the splits."""
    from .examples.shards import SHARD_EXAMPLES

    counts = {}
    for split, items in plan.items():
        rows = repr([(item.track.file, item.piece, item.variant) for item in items])
        counts[split] = {
            "examples": len(items),
            "shards": -(-len(items) // SHARD_EXAMPLES),
            "order_sha256": hashlib.sha256(rows.encode()).hexdigest(),
        }
    return counts


def _cut(plan: dict[str, list[Item]]) -> dict[str, list[Item]]:
    """Items of every shard by its name."""
    from .examples.shards import SHARD_EXAMPLES, shard_names

    shards: dict[str, list[Item]] = {}
    for split, items in plan.items():
        parts = [items[i : i + SHARD_EXAMPLES] for i in range(0, len(items), SHARD_EXAMPLES)]
        shards.update(zip(shard_names(split, len(parts)), parts, strict=True))
    return shards


def _announce(out: Path, plan: dict[str, list[Item]], shards: dict[str, list[Item]]) -> None:
    """Say what will be written; refuse if the disk cannot take it."""
    from .examples.shards import EXAMPLE

    examples = sum(map(len, shards.values()))
    needed = examples * EXAMPLE.itemsize
    sizes = " and ".join(f"{len(items)} of {split}" for split, items in plan.items())
    print(
        f"{out}: examples: {sizes}; to write: {examples} in {counted(len(shards), 'shard')}, "
        f"{needed / _GB:.1f} GB",
        file=sys.stderr,
    )
    free = shutil.disk_usage(out).free
    if needed > free:
        raise ConfigError(
            f"{out}: expected {needed / _GB:.1f} GB of free disk, there are {free / _GB:.1f} GB; "
            "take fewer --variants or another disk"
        )


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Make the folder, and keep a second run out of it."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out}: expected a folder for the shards, new or with some in it; it is a file")
    out.mkdir(parents=True, exist_ok=True)
    if os.name != "posix":
        yield
        return
    import fcntl

    folder = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"{out}: expected no other run, one is writing here; wait until it ends"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(folder)


def _make(
    options: argparse.Namespace, shards: dict[str, list[Item]], index: dict[str, Shard], each: Each
) -> None:
    """Make shards in a folder of their own; each moves to its place once it is whole, then into the index.

    After a kill the working processes may write on for a moment: into a folder that nobody reads any more.
    """
    import tqdm

    from tfbwe.atomic import replace_synced

    from .examples.pairs import write_shard
    from .examples.shards import PIECE_HOURS, write_index

    out: Path = options.out
    before = sum(shard.examples for shard in index.values())
    total = before + sum(map(len, shards.values()))
    done, speed, begun, killed = 0, 0.0, time.monotonic(), dict[str, Killed]()
    with (
        tempfile.TemporaryDirectory(prefix=_WORK, dir=out, ignore_cleanup_errors=True) as work,
        tqdm.tqdm(total=total, initial=before, desc="precomputing", unit="example", disable=None) as bar,
    ):
        tasks = [(options.data, items, options.seed, Path(work) / name) for name, items in shards.items()]
        for number, result in each(write_shard, tasks, lambda task: [task[0], task[3].parent]):
            if isinstance(result, Killed):
                killed[tasks[number][3].name] = result
                continue
            shard, written = result
            replace_synced(written, out / shard.name)
            index[shard.name] = shard
            write_index(out, index)
            bar.update(shard.examples)
            done += shard.examples
            speed = done * PIECE_HOURS * 3600 / (time.monotonic() - begun)
            bar.set_postfix_str(f"{speed:.0f} x real time")
    for name, result in killed.items():
        raise ConfigError(f"{out / name}: {result.how}; all but {counted(len(killed), 'shard')} are there")
    gigabytes = sum(shard.bytes for shard in index.values()) / _GB
    print(
        f"{out}: complete, {counted(len(index), 'shard')}, {counted(total, 'example')}, {gigabytes:.1f} GB, "
        f"made at {speed:.0f} times real time",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
