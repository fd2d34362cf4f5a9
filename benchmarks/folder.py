"""What several processes bring for a folder: ``python -m benchmarks.folder``; memory on Linux alone.

Sixteen files of a minute of stereo, the shipped clip again and again, cut off at 8 kHz, go through
`tfbwe extend` with one process and with one for each core, twice in turn. All outputs must be the same bits.
"""

import contextlib
import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import soundfile

from benchmarks.hour import received_clip
from tfbwe.measures.cost import peak_rss_mb_of

FILES, MINUTES, ROUNDS = 16, 1, 2


def main() -> None:
    """Write the music to a temporary folder, extend it and print a table."""
    received, sample_rate = received_clip()
    print("jobs  wall clock  processor time  peak memory of each process")
    with tempfile.TemporaryDirectory(prefix="tfbwe-folder-") as folder:
        songs, walls, hashes = Path(folder) / "songs", dict[int, list[float]](), set[str]()
        songs.mkdir()
        for number in range(FILES):
            with soundfile.SoundFile(songs / f"{number}.wav", "w", sample_rate, 2, "PCM_16") as file:
                while file.frames < MINUTES * 60 * sample_rate:
                    file.write(received.T)
        for jobs in (1, os.cpu_count() or 1) * ROUNDS:
            wall_s, used_s, peaks_mb = extended(songs, Path(folder) / "out", jobs)
            walls.setdefault(jobs, []).append(wall_s)
            hashes.add(_hash(Path(folder) / "out"))
            shown = ", ".join(f"{peak:.0f}" for peak in sorted(peaks_mb, reverse=True))
            print(f"{jobs:4}  {wall_s:8.1f} s  {used_s:12.1f} s  {shown} MB", flush=True)
    if len(hashes) > 1:
        raise SystemExit("outputs differ with the number of processes")
    few, many = min(walls), max(walls)
    print(f"{many} processes: {min(walls[few]) / min(walls[many]):.2f} times as fast, the same bits")


def extended(songs: Path, out: Path, jobs: int) -> tuple[float, float, list[float]]:
    """Extend a folder; return wall clock and processor time in s, and peak memory of each process in MB."""
    begun, before = time.monotonic(), _used_s()
    command = [sys.executable, "-m", "tfbwe", "extend", songs, "-o", out, "--force", "--jobs", str(jobs)]
    peaks: dict[int, float] = {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as run:
        while run.poll() is None:
            for process in (run.pid, *_children(run.pid)):
                peaks[process] = max(peaks.get(process, 0.0), peak_rss_mb_of(process) or 0.0)
            time.sleep(0.2)
    if run.returncode:
        raise SystemExit(f"tfbwe extend ended with {run.returncode}")
    return time.monotonic() - begun, _used_s() - before, list(peaks.values())


def _used_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _children(process: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []


def _hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
