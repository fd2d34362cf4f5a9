"""What sizing goes by, measured on this machine, for `benchmarks.scale`: processor time of one core."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks import feeding
from benchmarks.hour import extended, received_clip
from demo.demo import CLIP
from tfbwe.model.bundle import shipped

MINUTES = 4
"""Of a song: what it takes to start counts."""
KINDS: dict[str, dict[str, Any]] = {
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
    "mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        "bitrate_mode": "CONSTANT",
        "compression_level": (320 - 128) / 288,  # 128 kb/s
    },
}


def measured(data: Path, shards: Path) -> dict[str, Any]:
    """All that docs/scale.json has under ``measured``; for `data` and `shards` see `benchmarks.feeding`."""
    with tempfile.TemporaryDirectory(prefix="tfbwe-scale-") as name:
        folder = Path(name)
        found = {
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, load {os.getloadavg()[0]:.0f}",
            "extend": {
                model: {kind: _extended(folder, model, kind) for kind in KINDS} for model in shipped()
            },
            **_scanned(folder),
            "feeding": feeding.measured(data, shards, 4),
        }
        cluster = Path(__file__).with_name("cluster.py")
        found["cluster"] = _cluster(folder) if cluster.exists() else None
    return found


def _song(path: Path, kind: str, clip: npt.NDArray[np.float32], sample_rate: int) -> float:
    """Write a clip (channels, samples) again and again; return the length in s."""
    with soundfile.SoundFile(path, "w", sample_rate, len(clip), **KINDS[kind]) as file:
        while file.frames < MINUTES * 60 * sample_rate:
            file.write(clip.T)
        return float(file.frames / sample_rate)


def _extended(folder: Path, model: str, kind: str) -> dict[str, float]:
    song = folder / f"song.{kind}"
    seconds = _song(song, kind, *received_clip())
    used_s, peak_mb = extended(song, model)
    sizes = [
        path.stat().st_size / 1e6 / seconds * 3600 for path in (song, song.with_name(f"extended.{kind}"))
    ]
    return {
        "processor_s_per_s": used_s / seconds,
        "peak_mb": peak_mb,
        "mb_in_per_hour": sizes[0],
        "mb_out_per_hour": sizes[1],
    }


def _scanned(folder: Path) -> dict[str, float]:
    """Processor time of scanning a song, and of decoding it for training, over its length."""
    music = folder / "music"
    clip, sample_rate = soundfile.read(CLIP, dtype="float32", always_2d=True)
    for artist in "ab":
        (music / artist).mkdir(parents=True)
        seconds = _song(music / artist / "song.flac", "flac", clip.T, sample_rate)
    scan = [sys.executable, "-m", "training.corpus", "scan", "--jobs", "1", str(music)]
    begun_s = _waited_s()
    subprocess.run(scan, check=True, capture_output=True)
    scanned_s = _waited_s() - begun_s
    read = "from training.examples.drawn import Music; from pathlib import Path; import sys;"
    read += " [Music(Path(sys.argv[1]), split) for split in ('train', 'valid')]"
    subprocess.run([sys.executable, "-c", read, str(music)], check=True, capture_output=True)
    decoded_s = _waited_s() - begun_s - scanned_s
    return {
        "scan_processor_s_per_s": scanned_s / (2 * seconds),
        "decode_processor_s_per_s": decoded_s / (2 * seconds),
    }


def _waited_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cluster(folder: Path) -> dict[str, Any]:
    """What `benchmarks.cluster` measures; its ``overhead`` is a share of the time."""
    out = folder / "cluster.json"
    subprocess.run([sys.executable, "-m", "benchmarks.cluster", "--json", str(out)], check=True)
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found
