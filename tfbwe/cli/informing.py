"""The command ``tfbwe info``: what a file holds, and which of many files would gain most."""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import functools
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..audio.formats import STANDARD
from ..audio.reader import Reader
from ..audio.tags import read_tags
from ..console import counted, progress_bar, say
from ..errors import AudioError, ConfigError, TfbweError
from ..storage.addresses import without_secrets
from ..storage.objects import is_folder
from ..working.processes import Killed, Tell, each, processor_cores
from .outputs import sounds_below
from .printing import print_found, print_json, print_table

if TYPE_CHECKING:
    from ..model.bundle import Bundle
    from ..offline.received import Received
    from ..restoration.condition import Condition

Row = dict[str, Any]
COLUMNS = (
    *("file", "container", "subtype", "sample_rate", "channels", "seconds", "damage", "cutoff_hz"),
    *("condition", "extendable", "reason"),
)
"""What is found of a file, but its tags and pictures."""
GAIN = "added_octaves"
"""Octaves from the cutoff up to where the model ends, by which many files are sorted."""


def info(options: argparse.Namespace) -> int:
    """Print what sound files or a model file hold."""
    from ..model.bundle import load_bundle

    name = options.files[0]
    alone = len(options.files) == 1
    if not (alone and _is_model(name)):
        several = not alone or is_folder(name)
        return _info_of_many(options) if several else _info_of_sound(name, options)
    for option in ("png", "csv"):
        if getattr(options, option):
            raise ConfigError(f"--{option}: expected a sound file, received the model {name}")
    print_found(dataclasses.asdict(load_bundle(name, options.trust).manifest), True)
    return 0


def _info_of_sound(name: str, options: argparse.Namespace) -> int:
    from ..measures.levels import save_levels
    from ..measures.picture import refuse_picture
    from ..model.bundle import load_bundle

    if options.png is not None:
        refuse_picture(options.png, options.force)
    with Reader(name) as reader:
        found, received, condition = _measured(reader, load_bundle(options.model, options.trust))
    if options.csv:
        _print_csv([found])
    else:
        print_found({key: value for key, value in found.items() if key != GAIN}, options.json)
    if options.png is not None:
        if condition is None or received.moments is None:
            raise ConfigError(
                f"{options.png}: nothing to draw; it needs sound that can be extended, and a model with a "
                "step graph and a network that restores"
            )
        title = Path(found["file"]).name
        save_levels(options.png, title, received.moments, condition, received.cutoff_hz, options.force)
    return 0


def _measured(reader: Reader, bundle: Bundle) -> tuple[Row, Received, Condition | None]:
    from ..offline.received import identified, measure_file, nothing_to_add

    received = measure_file(reader)
    cutoff_hz = received.cutoff_hz
    why_not = nothing_to_add(cutoff_hz, received.why_none, bundle)
    condition = None if why_not else identified(received, bundle)
    tags = read_tags(reader.location)
    for note in (*reader.notes, tags.problem):
        if note:
            say(f"{reader.name}: {note}")
    found = {
        "file": without_secrets(reader.name),
        "container": reader.container,
        "subtype": reader.subtype,
        "sample_rate": reader.sample_rate,
        "channels": reader.channels,
        "seconds": reader.seconds,
        "damage": reader.damage.removeprefix("damaged: ") or None,
        "cutoff_hz": cutoff_hz,
        "condition": None if condition is None else str(condition),
        "extendable": not why_not,
        "reason": why_not or None,
        "tags": tags.text,
        "pictures": tags.pictures,
        GAIN: None if cutoff_hz is None or why_not else math.log2(bundle.manifest.highest_hz / cutoff_hz),
    }
    return found, received, condition


