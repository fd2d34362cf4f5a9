from __future__ import annotations

import collections
import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.helpers import made_shards
from tests.helpers.made_shards import (
    PIECES,
    SILENT_PIECE,
    VARIANTS,
    arguments,
    contents,
    copied,
    keys,
    made,
    music,
    records,
)
from tests.helpers.paths import ROOT

pytest.importorskip("scipy")

from training import precompute
from training.degradation import drawing
from training.examples import drawn, pairs, shards
from training.music.manifest import MANIFEST_NAME, read_manifest, write_manifest


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    made_shards.few_in_a_shard(monkeypatch)


@pytest.fixture
def other_music(tmp_path):
    folder = tmp_path / "music"
    shutil.copytree(music(), folder)
    return folder


def refused(capsys, *argv) -> str:
    capsys.readouterr()
    assert precompute.main([str(argument) for argument in argv]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("training.")]
    return line


def test_every_piece_that_is_not_silent_is_there_once_in_every_variant():
    expected = {
        (file, piece): VARIANTS
        for file, pieces in PIECES.items()
        for piece in range(pieces)
        if (file, piece) != ("held out.wav", SILENT_PIECE)
    }
    assert collections.Counter(keys(made())) == expected
    assert len({example["received"].tobytes() for example in records(made())}) == len(keys(made()))


def test_shards_hold_the_splits_apart_and_in_random_order():
    by_split = collections.defaultdict(list)
    for name in shards.read_index(made()):
        by_split[name.split("-")[0]].append(name)
    assert {split: len(names) for split, names in by_split.items()} == {"train": 4, "valid": 2}
    train = keys(made())[: made_shards.EXAMPLES["train"]]
    assert {file for file, _ in train} == {"long.wav", "short.wav"}
    assert train != sorted(train)


def test_the_index_describes_the_shards():
    for name, shard in shards.read_index(made()).items():
        path = made() / name
        assert (path.stat().st_size, shards.sha256_of(path)) == (shard.bytes, shard.sha256)
    assert sum(shard.examples for shard in shards.read_index(made()).values()) == len(keys(made()))


def test_what_is_announced_is_what_is_written(tmp_path, capsys):
    header = 512
    for shard in shards.read_index(made()).values():
        assert 0 <= shard.bytes - shard.examples * shards.EXAMPLE.itemsize <= header
    usage = collections.namedtuple("usage", "total used free")
    needed = len(keys(made())) * shards.EXAMPLE.itemsize
    for free, status in ((needed - 1, 1), (needed, 0)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda path, free=free: usage(10**12, 10**12 - free, free))
            assert precompute.main(arguments(tmp_path / "out")) == status
    assert "to write: 14 in 6 shards, 0.0 GB" in capsys.readouterr().err


def test_several_processes_write_the_same_files(tmp_path):
    assert precompute.main(arguments(tmp_path / "out", "--jobs", "2")) == 0
    assert contents(tmp_path / "out") == contents(made())


def test_a_killed_run_goes_on_to_the_files_of_an_uninterrupted_one(tmp_path, capsys):
    out = tmp_path / "out"
    killed = subprocess.run(
        [sys.executable, "tests/helpers/killed_precompute.py", *arguments(out, "--jobs", "2")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list(out.glob(".work-*"))
    (kept,) = shards.read_index(out)
    assert len(list(out.glob("*.npy"))) == 2
    before = (out / kept).stat()
    assert precompute.main(arguments(out)) == 0
    assert contents(out) == contents(made())
    assert (out / kept).stat().st_ino == before.st_ino
    assert "to write: 11 in 5 shards" in capsys.readouterr().err


def test_a_complete_folder_is_left_alone(tmp_path, capsys, monkeypatch):
    out = copied(tmp_path / "out")
    monkeypatch.setattr(precompute, "_plan", None)
    assert precompute.main(arguments(out)) == 0
    assert capsys.readouterr().err == f"{out}: complete, 6 shards\n"
    assert contents(out) == contents(made())


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: os.truncate(path, 1000)], ids=["gone", "short"])
def test_a_shard_that_is_gone_or_cut_short_is_made_again(tmp_path, damage):
    out = copied(tmp_path / "out")
    damage(out / "train-00001-of-00004.npy")
    assert precompute.main(arguments(out)) == 0
    assert contents(out) == contents(made())


@pytest.mark.parametrize(
    ("more", "difference"),
    [(("--variants", "3"), "variants is 2, not 3"), (("--seed", "7"), "seed is 0, not 7")],
    ids=["variants", "seed"],
)
def test_other_parameters_are_refused(tmp_path, capsys, more, difference):
    out = copied(tmp_path / "out")
    assert difference in refused(capsys, *arguments(out, *more))
    assert contents(out) == contents(made())


