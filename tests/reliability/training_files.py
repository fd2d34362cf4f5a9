"""Files of training, fuzzed: music folders, packages, shards, run folders, reports."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np

from tests.helpers.archives import COMPRESS, make_deb, make_pk3
from tests.helpers.paths import ROOT
from tests.helpers.sound_files import noise, write


def measure_sound(data: bytes, folder: Path) -> None:
    """Measure a sound file for the manifest of a music folder."""
    from training.music.layouts import Source
    from training.music.scan import measure

    (folder / "sound.wav").write_bytes(data)
    measure(folder, Source("sound.wav", "sound", "train"))


def slow_sounds(folder: Path) -> list[bytes]:
    """Files long enough to be measured, at the lowest rates, and so small."""
    found = []
    for container in ("WAV", "AIFF", "AU", "CAF"):
        path = folder / f"x.{container.lower()}"
        found.append(write(path, noise(2, 600), 100, container).read_bytes())
    return found


def music_manifest(data: bytes, folder: Path) -> None:
    """Read the manifest of a music folder."""
    from training.music.manifest import read_manifest

    (folder / "manifest.csv").write_bytes(data)
    read_manifest(folder)


def music_manifests(folder: Path) -> list[bytes]:
    """One of three rows."""
    from training.music.manifest import Track, write_manifest

    row = Track(
        "a b/c.flac", "a b", "train", 20000.0, 44100, 2, 61.5, -18.2, "CC0", "Añn", 'T "1", live', 9, 8
    )
    rows = [row, dataclasses.replace(row, file="d.wav", split="valid", loudness_lufs=float("-inf"))]
    write_manifest(folder / "manifest.csv", [*rows, dataclasses.replace(row, file="e.mp3", split="test")])
    return [(folder / "manifest.csv").read_bytes()]


SHARD_PARTS = ("schema.json", "index.json", "train-00000-of-00001.npy")


def shards(data: bytes, folder: Path) -> None:
    """Read shards of which one file is any bytes; of a shard its beginning, with the size and hash it has."""
    from training.examples.shards import PIECE_SAMPLES, Shard, Shards, sha256_of, write_index

    parts = _shard_parts(folder.with_name(f"{folder.name}-seeds"))
    part = SHARD_PARTS[data[0] % len(SHARD_PARTS)] if data else SHARD_PARTS[0]
    for name, content in parts.items():
        (folder / name).write_bytes(
            data[1:] + content[len(data) - 1 :] if name == part == SHARD_PARTS[2] else content
        )
    if part == SHARD_PARTS[2]:
        path = folder / part
        write_index(folder, {part: Shard(part, 1, path.stat().st_size, sha256_of(path))})
    else:
        (folder / part).write_bytes(data[1:])
    read = Shards(folder, "train")
    read.batch(PIECE_SAMPLES // 2, 2, 0, 1)
    read.fixed_set(2, PIECE_SAMPLES // 2)


@functools.cache
def _shard_parts(folder: Path) -> dict[str, bytes]:
    """Files of a folder of one shard with one example."""
    from training.examples.shards import (
        EXAMPLE,
        Shard,
        format_description,
        sha256_of,
        write_index,
        write_json,
    )

    folder.mkdir(exist_ok=True)
    path = folder / SHARD_PARTS[2]
    np.save(path, np.zeros(1, EXAMPLE))
    write_index(folder, {path.name: Shard(path.name, 1, path.stat().st_size, sha256_of(path))})
    splits = {name: {"examples": 1, "shards": 1, "order_sha256": "0"} for name in ("train", "valid")}
    write_json(folder / SHARD_PARTS[0], {**format_description(), "variants": 1, "splits": splits})
    parts = {name: (folder / name).read_bytes() for name in SHARD_PARTS}
    shutil.rmtree(folder)
    return parts


def shard_parts(folder: Path) -> list[bytes]:
    """Each of the three files, its number before it; of the shard its header."""
    schema, index, shard = _shard_parts(folder / "seeds").values()
    return [b"\0" + schema, b"\1" + index, b"\2" + shard[:512]]


def kept_statistics(data: bytes, folder: Path) -> None:
    """Read the statistics that training keeps beside the music."""
    from training.examples import moments
    from training.music.manifest import Track

    track = Track("sound.wav", "sound", "train", 20000.0, 44100, 2, 3.0, -18.0)
    if not (folder / track.file).exists():
        write(folder / track.file, noise(2, 3 * 44100), 44100)
        moments.pieces_of(folder, track)
    (kept,) = (folder / moments.KEPT).glob("*.npy")
    kept.write_bytes(data)
    pieces = moments.pieces_of(folder, track)
    assert pieces.dtype == np.float32
    assert pieces.shape[1:] == (len(moments.MOMENTS), moments.BANDS)


def statistics(folder: Path) -> list[bytes]:
    """Of a second and of none."""
    found = []
    for seconds in (0, 1):
        stream = io.BytesIO()
        np.save(stream, np.zeros((seconds, 4, 155), np.float32))
        found.append(stream.getvalue())
    return found


RUN_PARTS = ("config.json", "features.npz", "history.csv", "best.keras")


def run_folder(data: bytes, folder: Path) -> None:
    """Read a run folder of which one file is any bytes."""
    from tfbwe.network.run_folder import best_network, network_config, read_features
    from training.learning.run import Recorder, read_config

    for name, content in _run_parts().items():
        (folder / name).write_bytes(content)
    part = RUN_PARTS[data[0] % len(RUN_PARTS)] if data else RUN_PARTS[0]
    (folder / part).write_bytes(data[1:])
    if part == "config.json":
        read_config(folder)
        network_config(folder)
    elif part == "features.npz":
        read_features(folder, 6)
    elif part == "history.csv":
        Recorder(folder, 1.0)
    else:
        best_network(folder)


@functools.cache
def _run_parts() -> dict[str, bytes]:
    own = ROOT / "networks" / "restore"
    stream = io.BytesIO()
    features = {name: np.zeros((2, 3, 6), np.float16) for name in ("train", "valid")}
    np.savez_compressed(stream, **features)
    return {
        "config.json": (own / "config.json").read_bytes(),
        "features.npz": stream.getvalue(),
        "history.csv": b"epoch,loss,val_loss,audio_seconds_per_second\n1,0.5,0.6,80.1\n2,0.4,0.5,82.0\n",
        "best.keras": (own / "best.keras").read_bytes(),
    }


def run_parts(folder: Path) -> list[bytes]:
    """Each of the files, its number before it."""
    return [bytes([i]) + part for i, part in enumerate(_run_parts().values())]


def package(data: bytes, folder: Path) -> None:
    """Take a Debian package apart."""
    from training.music.packages import is_complete, package_files

    path = folder / "x_1_all.deb"
    path.write_bytes(data)
    is_complete(path)
    for _ in package_files(path, folder):
        pass


def packages(folder: Path) -> list[bytes]:
    """Small ones, packed in each way, with a zip archive in them."""
    files = {"./usr/a.ogg": b"one" * 99, "./usr/m.pk3": make_pk3({"music/b.ogg": b"two" * 9})}
    return [make_deb(folder / "x_1_all.deb", files, suffix).read_bytes() for suffix in COMPRESS]


TABLES = ("maestro-v3.csv", "tracks.csv", "raw.tsv", "split-0/autotagging-train.tsv")


def tables(data: bytes, folder: Path) -> None:
    """Read the tables of data sets."""
    from training.music.layouts import find_sources

    for old in folder.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    number = data[0] % len(TABLES) if data else 0
    song = folder / ("000/000002.mp3" if number == 1 else "00/7.mp3" if number > 1 else "a.wav")
    for path, content in ((song, b""), (folder / TABLES[number], data[1:])):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    find_sources(folder)


def tables_of_data_sets(folder: Path) -> list[bytes]:
    """One of each kind, its number before it."""
    return [
        b"\0canonical_composer,canonical_title,split,year,audio_filename\nAnn,One,train,2004,a.wav\n",
        b"\1,set,track,artist,track\n,split,license,name,title\n2,training,CC0,Ann,One\n",
        b"\2TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\ntrack_0000007\tartist_1\talbum_1\t00/7.mp3\t9.0\n",
        b"\3TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\ntrack_0000007\tartist_1\talbum_1\t00/7.mp3\t9.0\n",
    ]


def report(data: bytes, folder: Path) -> None:
    """Read a report of a comparison; the first byte says which file is any bytes."""
    from training.comparison.report import read_report

    summary, rows = _report()
    if data and data[0] % 2:
        summary = json.dumps({**json.loads(summary), "rows_sha256": _sha256(data[1:])}).encode()
        rows = data[1:]
    else:
        summary = data[1:]
    (folder / "report.json").write_bytes(summary)
    (folder / "report-rows.csv").write_bytes(rows)
    read_report(folder)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@functools.cache
def _report() -> tuple[bytes, bytes]:
    rows = b"".join((ROOT / "docs" / "report-rows.csv").read_bytes().splitlines(keepends=True)[:4])
    summary = json.loads((ROOT / "docs" / "report.json").read_bytes())
    return json.dumps({**summary, "rows_sha256": _sha256(rows)}).encode(), rows


def reports(folder: Path) -> list[bytes]:
    """Both files of one."""
    return [bytes([i]) + part for i, part in enumerate(_report())]
