"""Measuring a music folder: bandwidth, rate, channels, length and loudness of files fit to be a target."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfbwe.audio.excerpts import spans
from tfbwe.console import counted
from tfbwe.errors import AudioError, TfbweError
from tfbwe.working.processes import Killed

from ..working import crew, on_cluster
from .layouts import Source, find_sources
from .manifest import MANIFEST_NAME, Track, read_manifest, write_manifest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_BANDWIDTH_HZ = 12000.0
MIN_SECONDS = 5.0
EXCERPTS = 12
EXCERPT_SECONDS = 5.0
JOBS = 2
_SAVE_EVERY = 200
_PARTIAL_NAME = ".manifest.partial.csv"


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A file that is no target, and why."""

    file: str
    reason: str


def excerpts(path: Path, count: int = EXCERPTS, seconds: float = EXCERPT_SECONDS) -> NDArray[np.float32]:
    """Read excerpts spread evenly over a sound file, or all of a file that is no longer than they are.

    Parameters
    ----------
    path : Path
        A file that libsndfile reads.
    count : int
        How many excerpts.
    seconds : float
        Length of each.

    Returns
    -------
    (excerpts, channels, samples) float32
        At the file's own rate.

    Raises
    ------
    AudioError
        If the file cannot be read or holds NaN or infinite samples.
    """
    import numpy as np
    import soundfile

    try:
        with soundfile.SoundFile(path) as file:
            parts = []
            for start, stop in spans(file.frames, round(seconds * file.samplerate), count):
                file.seek(start)
                parts.append(file.read(stop - start, dtype="float32", always_2d=True))
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"not readable ({error})") from error
    shortest = min(len(part) for part in parts)
    x: NDArray[np.float32] = np.stack([part[:shortest].T for part in parts])
    if not np.isfinite(x).all():
        raise AudioError("holds NaN or infinite samples")
    return x


def measure(directory: Path, source: Source) -> Track | LeftOut:
    """Measure one sound file.

    Parameters
    ----------
    directory : Path
        The music folder.
    source : Source
        One of its files.

    Returns
    -------
    Track or LeftOut
        A row of the manifest, or why the file cannot be a target.
    """
    import soundfile

    from tfbwe.cutoff.bandwidth import Bandwidth

    path = directory / source.file
    try:
        status = path.stat()
        info = soundfile.info(path)
        seconds = info.frames / info.samplerate
        if seconds < MIN_SECONDS:
            return LeftOut(source.file, f"{seconds:.2f} s long, a target needs {MIN_SECONDS:g} s")
        x = excerpts(path)
        if not x.any():
            return LeftOut(source.file, "silent")
        bandwidth = Bandwidth(info.samplerate)
        for part in x:
            bandwidth.update(part)
        bandwidth_hz = bandwidth.bandwidth_hz
    except AudioError as error:
        return LeftOut(source.file, str(error))
    except (soundfile.SoundFileError, OSError) as error:
        return LeftOut(source.file, f"not readable ({error})")
    if bandwidth_hz < MIN_BANDWIDTH_HZ:
        return LeftOut(
            source.file, f"bandwidth {bandwidth_hz:.0f} Hz, a target needs {MIN_BANDWIDTH_HZ:.0f} Hz"
        )
    return Track(
        **dataclasses.asdict(source),
        bandwidth_hz=round(bandwidth_hz, 1),
        sample_rate=info.samplerate,
        channels=info.channels,
        seconds=round(seconds, 3),
        loudness_lufs=loudness_lufs(x, info.samplerate),
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
    )


def loudness_lufs(x: NDArray[np.float32], sample_rate: int) -> float:
    """Integrated loudness (ITU-R BS.1770-4) of excerpts laid end to end, of the first five channels at most.

    Parameters
    ----------
    x : (excerpts, channels, samples) float32
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        In LUFS; -inf where everything lies below the gate.
    """
    import numpy as np
    import pyloudnorm

    joined = np.concatenate(list(x), axis=1)[:5].T.astype(np.float64)
    with np.errstate(divide="ignore"):
        return round(float(pyloudnorm.Meter(sample_rate).integrated_loudness(joined)), 2)


def scan(
    directory: Path, resume: bool = True, jobs: int = JOBS, scheduler: str | None = None
) -> tuple[list[Track], list[LeftOut]]:
    """Measure every mixture of a music folder and write its manifest.

    Parameters
    ----------
    directory : Path
        The folder; `manifest.csv` in it is replaced in one step at the end.
    resume : bool
        Reuse rows of the manifest, and of a scan that was interrupted, whose file has the same size and
        time of change.
    jobs : int
        Threads that measure.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers measure in their place.

    Returns
    -------
    tuple of (list of Track, list of LeftOut)
        What the manifest holds, and what it does not.

    Raises
    ------
    ConfigError
        If the folder does not exist.
    AudioError
        If it holds no usable file.
    """
    from tqdm import tqdm

    directory = on_cluster(directory, scheduler)
    layout, sources = find_sources(directory)
    known = _known_rows(directory) if resume else {}
    partial = directory / _PARTIAL_NAME
    tracks = [row for source in sources if (row := _reuse(directory, source, known)) is not None]
    reused = {row.file for row in tracks}
    fresh = [source for source in sources if source.file not in reused]
    left_out = []
    # Threads: decoding and FFT release the interpreter's lock, and an interruption leaves no workers behind.
    with crew(jobs, scheduler, threads=True) as each:
        tasks = [(directory, source) for source in fresh]
        work = each(measure, tasks, lambda task: [task[0] / task[1].file])
        bar = tqdm(work, total=len(fresh), desc=f"scan {layout}", unit="file", file=sys.stderr, disable=None)
        for count, (number, result) in enumerate(bar, start=1):
            if isinstance(result, Killed):
                result = LeftOut(fresh[number].file, result.how)
            if isinstance(result, LeftOut):
                left_out.append(result)
                tqdm.write(f"left out: {result.file}: {result.reason}", file=sys.stderr)
            else:
                tracks.append(result)
            if count % _SAVE_EVERY == 0:
                write_manifest(partial, tracks)
    if not tracks:
        raise AudioError(
            f"{directory}: expected music with a bandwidth of {MIN_BANDWIDTH_HZ:.0f} Hz or more, "
            f"found {counted(len(sources), 'sound file')} and none usable"
        )
    write_manifest(directory / MANIFEST_NAME, tracks)
    partial.unlink(missing_ok=True)
    return sorted(tracks, key=lambda row: row.file), left_out


def _known_rows(directory: Path) -> dict[str, Track]:
    """Rows of the last manifest and of an interrupted scan; one that cannot be read counts for nothing."""
    rows = {}
    for name in (MANIFEST_NAME, _PARTIAL_NAME):
        try:
            rows.update({row.file: row for row in read_manifest(directory / name)})
        except TfbweError:
            continue
    return rows


def _reuse(directory: Path, source: Source, known: dict[str, Track]) -> Track | None:
    row = known.get(source.file)
    if row is None:
        return None
    status = (directory / source.file).stat()
    if (row.size_bytes, row.mtime_ns) != (status.st_size, status.st_mtime_ns):
        return None
    return dataclasses.replace(row, **dataclasses.asdict(source))
