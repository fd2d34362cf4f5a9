"""Command line: fetch a music corpus, and measure a music folder into a manifest."""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from tfbwe.console import counted, reported
from tfbwe.errors import ConfigError
from tfbwe.storage.addresses import joined
from tfbwe.working import cluster

from .arguments import command, folder, folder_or_address, module, positive
from .music import debian_music
from .music.layouts import LAYOUTS
from .music.manifest import MANIFEST_NAME, SPLITS, Track
from .music.packages import PackageError
from .music.scan import JOBS, LeftOut, scan


def _summary(tracks: Sequence[Track], left_out: Sequence[LeftOut]) -> Iterator[str]:
    ordered = sorted(tracks, key=lambda row: SPLITS.index(row.split))
    for split, rows in itertools.groupby(ordered, key=lambda row: row.split):
        members = list(rows)
        hours = math.fsum(row.seconds for row in members) / 3600
        yield f"{split}: {counted(len(members), 'file')}, {hours:.2f} h"
    yield f"left out: {counted(len(left_out), 'file')}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command("corpus"),
        description="Fetch a music corpus, or measure a music folder into a manifest.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    known = ", ".join(name for name in LAYOUTS if name != "tree")
    fetch = commands.add_parser(
        "fetch",
        help="download a corpus and scan it",
        description="Download a corpus into DIR, unpack and scan it. Interrupted, the same command goes on.",
        epilog=f"example: {command('corpus')} fetch debian-music data/debian-music",
    )
    fetch.add_argument(
        "corpus", choices=[debian_music.NAME], help="twelve Debian packages, 930 MB, 15.8 h of music"
    )
    fetch.add_argument(
        "directory", metavar="DIR", type=folder, help="folder for packages, music and manifest"
    )
    scanner = commands.add_parser(
        "scan",
        help="measure a music folder",
        description="Measure every sound file in DIR (bandwidth, rate, channels, length, loudness, split) "
        f"and write DIR/{MANIFEST_NAME}. Known layouts: {known}; another tree is split by its first folders.",
        epilog=f"example: {command('corpus')} scan ~/music/musdb18hq",
    )
    scanner.add_argument(
        "directory",
        metavar="DIR",
        type=folder_or_address,
        help="a data set or any tree of sound files, or the address of one",
    )
    for each in (fetch, scanner):
        where = each.add_mutually_exclusive_group()
        where.add_argument(
            "--jobs", type=positive, default=JOBS, help="threads that measure (default: %(default)s)"
        )
        cluster.add_option(where)
        each.add_argument(
            "--resume",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="keep measurements of files that did not change (default: yes)",
        )
    return parser


def _fetch(directory: Path) -> list[str]:
    """Fetch and report; return the packages that could not be had."""
    report = debian_music.fetch(directory)
    print(f"{directory}: {counted(report.written, 'file')} unpacked, {report.kept} were there")
    for row in report.missing:
        print(f"missing: {row.file}: no file of {row.package} has sha256 {row.sha256}", file=sys.stderr)
    for reason in report.unavailable.values():
        print(f"missing: {reason}", file=sys.stderr)
    return list(report.unavailable)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, or 1 after one line on stderr that says what went wrong."""
    arguments = _parser().parse_args(argv)
    stopped = "interrupted; the same command goes on from here"
    return reported(module("corpus"), lambda: _corpus(arguments), "train", arguments.directory, stopped)


def _corpus(arguments: argparse.Namespace) -> None:
    """Fetch if asked for, then scan."""
    from .examples.copies import copied, put_back

    unavailable = _fetch(arguments.directory) if arguments.command == "fetch" else []
    address = arguments.directory if isinstance(arguments.directory, str) else None
    directory = arguments.directory if address is None else copied(address)
    try:
        tracks, left_out = scan(directory, arguments.resume, arguments.jobs, arguments.cluster)
    except csv.Error as error:
        raise ConfigError(f"{directory}: a table of the data set cannot be read ({error})") from None
    manifest = str(directory / MANIFEST_NAME)
    if address is not None:
        put_back(address, [MANIFEST_NAME])
        manifest = joined(address, PurePosixPath(MANIFEST_NAME))
    print(*_summary(tracks, left_out), manifest, sep="\n")
    if unavailable:
        raise PackageError(f"incomplete, packages that could not be had: {', '.join(unavailable)}")


if __name__ == "__main__":
    sys.exit(main())
