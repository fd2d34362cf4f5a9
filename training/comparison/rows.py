"""Rows of a comparison: one system on one excerpt in one condition, measured once and kept."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from tfbwe.errors import AudioError, ConfigError
from tfbwe.leftovers import remove_leftovers
from tfbwe.working.processes import Killed

from ..degradation.conditions import Condition
from ..music.manifest import Track, read_manifest
from ..working import crew, on_cluster
from .cache import Kept
from .lineup import System
from .measuring import measured, rate_kbps, sent
from .scoring import scored

Row = dict[str, Any]
KEPT = ".rows"
"""Folder of what was measured before, in that of a report."""


def split_tracks(data: Path, split: str, count: int | None = None) -> list[Track]:
    """Tracks of a split, or some of them, spread over the list.

    Raises
    ------
    ConfigError
        If there is none, or fewer than one is asked for.
    """
    tracks = [track for track in read_manifest(data) if track.split == split]
    if not tracks:
        raise ConfigError(f"{data}: expected tracks of the split {split}; there are none")
    return tracks if count is None else _spread(tracks, count)


def _spread(tracks: list[Track], count: int) -> list[Track]:
    if count < 1:
        raise ConfigError(f"a number of tracks: expected 1 or more, received {count}")
    places = np.linspace(0, len(tracks) - 1, min(count, len(tracks))).round().astype(int)
    return [tracks[place] for place in places]


def measured_rows(
    data: Path,
    tracks: list[Track],
    conditions: Sequence[Condition],
    systems: Sequence[System],
    cache: Path,
    jobs: int,
    scored_tracks: int = 0,
    say: Callable[[str], None] = lambda message: print(message, file=sys.stderr),
    scheduler: str | None = None,
) -> tuple[list[Row], list[str]]:
    """Rows of all systems on all tracks, and the files that failed, of which there are no rows.

    Parameters
    ----------
    data : Path
        Music folder.
    tracks, conditions, systems : sequences
    cache : Path
        Folder of what was measured before, made if missing.
    jobs : int
        Processes.
    scored_tracks : int
        On how many tracks the listener's score is predicted.
    say : callable
        Takes a line about a file that failed.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers take the place of processes.

    Raises
    ------
    ConfigError
        If no track at all can be read.
    """
    data, cache = on_cluster(data, scheduler), on_cluster(cache, scheduler)
    cache.mkdir(parents=True, exist_ok=True)
    chosen = _spread(tracks, scored_tracks) if scored_tracks else []
    tasks = [
        (data, track, condition, systems, cache, track in chosen)
        for track in tracks
        for condition in conditions
    ]
    found: dict[int, list[Row]] = {}
    failed: dict[str, str] = {}
    with crew(jobs, scheduler) as each:
        work = each(rows_of, tasks, lambda task: [task[4], task[0] / task[1].file])
        for number, result in tqdm.tqdm(work, total=len(tasks), unit="excerpt", disable=None):
            file = tasks[number][1].file
            if isinstance(result, Killed):
                result = f"{data / file}: {result.how}"
            if not isinstance(result, str):
                found[number] = result
            elif file not in failed:
                failed[file] = result
                say(f"left out: {result}")
    if scheduler is not None:
        remove_leftovers(cache, own=True)
    rows = [row for number in sorted(found) for row in found[number] if row["track"] not in failed]
    if not rows:
        raise ConfigError(f"{data}: expected one track at least that can be read; there is none")
    return rows, [track.file for track in tracks if track.file in failed]


def rows_of(
    data: Path, track: Track, condition: Condition, systems: Sequence[System], cache: Path, score: bool
) -> list[Row] | str:
    """Rows of all systems on one track in one condition, or what went wrong.

    Parameters
    ----------
    data : Path
        Music folder.
    track : Track
    condition : Condition
    systems : sequence of System
    cache : Path
        Folder of what was measured before; it must exist.
    score : bool
        Whether to predict the listener's score, which takes seconds a row; not where a decoder runs in
        another setting than for a file whose cutoff is given.
    """
    systems = [system for system in systems if system.takes_part(condition)]
    scores = {system.name: score and not system.setting for system in systems}
    kept = Kept(cache, track, condition)
    try:
        missing = [system for system in systems if not kept.has(system, scores[system.name])]
        if missing:
            given, size_bytes = sent(data / track.file, condition.degradation, condition.cutoff_hz)
            for system in missing:
                y = system.output(given)
                if not kept.has(system, False):
                    values = measured(given.original, y, given.cutoff_hz, track.bandwidth_hz)
                    if system.kind == "received" and size_bytes is not None:
                        values["rate_kbps"] = rate_kbps(size_bytes, given.original)
                    kept.put(system, values)
                if scores[system.name]:
                    kept.put(system, {"visqol": scored(given.original, y)}, score=True)
                kept.write()
    except AudioError as error:
        return str(error)
    except (ValueError, RuntimeError) as error:  # a library's; no reason to end a run of hours
        return f"{data / track.file}, {condition.name}: {type(error).__name__}: {error}"
    names = {"track": track.file, "condition": condition.name}
    return [{**names, "system": system.name, **kept.get(system, scores[system.name])} for system in systems]
