"""What is fuzzed: each target takes any bytes, puts them where a user's file would lie, and reads them.

It returns, or raises `TfbweError`; anything else that happens is a finding.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import io
import itertools
import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.helpers.archives import COMPRESS, make_deb, make_pk3
from tests.helpers.paths import ROOT
from tests.helpers.sound_files import FORMATS, TAGS, noise, write
from tfbwe.errors import TfbweError

INPUT_S = 5
"""The longest that an input may take."""
MEMORY_BYTES = 1 << 30
MOST_BLOCKS = 64
"""A few bytes of FLAC may be hours of silence."""
CONTAINERS = (*FORMATS, ("WAVEX", "PCM_16", "wav"), ("W64", "PCM_16", "w64"), ("AU", "PCM_16", "au"))


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
    """

    read: Callable[[bytes, Path], object]
    seeds: Callable[[Path], list[bytes]]
    share: float
    keras: bool = False


def outcome(target: Target, data: bytes, folder: Path) -> str:
    """Read an input; return what was refused, in one line, or nothing. Any other error is let through."""
    try:
        target.read(data, folder)
    except TfbweError as error:
        message = str(error)
        assert message.strip(), "an error without a message"
        return message
    return ""


def limit_memory() -> None:
    """Let this process take 1 GB of address space more than it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def read_sound(data: bytes, folder: Path) -> None:
    """Read a sound file in blocks."""
    from tfbwe.audio.reader import Reader

    path = folder / "sound"
    path.write_bytes(data)
    with Reader(path) as reader:
        for _ in itertools.islice(reader.blocks(), MOST_BLOCKS):
            pass


def carry_tags(data: bytes, folder: Path) -> None:
    """Read the tags of a sound file, write them to another of its kind and read them there."""
    from tfbwe.audio.formats import output_format, writable_rate
    from tfbwe.audio.reader import Reader
    from tfbwe.audio.writer import Writer

    path, copy = folder / "sound", folder / "copy"
    path.write_bytes(data)
    with Reader(path) as reader:
        container, subtype = output_format(reader.container, reader.subtype)
        rate = writable_rate(subtype, reader.sample_rate)
        settings = {"container": container, "subtype": subtype, "tags": reader.tags, "force": True}
        with Writer(copy, rate, 1, **settings) as writer:
            writer.write(noise(1, 200))
    with Reader(copy) as reader:
        list(reader.blocks())


def measure_sound(data: bytes, folder: Path) -> None:
    """Measure a sound file for the manifest of a music folder."""
    from training.music.layouts import Source
    from training.music.scan import measure

    (folder / "sound.wav").write_bytes(data)
    measure(folder, Source("sound.wav", "sound", "train"))


def sounds(folder: Path, samples: int = 600) -> list[bytes]:
    """Short files of every container, with tags."""
    found = []
    for container, subtype, suffix in CONTAINERS:
        path = folder / f"x.{suffix}"
        path.unlink(missing_ok=True)
        found.append(write(path, noise(2, samples), 48000, container, subtype, tags=TAGS).read_bytes())
    return found


def slow_sounds(folder: Path) -> list[bytes]:
    """Files long enough to be measured, at the lowest rates, and so small."""
    found = []
    for container in ("WAV", "AIFF", "AU", "CAF"):
        path = folder / f"x.{container.lower()}"
        found.append(write(path, noise(2, 600), 100, container).read_bytes())
    return found


def model_file(data: bytes, folder: Path) -> None:
    """Load a model file, with its manifest in it and with one beside it."""
    from tfbwe.model.bundle import load_bundle

    path = folder / "model.tflite"
    path.write_bytes(data)
    with contextlib.suppress(TfbweError):
        load_bundle(path)
    _, manifest = _shipped()
    path.with_suffix(".json").write_text(manifest.to_json())
    load_bundle(path, trust=True)


def manifest(data: bytes, folder: Path) -> None:
    """Run a shipped graph by a manifest of any content, with the hash that it should have."""
    from tfbwe.decoder import Decoder
    from tfbwe.model.bundle import digest, load_bundle, pack
    from tfbwe.model.manifest import Manifest

    flatbuffer, _ = _shipped()
    path = folder / "model.tflite"
    try:
        own = {"sha256": digest(flatbuffer), "size_bytes": len(flatbuffer)}
        whole = pack(flatbuffer, dataclasses.replace(Manifest.from_json(data), **own))
    except ValueError:
        whole = flatbuffer + make_pk3({"tfbwe.json": data})
    path.write_bytes(whole)
    Decoder(load_bundle(path), 1).process(np.zeros((1, 600), np.float32))


@functools.cache
def _shipped():
    from tfbwe.model.bundle import load_bundle

    bundle = load_bundle("cqt")
    return bundle.flatbuffer, bundle.manifest


def model_files(folder: Path) -> list[bytes]:
    """A small file that passes all checks of its form."""
    from tfbwe.model.bundle import digest, pack

    flatbuffer = b"\x1c\x00\x00\x00TFL3" + bytes(100)
    own = {"sha256": digest(flatbuffer), "size_bytes": len(flatbuffer)}
    return [pack(flatbuffer, dataclasses.replace(_shipped()[1], **own)), flatbuffer]


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


TARGETS = {
    "reader": Target(read_sound, sounds, 0.275),
    "tags": Target(carry_tags, functools.partial(sounds, samples=100), 0.2),
    "scan": Target(measure_sound, slow_sounds, 0.08),
    "model": Target(model_file, model_files, 0.08),
    "manifest": Target(manifest, lambda folder: [_shipped()[1].to_json().encode()], 0.03),
    "music": Target(music_manifest, music_manifests, 0.1),
    "shards": Target(shards, shard_parts, 0.05),
    "statistics": Target(kept_statistics, statistics, 0.005),
    "package": Target(package, packages, 0.1),
    "tables": Target(tables, tables_of_data_sets, 0.05),
    "report": Target(report, reports, 0.02),
    "run": Target(run_folder, run_parts, 0.01, keras=True),
}
assert abs(sum(target.share for target in TARGETS.values()) - 1) < 1e-9
