"""What is fuzzed: each target takes any bytes, puts them where a user's file would lie, and reads them.

It returns, or raises `TfbweError`; anything else that happens is a finding.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.reliability import receiver_files, training_files
from tfbwe.errors import TfbweError

INPUT_S = 5
"""The longest that an input may take of a processor."""
HANG_S = 60
"""After that a process is ended; more, for a busy machine."""
MEMORY_BYTES = 1 << 30


@dataclasses.dataclass(frozen=True)
class Target:
    """Something that reads a file.

    Attributes
    ----------
    read : callable
        Given bytes and a folder that is empty or was used by this target before.
    seeds : callable
        Given an empty folder, returns inputs that are read without an error.
    share : float
        Of all inputs of a long run.
    keras : bool
        Whether it needs Keras, which takes seconds to import.
    ffmpeg : bool
        Whether ffmpeg is found, and started for what libsndfile does not read: 20 inputs a second.
    """

    read: Callable[[bytes, Path], object]
    seeds: Callable[[Path], list[bytes]]
    share: float
    keras: bool = False
    ffmpeg: bool = False


@contextlib.contextmanager
def programs_of(target: Target) -> Iterator[None]:
    """Let a target find ffmpeg, or no program at all."""
    usual = os.environ["PATH"]
    os.environ["PATH"] = usual if target.ffmpeg else ""
    try:
        yield
    finally:
        os.environ["PATH"] = usual


def outcome(target: Target, data: bytes, folder: Path) -> str:
    """Read an input; return what was refused, in one line, or nothing. Any other error is let through."""
    begun, message = time.process_time(), ""
    try:
        with programs_of(target):
            target.read(data, folder)
    except TfbweError as error:
        message = str(error)
        assert message.strip(), "an error without a message"
    used_s = time.process_time() - begun
    assert used_s <= INPUT_S, f"took {used_s:.1f} s"
    return message


def limit_memory() -> None:
    """Let this process take 1 GB of address space more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


TARGETS = {
    "reader": Target(receiver_files.read_sound, receiver_files.sounds_of_all_kinds, 0.27),
    "ffmpeg": Target(receiver_files.read_sound, receiver_files.sounds_of_ffmpeg, 0.005, ffmpeg=True),
    "tags": Target(receiver_files.carry_tags, functools.partial(receiver_files.sounds, samples=100), 0.2),
    "scan": Target(training_files.measure_sound, training_files.slow_sounds, 0.08),
    "model": Target(receiver_files.model_file, receiver_files.model_files, 0.08),
    "manifest": Target(receiver_files.manifest, receiver_files.manifests, 0.03),
    "music": Target(training_files.music_manifest, training_files.music_manifests, 0.1),
    "shards": Target(training_files.shards, training_files.shard_parts, 0.05),
    "statistics": Target(training_files.kept_statistics, training_files.statistics, 0.005),
    "package": Target(training_files.package, training_files.packages, 0.1),
    "tables": Target(training_files.tables, training_files.tables_of_data_sets, 0.05),
    "report": Target(training_files.report, training_files.reports, 0.02),
    "run": Target(training_files.run_folder, training_files.run_parts, 0.01, keras=True),
}
assert abs(sum(target.share for target in TARGETS.values()) - 1) < 1e-9
