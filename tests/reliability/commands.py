"""The commands that are killed: what they work on, how their files are read, what they must end with."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.made_packages import FILES, fake_apt_get, put_packages, write_lists
from tests.reliability import keras_commands
from tests.reliability.command import Command, all_files, final_files, fix_revision, hashes

# tfbwe extend


def _prepare_extend(folder: Path) -> None:
    import tfbwe.decoder
    import tfbwe.offline.files  # noqa: F401
    from tests.helpers.smoke import made_up_song

    (folder / "songs" / "album").mkdir(parents=True)
    for i, name in enumerate(("a.flac", "album/b.wav", "album/c.mp3")):
        x = made_up_song(i, 4.0, 1 + i % 2)
        spectrum = np.fft.rfft(x)
        spectrum[:, np.fft.rfftfreq(x.shape[1], 1 / 44100) > 8000] = 0
        soundfile.write(folder / "songs" / name, np.fft.irfft(spectrum).T, 44100)


def _extend(folder: Path, again: bool = False) -> int:
    from tfbwe.cli import main

    more = ["--skip-existing"] if again else []
    return main(["extend", str(folder / "songs"), "-o", str(folder / "out"), "--jobs", "1", *more])


def _check_sounds(folder: Path) -> None:
    from tfbwe.audio.reader import Reader

    for path in final_files(folder / "out"):
        source = folder / "songs" / path.relative_to(folder / "out")
        with Reader(path) as reader, Reader(source) as its:
            expected, received = (sum(x.shape[1] for x in file.blocks()) for file in (its, reader))
        # An MP3 file holds whole frames.
        assert 0 <= received - expected <= (1152 if path.suffix == ".mp3" else 0), f"{path}: {received}"


# training.corpus fetch


def _prepare_fetch(folder: Path) -> None:
    from scipy.io import wavfile  # noqa: F401

    import training.corpus  # noqa: F401

    put_packages(folder / "store")
    (folder / "bin").mkdir()
    fake_apt_get(folder / "bin" / "apt-get", folder / "store")
    write_lists(folder)


def _fetch(folder: Path, again: bool = False) -> int:
    from training.corpus import main
    from training.music import debian_music

    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    debian_music._LISTS = tuple(folder / f"{pool}.csv" for pool in ("train", "test"))
    return main(["fetch", "debian-music", str(folder / "out"), "--jobs", "1"])


def _check_fetched(folder: Path) -> None:
    from training.music.manifest import read_manifest
    from training.music.packages import is_complete

    contents = {f"{pool}/{package}/{name}": content for (pool, package, name), content in FILES.items()}
    for path in final_files(folder / "out"):
        name = path.relative_to(folder / "out").as_posix()
        if path.suffix == ".deb":
            assert is_complete(path), path
        elif path.name == "manifest.csv":
            assert read_manifest(path)
        elif path.name == "mix.wav":
            stems = [soundfile.info(path.with_name(stem)).frames for stem in ("song.ogg", "guitar.ogg")]
            assert len(soundfile.read(path)[0]) == max(stems), path
        else:
            assert path.read_bytes() == contents[name], path


def _fetched(folder: Path) -> dict[str, str]:
    """All files; of the manifest all but when each file was written."""
    out = folder / "out"
    found = hashes(out)
    with open(out / "manifest.csv", newline="") as file:
        rows = [{**row, "mtime_ns": ""} for row in csv.DictReader(file)]
    return {**found, "manifest.csv": json.dumps(rows)}


# training.precompute


def _prepare_music_of_pieces(folder: Path) -> None:
    fix_revision()
    import training.degradation.drawing
    import training.examples.restored
    import training.precompute  # noqa: F401
    from tests.helpers.made_shards import SHARD_EXAMPLES, write_music
    from training.examples import shards

    shards.SHARD_EXAMPLES = SHARD_EXAMPLES
    (folder / "music").mkdir()
    write_music(folder / "music")


def _precompute(folder: Path, again: bool = False) -> int:
    from tests.helpers.made_shards import arguments
    from training.precompute import main

    return main(arguments(folder / "out", data=folder / "music"))


def _check_shards(folder: Path) -> None:
    from training.examples import shards

    out = folder / "out"
    if not out.is_dir():
        return
    index = shards.read_index(out)
    for path in final_files(out):
        if path.name == shards.SCHEMA:
            shards.read_schema(out)
        elif path.suffix == ".npy":
            assert np.load(path).dtype == shards.EXAMPLE, path
    for name, shard in index.items():
        assert shards.sha256_of(out / name) == shard.sha256, name


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "extend",
            _extend,
            _prepare_extend,
            _check_sounds,
            all_files,
            begin=lambda folder: (folder / "out").mkdir(),
            share=0.32,
        ),
        Command("fetch", _fetch, _prepare_fetch, _check_fetched, _fetched, share=0.32),
        Command("precompute", _precompute, _prepare_music_of_pieces, _check_shards, all_files, share=0.18),
        Command(
            "fit",
            keras_commands.fit,
            keras_commands.prepare_fit,
            keras_commands.check_run,
            keras_commands.trained,
            share=0.06,
        ),
        Command(
            "export",
            keras_commands.export,
            keras_commands.prepare_export,
            keras_commands.check_models,
            all_files,
            share=0.06,
        ),
        Command(
            "evaluate",
            keras_commands.evaluate,
            keras_commands.prepare_evaluate,
            keras_commands.check_report,
            all_files,
            share=0.06,
        ),
    )
}
assert abs(sum(command.share for command in COMMANDS.values()) - 1) < 1e-9
