"""The commands that are killed: what they work on, how their files are read, and what they must end with.

All write to the folder ``out``; a file is final unless a part of its path begins with a dot.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from tests.helpers.made_packages import FILES, fake_apt_get, put_packages, write_lists

COST = {"rtf": 0.02, "peak_rss_mb": 80.0, "latency_samples": 2048, "macs_per_s": 7e7, "size_bytes": 412656}
"""Stands in for what is measured, which differs from time to time."""


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes
    ----------
    name : str
    run : callable
        Given the folder and whether it runs again; returns an exit status.
    prepare : callable
        Makes what it works on, once. Imports what it needs, so that kills do not fall on imports.
    check : callable
        Reads every file that bears a final name; raises if one is damaged.
    made : callable
        What must be the same each time, by name.
    begin : callable
        Makes ``out`` as it is before the command, if it must be there.
    share : float
        Of all kills.
    statuses : tuple of int
        With which it may end when it runs again.
    """

    name: str
    run: Callable[..., int]
    prepare: Callable[[Path], None]
    check: Callable[[Path], None]
    made: Callable[[Path], dict[str, str]]
    begin: Callable[[Path], None] = lambda folder: None
    share: float = 1.0
    statuses: tuple[int, ...] = (0,)


def final_files(out: Path) -> Iterator[Path]:
    """Files that bear a final name."""
    for path in sorted(out.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(out).parts)
        if path.is_file() and not hidden:
            yield path


def hashes(out: Path) -> dict[str, str]:
    """SHA-256 of each of them, by name."""
    return {path.relative_to(out).as_posix(): _sha256(path.read_bytes()) for path in final_files(out)}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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

    return main(["extend", str(folder / "songs"), "-o", str(folder / "out")])


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

    from training.music import debian_music

    put_packages(folder / "store")
    (folder / "bin").mkdir()
    fake_apt_get(folder / "bin" / "apt-get", folder / "store")
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    debian_music._LISTS = write_lists(folder)


def _fetch(folder: Path, again: bool = False) -> int:
    from training.corpus import main

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


# training.fit and tfbwe-export


def _prepare_fit(folder: Path) -> None:
    from tests.helpers.smoke import music_folder

    _import_keras()
    from tests.reliability.children import done

    done(lambda: music_folder(folder / "music") and None, folder / "log")


def _import_keras() -> None:
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    import training.examples.sources
    import training.fit
    import training.learning.run
    import training.learning.trainer  # noqa: F401


def _fit(folder: Path, again: bool = False) -> int:
    return _fitted(folder / "music", folder / "out", "--resume")


def _fitted(music: Path, run: Path, *more: str) -> int:
    from tests.helpers.smoke import SETTINGS
    from training.fit import main

    return main([*SETTINGS, "--data", str(music), "--run", str(run), *more])


def _check_run(folder: Path) -> None:
    from tfbwe.network.run_folder import BEST, CONFIG, FEATURES, LAST, best_network, read_features
    from training.learning.run import read_config, read_history
    from training.learning.trainer import load_trainer

    out = folder / "out"
    names = {path.name for path in final_files(out)} if out.is_dir() else set()
    config = read_config(out) if CONFIG in names else None
    read_history(out)
    if FEATURES in names:
        read_features(out, config.network.bins)
    if BEST in names:
        best_network(out)
    if LAST in names:
        load_trainer(out / LAST)
    if "curve.png" in names:
        _check_picture(out / "curve.png")


def _check_picture(path: Path) -> None:
    from matplotlib.image import imread

    assert imread(path).size, path


def _trained(folder: Path) -> dict[str, str]:
    """Settings, weights, and the history without its speeds."""
    from training.learning.run import read_history

    out = folder / "out"
    config = json.loads((out / "config.json").read_text())
    rows = [{k: v for k, v in row.items() if k != "audio_seconds_per_second"} for row in read_history(out)]
    found = {"config": json.dumps(config, sort_keys=True), "history": json.dumps(rows)}
    with np.load(out / "features.npz") as features:
        found["features"] = _sha256(b"".join(features[name].tobytes() for name in sorted(features)))
    return {**found, **{name: _weights(out / name) for name in ("best.keras", "last.keras")}}


def _weights(path: Path) -> str:
    """SHA-256 of all numbers in a Keras archive."""
    import io

    import h5py

    digest = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            digest.update(name.encode() + np.asarray(item).tobytes())

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(add)
    return digest.hexdigest()


def _prepare_export(folder: Path) -> None:
    from tests.reliability.children import done

    _prepare_fit(folder)
    import export.bundles
    import export.cli  # noqa: F401

    assert done(lambda: _fitted(folder / "music", folder / "run"), folder / "log") == 0


def _export(folder: Path, again: bool = False) -> int:
    from export.cli import main

    networks = [str(folder / "run"), "--restore", "none", "-o", str(folder / "out")]
    return main([*networks, "--graph", "step", "--quantize", "none", "dynamic", *["--force"] * again])


def _check_models(folder: Path) -> None:
    from tfbwe.model.bundle import load_bundle
    from tfbwe.model.manifest import Manifest

    for path in final_files(folder / "out"):
        if path.suffix == ".json":
            Manifest.from_json(path.read_bytes())
        else:
            load_bundle(path)


# training.evaluate


def _prepare_evaluate(folder: Path) -> None:
    import matplotlib.figure  # noqa: F401

    import training.evaluate  # noqa: F401
    from tests.helpers.smoke import music_folder
    from training.comparison import costs

    music_folder(folder / "music", songs=2)
    manifest = folder / "music" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",valid,", ",test,").replace(",train,", ",test,"))
    costs._measured = lambda path: COST


def _evaluate(folder: Path, again: bool = False) -> int:
    from training.evaluate import main

    what = ["--conditions", "brickwall-8k", "mp3-64k", "--systems", "mirror", "model", "--phases", "mirror"]
    places = ["--data", str(folder / "music"), "--out", str(folder / "out")]
    return main([*places, "--jobs", "1", "--visqol", "0", *what])


def _check_report(folder: Path) -> None:
    from training.comparison.report import read_report

    out = folder / "out"
    for path in out.rglob("*.json"):
        if not path.name.startswith("."):
            json.loads(path.read_text())
    for path in final_files(out):
        if path.suffix == ".png":
            _check_picture(path)
    if (out / "report.json").exists():
        read_report(out)


def _all_files(folder: Path) -> dict[str, str]:
    return hashes(folder / "out")


COMMANDS = {
    command.name: command
    for command in (
        Command(
            "extend",
            _extend,
            _prepare_extend,
            _check_sounds,
            _all_files,
            begin=lambda folder: (folder / "out").mkdir(),
            share=0.25,
            statuses=(0, 1),  # what is there already is not replaced, and said
        ),
        Command("fetch", _fetch, _prepare_fetch, _check_fetched, _fetched, share=0.25),
        Command("precompute", _precompute, _prepare_music_of_pieces, _check_shards, _all_files, share=0.2),
        Command("fit", _fit, _prepare_fit, _check_run, _trained, share=0.1),
        Command("export", _export, _prepare_export, _check_models, _all_files, share=0.1),
        Command("evaluate", _evaluate, _prepare_evaluate, _check_report, _all_files, share=0.1),
    )
}
assert abs(sum(command.share for command in COMMANDS.values()) - 1) < 1e-9
