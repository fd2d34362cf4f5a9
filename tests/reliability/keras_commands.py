"""Killed commands that make and compare networks: `training.fit`, `tfbwe-export`, `training.evaluate`."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.reliability.children import done
from tests.reliability.command import final_files, fix_revision, sha256

COST = {"rtf": 0.02, "peak_rss_mb": 80.0, "latency_samples": 2048, "macs_per_s": 7e7, "size_bytes": 412656}
"""Stands in for what is measured, which differs from time to time."""

# training.fit and tfbwe-export


def prepare_fit(folder: Path) -> None:
    from tests.helpers.smoke import music_folder

    _import_keras()

    done(lambda: music_folder(folder / "music") and None, folder / "log")


def _import_keras() -> None:
    fix_revision()
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    import training.examples.sources
    import training.fit
    import training.learning.run
    import training.learning.trainer  # noqa: F401


def fit(folder: Path, again: bool = False) -> int:
    return _fitted(folder / "music", folder / "out", "--resume")


def _fitted(music: Path, run: Path, *more: str) -> int:
    from training.fit import main

    settings = ["--model", "stft", "--preset", "smoke", "--set", "hours=0.03"]
    return main([*settings, "--data", str(music), "--run", str(run), *more])


def check_run(folder: Path) -> None:
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


def trained(folder: Path) -> dict[str, str]:
    """Settings, weights, and the history without its speeds."""
    from training.learning.run import read_history

    out = folder / "out"
    config = json.loads((out / "config.json").read_text())
    rows = [{k: v for k, v in row.items() if k != "audio_seconds_per_second"} for row in read_history(out)]
    found = {"config": json.dumps(config, sort_keys=True), "history": json.dumps(rows)}
    with np.load(out / "features.npz") as features:
        found["features"] = sha256(b"".join(features[name].tobytes() for name in sorted(features)))
    return {**found, **{name: _weights(out / name) for name in ("best.keras", "last.keras")}}


def _weights(path: Path) -> str:
    """SHA-256 of all numbers in a Keras archive."""

    import h5py

    digest = hashlib.sha256()

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            digest.update(name.encode() + np.asarray(item).tobytes())

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as weights:
        weights.visititems(add)
    return digest.hexdigest()


def prepare_export(folder: Path) -> None:

    prepare_fit(folder)
    import export.bundles
    import export.cli  # noqa: F401

    assert done(lambda: _fitted(folder / "music", folder / "run"), folder / "log") == 0


def export(folder: Path, again: bool = False) -> int:
    from export.cli import main

    networks = [str(folder / "run"), "--restore", "none", "-o", str(folder / "out")]
    return main([*networks, "--graph", "step", "--quantize", "none", "dynamic", *["--force"] * again])


def check_models(folder: Path) -> None:
    from tfbwe.model.bundle import load_bundle
    from tfbwe.model.manifest import Manifest

    for path in final_files(folder / "out"):
        if path.suffix == ".json":
            Manifest.from_json(path.read_bytes())
        else:
            load_bundle(path)


# training.evaluate


def prepare_evaluate(folder: Path) -> None:
    fix_revision()
    import matplotlib.figure  # noqa: F401

    import training.evaluate  # noqa: F401
    from tests.helpers.smoke import music_folder
    from training.comparison import costs

    done(lambda: music_folder(folder / "music", songs=2) and None, folder / "log")
    manifest = folder / "music" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",valid,", ",test,").replace(",train,", ",test,"))
    costs._measured = lambda path: COST


def evaluate(folder: Path, again: bool = False) -> int:
    from training.evaluate import main

    what = ["--conditions", "brickwall-8k", "mp3-64k", "--systems", "mirror", "model", "--phases", "mirror"]
    places = ["--data", str(folder / "music"), "--out", str(folder / "out")]
    return main([*places, "--jobs", "1", "--visqol", "0", *what])


def check_report(folder: Path) -> None:
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