def test_other_degradations_are_refused(capsys, monkeypatch):
    changed = dataclasses.replace(drawing.DRAWING, coded=0.5)
    monkeypatch.setattr(drawing, "DRAWING", changed)
    line = refused(capsys, *arguments(made()))
    assert "degradation.drawing.coded is 0.4, not 0.5" in line


def test_other_music_is_refused(other_music, capsys):
    rows = read_manifest(other_music)
    louder = [dataclasses.replace(row, loudness_lufs=-5.0, artist="who") for row in rows]
    write_manifest(other_music / MANIFEST_NAME, louder)
    assert precompute.main(arguments(made(), data=other_music)) == 0
    write_manifest(other_music / MANIFEST_NAME, [dataclasses.replace(row, mtime_ns=99) for row in rows])
    assert "music_sha256 is " in refused(capsys, *arguments(made(), data=other_music))


def test_a_folder_of_other_files_is_refused(other_music, capsys):
    before = contents(other_music)
    assert "it holds other files" in refused(capsys, *arguments(other_music))
    assert contents(other_music) == before


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path, capsys):
    (tmp_path / "out").write_text("mine")
    line = refused(capsys, *arguments(tmp_path / "out"))
    assert f"{tmp_path / 'out'}: expected a folder for the shards" in line
    assert (tmp_path / "out").read_text() == "mine"


def test_a_second_run_at_the_same_time_is_refused(tmp_path, capsys):
    with precompute._alone(tmp_path / "out"):
        assert "one is writing here" in refused(capsys, *arguments(tmp_path / "out"))


def test_a_full_disk_is_said_before_the_work(tmp_path, capsys, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 10**6, 10**6))
    line = refused(capsys, *arguments(tmp_path / "out"))
    assert line.endswith("free disk, there are 0.0 GB; take fewer --variants or another disk")
    assert not any((tmp_path / "out").iterdir())


def test_a_disk_that_fills_up_is_one_line_and_the_rest_is_kept(tmp_path, capsys, monkeypatch):
    write_shard = pairs.write_shard

    def filling_up(data, items, seed, path):
        if path.name.startswith("train-00002"):
            monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
        return write_shard(data, items, seed, path)

    def full(file, _):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), file.name)

    out = tmp_path / "out"
    monkeypatch.setattr(pairs, "write_shard", filling_up)
    assert "No space left on device" in refused(capsys, *arguments(out))
    kept = sorted(path.name for path in out.glob("*.npy"))
    assert kept == list(shards.read_index(out)) == shards.shard_names("train", 4)[:2]
    monkeypatch.undo()
    made_shards.few_in_a_shard(monkeypatch)
    assert precompute.main(arguments(out)) == 0
    assert contents(out) == contents(made())


def test_an_interruption_is_one_line_and_leaves_nothing_half_done(tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pairs, "write_shard", interrupted)
    assert precompute.main(arguments(tmp_path / "out")) == 130
    assert capsys.readouterr().err.endswith("stopped; the same command goes on from here\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["schema.json"]


def test_a_folder_without_a_manifest_is_an_error(tmp_path, capsys):
    assert "expected a manifest" in refused(capsys, *arguments(tmp_path / "out", data=tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_manifest_without_a_split_is_an_error(other_music, tmp_path, capsys):
    rows = [row for row in read_manifest(other_music) if row.split == "train"]
    write_manifest(other_music / MANIFEST_NAME, rows)
    assert "split valid" in refused(capsys, *arguments(tmp_path / "out", data=other_music))


def test_a_split_of_silence_is_an_error(other_music, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(drawn, "SILENT_POWER", 1.0)
    monkeypatch.setattr(pairs, "SILENT_POWER", 1.0)
    assert "all of it is silent" in refused(capsys, *arguments(tmp_path / "out", data=other_music))


def test_an_unreadable_schema_or_index_is_named(tmp_path, capsys):
    out = copied(tmp_path / "out")
    (out / "index.json").write_text("{")
    assert "index.json: damaged" in refused(capsys, *arguments(out))
    (out / "schema.json").write_text(json.dumps({"splits": 3}))
    assert "schema.json: damaged" in refused(capsys, *arguments(out))


@pytest.mark.parametrize(("option", "value"), [("--variants", "0"), ("--seed", "-1"), ("--jobs", "x")])
def test_numbers_out_of_range_are_usage_errors(option, value):
    with pytest.raises(SystemExit) as caught:
        precompute.main([*arguments(Path("out")), option, value])
    assert caught.value.code == 2
