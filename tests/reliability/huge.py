"""A file of ten hours, and a folder of 2,000, through ``tfbwe extend``: ``python -m tests.reliability.huge``.

The music is the shipped clip again and again, cut off at 8 kHz. The long file is RF64 of more than 4 GB; with
what is made of it it takes up to 8 GB in the temporary folder while the program runs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.hour import MEASURED
from demo.demo import CLIP, CUTOFF_HZ
from training.degradation.degrade import apply
from training.degradation.filters import Lowpass

SHORT_S = 1.0


def main() -> None:
    """Run what is asked for, and print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.huge", description=__doc__)
    parser.add_argument(
        "--hours", type=float, nargs="*", default=[0.1, 10.0], help="lengths of the long files"
    )
    parser.add_argument("--files", type=int, default=2000, help="short files in a folder")
    options = parser.parse_args()
    clip, sample_rate = soundfile.read(CLIP, dtype="float32", always_2d=True)
    received, _ = apply(clip.T, sample_rate, (Lowpass("brickwall", CUTOFF_HZ),))
    for hours in options.hours:
        with tempfile.TemporaryDirectory(prefix="tfbwe-huge-") as folder:
            long_file(Path(folder), received[:1], sample_rate, hours)
    if options.files:
        with tempfile.TemporaryDirectory(prefix="tfbwe-huge-") as folder:
            many_files(Path(folder), received, sample_rate, options.files)


def long_file(folder: Path, music: NDArray[np.float32], sample_rate: int, hours: float) -> None:
    """Extend one long mono file of 24 bits, and hold what comes out to its length and its last second."""
    song, extended = folder / "long.rf64", folder / "extended.flac"
    with soundfile.SoundFile(song, "w", sample_rate, 1, "PCM_24", format="RF64") as file:
        while file.frames < hours * 3600 * sample_rate:
            file.write(music.T)
        frames = file.frames
    gigabytes = song.stat().st_size / 1e9
    used_s, peak_mb, wall_s = run("extend", str(song), "-o", str(extended))
    with soundfile.SoundFile(extended) as file:
        assert file.frames == frames, f"expected {frames} samples, received {file.frames}"
        file.seek(frames - sample_rate)
        assert has_high_band(file.read(dtype="float32"), sample_rate), "nothing was added at the end"
    print(f"{hours:g} h, {gigabytes:.2f} GB: {_said(used_s, peak_mb, wall_s)}", flush=True)


def many_files(folder: Path, music: NDArray[np.float32], sample_rate: int, count: int) -> None:
    """Extend a folder of short files, all alike, and hold each output to the first."""
    songs, out = folder / "songs", folder / "extended"
    songs.mkdir()
    out.mkdir()
    for number in range(count):
        soundfile.write(songs / f"{number:05}.flac", music[:, : round(SHORT_S * sample_rate)].T, sample_rate)
    used_s, peak_mb, wall_s = run("extend", str(songs), "-o", str(out))
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"{number:05}.flac" for number in range(count)], f"{len(names)} files of {count}"
    assert len({(out / name).read_bytes() for name in names}) == 1, "outputs of the same input differ"
    print(f"{count} files of {SHORT_S:g} s: {_said(used_s, peak_mb, wall_s)}", flush=True)


def _said(used_s: float, peak_mb: float, wall_s: float) -> str:
    return f"{used_s:.0f} s of processor time, {wall_s:.0f} s in all, {peak_mb:.0f} MB of memory"


def run(*arguments: str) -> tuple[float, float, float]:
    """Run ``tfbwe``; return its processor time in s, its peak memory in MB, and the seconds that went by."""
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", MEASURED, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    used_s, peak_mb = map(float, done.stdout.splitlines()[-1].split())
    return used_s, peak_mb, time.monotonic() - begun


def has_high_band(x: NDArray[np.float32], sample_rate: int) -> bool:
    """Whether there is sound above the cutoff."""
    spectrum = np.abs(np.fft.rfft(x))[np.fft.rfftfreq(len(x), 1 / sample_rate) > CUTOFF_HZ + 1000]
    return bool(np.square(spectrum).mean() > 1e-4)


if __name__ == "__main__":
    main()
