"""Files of the receiver, fuzzed: sound with tags, models with their manifest."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import io
import itertools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.archives import make_pk3
from tests.helpers.sound_files import FORMATS, TAGS, noise, write
from tfbwe.errors import TfbweError

MOST_BLOCKS = 64
"""A few bytes of FLAC may be hours of silence."""
PICTURE = b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x01\x00\x01\x03" + bytes(20)
"""The beginning of a JPEG file of one dot."""
CONTAINERS = (*FORMATS, ("WAVEX", "PCM_16", "wav"), ("W64", "PCM_16", "w64"), ("AU", "PCM_16", "au"))


def read_sound(data: bytes, folder: Path) -> None:
    """Read a sound file in blocks."""
    from tfbwe.audio.reader import Reader

    path = folder / "sound"
    path.write_bytes(data)
    with Reader(path) as reader:
        for _ in itertools.islice(reader.blocks(), MOST_BLOCKS):
            pass


def carry_tags(data: bytes, folder: Path) -> None:
    """Read the tags of a sound file, write them to another of its kind, and read that."""
    from tfbwe.audio.formats import output_format, writable_rate
    from tfbwe.audio.reader import Reader
    from tfbwe.audio.tags import read_tags
    from tfbwe.audio.writer import Writer

    path, copy = folder / "sound", folder / "copy"
    path.write_bytes(data)
    tags = read_tags(path)
    assert len(tags.problem.splitlines()) <= 1
    with Reader(path) as reader:
        container, subtype = output_format(reader.container, reader.subtype)
        rate = writable_rate(subtype, reader.sample_rate)
        with Writer(copy, rate, 1, container=container, subtype=subtype, tags=tags, force=True) as writer:
            writer.write(noise(1, 2000))
    assert all(len(note.splitlines()) == 1 for note in writer.notes)
    with Reader(copy) as reader:
        assert sum(x.shape[1] for x in reader.blocks()) >= 2000


def sounds(folder: Path, samples: int = 600) -> list[bytes]:
    """Short files of every container, with tags."""
    from tfbwe.audio.tagging.pictures import Picture
    from tfbwe.audio.tags import Tags

    found, tags = [], Tags.of(TAGS, [Picture(PICTURE)])
    for container, subtype, suffix in CONTAINERS:
        path = folder / f"x.{suffix}"
        path.unlink(missing_ok=True)
        found.append(write(path, noise(2, samples), 48000, container, subtype, tags=tags).read_bytes())
    return found


def sounds_of_all_kinds(folder: Path) -> list[bytes]:
    """Those with tags, and all else that libsndfile writes and reads; but SD2, which is two files."""
    found = sounds(folder)
    for container in sorted(soundfile.available_formats().keys() - {"SD2"}):
        for subtype in soundfile.available_subtypes(container):
            stream = io.BytesIO()
            try:
                soundfile.write(stream, noise(1, 400).T, 16000, subtype, format=container)
            except (soundfile.SoundFileError, ValueError):
                continue
            with contextlib.suppress(TfbweError):
                read_sound(stream.getvalue(), folder)
                found.append(stream.getvalue())
    return found


def sounds_of_ffmpeg(folder: Path) -> list[bytes]:
    """What only ffmpeg decodes, where it is installed; else what it need not."""
    if shutil.which("ffmpeg") is None:
        return sounds(folder)
    sound = write(folder / "x.wav", noise(1, 10000), 44100)
    found = []
    for suffix in ("m4a", "aac", "wma", "ac3", "mka"):
        path = folder / f"x.{suffix}"
        subprocess.run(["ffmpeg", "-v", "error", "-i", sound, path], check=True)
        found.append(path.read_bytes())
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


def manifests(folder: Path) -> list[bytes]:
    """That of a shipped model."""
    return [_shipped()[1].to_json().encode()]


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
