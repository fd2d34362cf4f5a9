"""Training networks of both transforms on shards."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers import made_shards, smoke
from tests.helpers.paths import ROOT
from tfbwe.errors import ConfigError

keras = pytest.importorskip("keras")

from training import fit  # noqa: E402
from training.examples.shards import PIECE_SAMPLES  # noqa: E402
from training.examples.sources import FromMusic, FromShards, examples  # noqa: E402
from training.learning.presets import overridden, preset  # noqa: E402
from training.learning.run import read_history  # noqa: E402

SETTINGS = {"stft": ["hours=0.008", "epoch_hours=0.004"], "cqt": ["hours=0.009", "epoch_hours=0.0045"]}
KINDS = pytest.mark.parametrize("kind", SETTINGS)


def arguments(kind, run, *more):
    settings = ["--model", kind, "--preset", "smoke", "--set", *SETTINGS[kind]]
    return [*settings, "--data", str(made_shards.made()), "--run", str(run), *more]


@functools.cache
def run(kind):
    """Run folder of the preset smoke, trained on shards for two epochs."""
    folder = smoke.music().with_name(f"{kind} run on shards")
    assert fit.main(arguments(kind, folder)) == 0
    return folder


@KINDS
def test_a_run_learns_from_shards(kind):
    rows = read_history(run(kind))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[-1]["val_loss"]) < float(rows[0]["val_loss"])
    assert json.loads((run(kind) / "config.json").read_text())["config"]["model"] == kind
    config = preset(kind, "smoke")
    frames = config.network.frames or config.crop_frames
    with np.load(run(kind) / "features.npz") as features:
        for split, count in made_shards.EXAMPLES.items():
            assert features[split].shape == (count, frames, config.network.bins)
            assert np.isfinite(features[split]).all()


@KINDS
def test_a_run_on_shards_that_is_killed_resumes_to_the_weights_of_an_uninterrupted_one(kind, tmp_path):
    folder = tmp_path / "run"
    killed = subprocess.run(
        [sys.executable, "tests/helpers/killed_run.py", *arguments(kind, folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(read_history(folder)) == 1
    assert fit.main(arguments(kind, folder, "--resume")) == 0
    mine, its = (smoke.state(one / "last.keras") for one in (folder, run(kind)))
    for a, b in zip(mine, its, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@KINDS
def test_shards_and_music_give_batches_of_the_same_form(kind):
    config = preset(kind, "smoke")
    found = []
    for data, source in ((made_shards.made(), FromShards), (made_shards.music(), FromMusic)):
        opened = examples(data, "train", config)
        assert isinstance(opened, source)
        with opened.batches(0, 0, 1) as batches:
            batch = next(iter(batches.take(1).as_numpy_iterator()))
        both = (batch, opened.fixed_set(3))
        found.append([{name: (array.shape, array.dtype) for name, array in one.items()} for one in both])
    assert found[0] == found[1]
    assert batch["received"].shape == (config.batch_size, config.crop_samples)


def test_a_crop_longer_than_the_pieces_is_refused(tmp_path, capsys):
    most = (PIECE_SAMPLES - 2048) // 512 + 1
    fits, longer = (
        overridden(preset("stft", "smoke"), [f"crop_frames={frames}"]) for frames in (most, most + 1)
    )
    assert fits.crop_samples <= PIECE_SAMPLES < longer.crop_samples
    assert FromShards(made_shards.made(), "valid", fits).fixed_set(1)["received"].shape == (
        1,
        fits.crop_samples,
    )
    with pytest.raises(ConfigError, match=f"pieces of {PIECE_SAMPLES} samples; .*take fewer crop_frames"):
        FromShards(made_shards.made(), "valid", longer)
    folder = tmp_path / "run"
    assert fit.main(arguments("stft", folder, "--set", f"crop_frames={most + 1}")) == 1
    assert "take fewer crop_frames" in capsys.readouterr().err.strip().splitlines()[-1]
    assert not folder.exists()


@KINDS
def test_shards_are_for_networks_that_read_what_was_restored_alone(kind, tmp_path, capsys):
    assert fit.main(arguments(kind, tmp_path / "run", "--set", "objective=squared_error")) == 1
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "as restoring leaves it" in line
    assert "squared_error wants what was received: give it a music folder" in line
    assert not (tmp_path / "run").exists()


def test_the_restoring_network_learns_on_music_alone(tmp_path, capsys):
    argv = ["--model", "restore", "--preset", "smoke", "--data", str(made_shards.made())]
    assert fit.main([*argv, "--run", str(tmp_path / "run")]) == 1
    assert "expected a music folder, not shards" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
