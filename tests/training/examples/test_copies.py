"""Music and shards at addresses: on a store in memory, as the commands use them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.helpers import made_shards
from tests.helpers.smoke import music
from tfbwe.errors import StorageError
from training import corpus, evaluate, fit, precompute
from training.examples import copies
from training.music.manifest import MANIFEST_NAME, read_manifest

fsspec = pytest.importorskip("fsspec")
MUSIC, SHARDS = "memory://music/all #1", "memory://shards/a"


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Give a store in memory that holds music which nobody scanned."""
    monkeypatch.setenv(copies.CACHE, str(tmp_path / "cache"))
    made_shards.few_in_a_shard(monkeypatch)
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    for path in music().rglob("*.flac"):
        memory.pipe_file(f"/music/all #1/{path.relative_to(music()).as_posix()}", path.read_bytes())
    yield memory
    memory.store.clear()


@pytest.fixture
def fetched(monkeypatch):
    """Give a list of the addresses that are fetched."""
    seen = []
    real = copies.fetch_to

    def noted(address, path):
        seen.append(address.rpartition("/")[2])
        real(address, path)

    monkeypatch.setattr(copies, "fetch_to", noted)
    return seen


def scanned():
    assert corpus.main(["scan", "--jobs", "1", MUSIC]) == 0


def shards_of(store):
    return {name.rpartition("/")[2]: store.cat_file(name) for name in store.find("/shards/a")}


def test_music_at_an_address_is_scanned_and_its_manifest_put_there(store, fetched, capsys, tmp_path):
    scanned()
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"{MUSIC}/{MANIFEST_NAME}"
    lines = err.splitlines()
    size = sum(store.size(name) for name in store.find("/music") if name.endswith(".flac")) / 1e6
    assert f"{MUSIC}: 4 files, {size:.1f} MB, copied to {copies.place_of(MUSIC)}" in lines
    assert f"{MUSIC}: 1 file written" in lines
    (tmp_path / MANIFEST_NAME).write_bytes(store.cat_file(f"/music/all #1/{MANIFEST_NAME}"))
    found, known = (
        [(row.file, row.bandwidth_hz, row.seconds, row.size_bytes) for row in read_manifest(folder)]
        for folder in (tmp_path, music())
    )
    assert found == known
    assert len(fetched) == 4
    fetched.clear()
    scanned()
    assert fetched == []
    store.rm_file("/music/all #1/artist 0/song.flac")
    scanned()
    assert not (copies.place_of(MUSIC) / "artist 0" / "song.flac").exists()


def test_the_tracks_of_the_splits_asked_for_are_fetched(store, fetched, monkeypatch, tmp_path):
    scanned()
    fetched.clear()
    monkeypatch.setenv(copies.CACHE, str(tmp_path / "other machine"))
    folder = copies.brought_here(MUSIC, "valid")
    held_out = [row for row in read_manifest(folder) if row.split == "valid"]
    assert 0 < len(held_out) < 4
    assert sorted(fetched) == sorted([MANIFEST_NAME, *["song.flac"] * len(held_out)])
    for row in held_out:
        status = (folder / row.file).stat()
        assert (status.st_size, status.st_mtime_ns) == (row.size_bytes, row.mtime_ns)
    assert copies.brought_here(Path("here"), "valid") == Path("here")


def test_shards_go_to_an_address_once_they_are_whole(store, fetched, monkeypatch, capsys, tmp_path):
    scanned()
    arguments = ["--data", MUSIC, "--out", SHARDS, "--variants", "1", "--jobs", "1"]
    stopped = copies.put

    def fails(path, address, force):
        if address.endswith("index.json"):
            raise StorageError(f"{address}: no network")
        stopped(path, address, force)

    monkeypatch.setattr(copies, "put", fails)
    assert precompute.main(arguments) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"{SHARDS}/index.json: no network")
    assert all(name.endswith(".npy") for name in shards_of(store))
    monkeypatch.setattr(copies, "put", stopped)
    assert precompute.main(arguments) == 0
    assert f"{SHARDS}: 2 files written" in capsys.readouterr().err.splitlines()
    found = shards_of(store)
    assert {"index.json", "schema.json"} < set(found)
    there = copies.place_of(SHARDS)
    assert found == {path.name: path.read_bytes() for path in there.iterdir() if path.is_file()}
    monkeypatch.setenv(copies.CACHE, str(tmp_path / "other machine"))
    fetched.clear()
    folder = copies.brought_here(SHARDS)
    assert sorted(fetched) == sorted(found)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == found
    arguments[5] = "2"
    assert precompute.main(arguments) == 1
    assert "expected the music and the parameters that this folder was begun with" in capsys.readouterr().err
    assert shards_of(store) == found


def test_what_is_not_there_or_not_possible_is_one_line(store, capsys, tmp_path):
    run = str(tmp_path / "run")
    fitting = ["--model", "stft", "--preset", "smoke", "--run", run]
    for command, arguments, said in (
        (
            fit,
            [*fitting, "--data", MUSIC],
            f"{MUSIC}: expected a folder with shards or manifest.csv, found none",
        ),
        (
            corpus,
            ["scan", "memory://none"],
            "memory://none: expected a folder of music or shards, there is none",
        ),
        (
            precompute,
            ["--data", str(music()), "--out", MUSIC, "--variants", "1"],
            f"{MUSIC}: expected a new or empty folder, or one of shards; it holds other files, artist 0/song",
        ),
    ):
        assert command.main(arguments) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert f": {said}" in line
    for command, arguments in (
        (fit, ["--model", "stft", "--data", MUSIC, "--run", "s3://b/run"]),
        (evaluate, ["--data", MUSIC, "--out", "s3://b/out"]),
        (corpus, ["fetch", "debian-music", "s3://b/music"]),
    ):
        with pytest.raises(SystemExit):
            command.main(arguments)
        assert "expected a folder of this machine, received s3://b/" in capsys.readouterr().err


def test_a_copy_that_was_cut_or_changed_is_fetched_again(store, fetched):
    folder = copies.copied(MUSIC)
    (cut, changed, *_) = sorted(folder.rglob("*.flac"))
    expected = {path: path.read_bytes() for path in (cut, changed)}
    cut.write_bytes(b"")
    os.utime(changed, (1, 1))
    fetched.clear()
    copies.copied(MUSIC)
    assert len(fetched) == 2
    assert {path: path.read_bytes() for path in expected} == expected


def test_a_disk_without_room_is_named(store, monkeypatch):
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda folder: type("Disk", (), {"free": 10}))
    with pytest.raises(StorageError, match=rf"expected .* GB of free disk in .*; set {copies.CACHE} to a"):
        copies.copied(MUSIC)