def _info_of_many(options: argparse.Namespace) -> int:
    from ..model.bundle import load_bundle

    if options.png is not None:
        raise ConfigError("--png: draws one file; give one alone")
    names = _all_files(options.files)
    bundle = load_bundle(options.model, options.trust)
    work = functools.partial(measured_row, bundle)
    jobs = 1 if STANDARD in names else min(options.jobs or processor_cores(), len(names))
    rows: dict[str, Row] = {}
    with (
        progress_bar(counted(len(names), "file"), " files") as bar,
        contextlib.closing(each(work, dict.fromkeys(names), jobs, lambda *_: None)) as results,
    ):
        for name, row in results:
            rows[name] = _unread(name, row.how) if isinstance(row, Killed) else row
            bar(len(rows), len(names))
    found = sorted((rows[name] for name in dict.fromkeys(names)), key=_by_gain)
    if options.json:
        print_json(found)
    elif options.csv:
        _print_csv(found)
    else:
        _print_sorted(found, bundle.manifest.highest_hz)
    return 0 if all(map(_was_read, found)) else 1


def _all_files(names: Sequence[str]) -> list[str]:
    files = []
    for name in names:
        if is_folder(name):
            found = list(sounds_below(name))
            if not found:
                raise AudioError(f"{name}: the folder holds no sound files")
            files += found
        elif _is_model(name):
            raise ConfigError(f"{name}: a model; give it alone")
        else:
            files.append(name)
    return files


def measured_row(bundle: Bundle, name: str, tell: Tell) -> Row:
    """Return what a file holds; of one that cannot be read, why.

    Parameters
    ----------
    bundle : Bundle
        The model that would extend it.
    name : str
        The file.
    tell : callable
        Is not called: measuring takes less than a second.

    Returns
    -------
    dict
    """
    try:
        with Reader(name) as reader:
            found, _, _ = _measured(reader, bundle)
    except TfbweError as error:
        return _unread(name, str(error).removeprefix(f"{name}: "))
    except MemoryError:
        return _unread(name, "not enough memory")
    return found


def _unread(name: str, why: str) -> Row:
    nothing = dict.fromkeys((*COLUMNS, "tags", "pictures", GAIN))
    return {
        **nothing,
        "file": without_secrets(name),
        "extendable": False,
        "reason": why,
        "tags": {},
        "pictures": [],
    }


def _was_read(row: Row) -> bool:
    return row["container"] is not None


def _by_gain(row: Row) -> tuple[float, bool]:
    return -(row[GAIN] or 0.0), not _was_read(row)


def _print_csv(rows: Sequence[Row]) -> None:
    writer = csv.DictWriter(sys.stdout, (*COLUMNS, GAIN), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_sorted(rows: Sequence[Row], highest_hz: float) -> None:
    shown = [["file", "format", "Hz", "length", "cutoff", "octaves", "what would be added"]]
    for row in rows:
        cutoff_hz, gain = row["cutoff_hz"], row[GAIN]
        adds = f"{cutoff_hz:.0f} to {highest_hz:.0f} Hz" if gain else f"nothing: {row['reason']}"
        read = _was_read(row)
        shown.append(
            [
                row["file"],
                f"{row['container']} {row['subtype']}" if read else "-",
                str(row["sample_rate"]) if read else "-",
                _length(row["seconds"]) if read else "-",
                "-" if cutoff_hz is None else f"{cutoff_hz:.0f}",
                f"{gain:.2f}" if gain else "-",
                adds if read else f"cannot be read: {row['reason']}",
            ]
        )
    print_table(shown, left=(0, 1, 6))
    gaining = sum(bool(row[GAIN]) for row in rows)
    unread = sum(not _was_read(row) for row in rows)
    counts = {"would gain": gaining, "would not": len(rows) - gaining - unread, "cannot be read": unread}
    print(
        ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        + "; sorted by the octaves from the cutoff to where the model ends"
    )


def _length(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _is_model(name: str) -> bool:
    from ..model.bundle import shipped

    if os.path.isfile(name):
        with open(name, "rb") as file:
            return name.endswith(".tflite") or file.read(8)[4:] == b"TFL3"
    return name.endswith(".tflite") or name in shipped()
