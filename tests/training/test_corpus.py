import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.archives import make_deb
from tests.helpers.made_packages import FILES, fake_apt_get, put_packages, write_lists
from tests.helpers.noise import RATE, noise
from training.corpus import main
from training.music import debian_music
from training.music.manifest import MANIFEST_NAME, read_manifest
from training.music.packages import PackageError

TEST_LIST = "7f588cd31374583a5b4b64418182adbfc317376a0b63fb672f0f3a92ec2e0365"
"""SHA-256 of the test list: figures of different times compare only while it stays."""


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    """A corpus of three small packages with lists of its own; returns the folder to fetch into."""
    monkeypatch.setattr(debian_music, "_LISTS", write_lists(tmp_path))
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    directory = tmp_path / "music"
    put_packages(directory / "packages")
    return directory


def tree(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != MANIFEST_NAME
    }


def fetch(directory: Path) -> int:
    return main(["fetch", "debian-music", str(directory), "--jobs", "1"])


def test_fetch_unpacks_mixes_and_writes_the_manifest(corpus, capsys):
    assert fetch(corpus) == 0
    for (pool, package, name), content in FILES.items():
        assert (corpus / pool / package / name).read_bytes() == content
    rows = {row.file: row for row in read_manifest(corpus)}
    assert set(rows) == {
        "train/tunes/one.ogg",
        "train/tunes/two.ogg",
        "test/packed/three.ogg",
        "train/songs/anthem/mix.wav",
    }
    assert rows["test/packed/three.ogg"].split == "test"
    assert {row.split for row in rows.values()} == {"train", "valid", "test"}
    mix = rows["train/songs/anthem/mix.wav"]
    assert (mix.title, mix.artist, mix.licence, mix.sample_rate) == ("anthem", "Nobody", "CC0", RATE)
    assert "5 files unpacked, 0 were there" in capsys.readouterr().out


def test_a_song_is_the_sum_of_its_stems_and_is_not_clipped(tmp_path):
    paths = [tmp_path / "song.ogg", tmp_path / "guitar.ogg"]
    soundfile.write(paths[0], noise(1, channels=2) * 8, RATE, format="WAV", subtype="FLOAT")
    soundfile.write(paths[1], noise(2, seconds=5.0) * 8, RATE, format="WAV", subtype="FLOAT")
    debian_music.mix_stems(paths, tmp_path / "mix.wav")
    mixed, rate = soundfile.read(tmp_path / "mix.wav", dtype="float32")
    expected = noise(1, channels=2) * 8
    expected[: round(5.0 * RATE)] += noise(2, seconds=5.0) * 8
    assert rate == RATE
    np.testing.assert_array_equal(mixed, expected)
    assert np.abs(mixed).max() > 1.0


def test_a_second_fetch_writes_nothing(corpus, capsys):
    assert fetch(corpus) == 0
    before = {path: path.stat().st_mtime_ns for path in corpus.rglob("*.*") if path.name != MANIFEST_NAME}
    manifest = (corpus / MANIFEST_NAME).read_bytes()
    assert fetch(corpus) == 0
    after = {path: path.stat().st_mtime_ns for path in corpus.rglob("*.*") if path.name != MANIFEST_NAME}
    assert before == after
    assert manifest == (corpus / MANIFEST_NAME).read_bytes()
    assert "0 files unpacked, 5 were there" in capsys.readouterr().out


@pytest.mark.parametrize("replacements", range(6))
def test_a_fetch_that_was_interrupted_goes_on_to_the_same_tree(corpus, monkeypatch, tmp_path, replacements):
    undisturbed = tmp_path / "undisturbed"
    put_packages(undisturbed / "packages")
    assert fetch(undisturbed) == 0

    done = 0

    def replace(source: Path, target: Path) -> None:
        nonlocal done
        if done == replacements:
            raise KeyboardInterrupt
        done += 1
        os.rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(debian_music.os, "replace", replace)
        assert fetch(corpus) == 130
    assert len(tree(corpus)) < len(tree(undisturbed)) or done == 0
    assert fetch(corpus) == 0
    assert tree(corpus) == tree(undisturbed)


def test_files_cut_short_by_a_crash_are_made_good(corpus):
    assert fetch(corpus) == 0
    whole = tree(corpus)
    (corpus / "train/tunes/one.ogg").write_bytes(b"OggS")
    (corpus / "train/tunes/.part-two.ogg").write_bytes(b"OggS")
    (corpus / "train/tunes/two.ogg").unlink()
    (corpus / "train/songs/anthem/mix.wav").write_bytes(b"RIFF")
    assert fetch(corpus) == 0
    assert tree(corpus) == whole


def test_a_hash_that_a_newer_package_lacks_is_reported_and_the_rest_goes_on(corpus, capsys):
    (corpus / "packages" / "tunes_1_all.deb").unlink()
    make_deb(corpus / "packages" / "tunes_2_all.deb", {"./new/name.ogg": FILES["train", "tunes", "one.ogg"]})
    assert fetch(corpus) == 0
    assert "missing: train/tunes/two.ogg" in capsys.readouterr().err
    files = {row.file for row in read_manifest(corpus)}
    assert "train/tunes/one.ogg" in files
    assert "train/tunes/two.ogg" not in files
    assert "test/packed/three.ogg" in files


def test_without_apt_get_the_message_says_where_to_put_the_package(corpus, capsys):
    package = corpus / "packages" / "tunes_1_all.deb"
    package.write_bytes(package.read_bytes()[:-10])
    assert fetch(corpus) == 1
    err = capsys.readouterr().err
    assert f"put tunes_*.deb into {corpus.resolve() / 'packages'}" in err
    assert err.splitlines()[-1] == "training.corpus: incomplete, packages that could not be had: tunes"
    assert len(read_manifest(corpus)) == 2


def test_apt_get_is_asked_for_one_package_at_a_time(corpus, monkeypatch, tmp_path):
    store = tmp_path / "store"
    shutil.move(corpus / "packages", store)
    tool = tmp_path / "apt-get"
    fake_apt_get(tool, store)
    monkeypatch.setattr(shutil, "which", lambda name: str(tool))
    assert fetch(corpus) == 0
    calls = (tmp_path / "store.calls").read_text().split("\n")[:-1]
    assert sorted(calls) == ["download -q packed", "download -q songs", "download -q tunes"]
    assert sorted(path.name for path in (corpus / "packages").iterdir()) == sorted(os.listdir(store))
    assert len(read_manifest(corpus)) == 4


def test_a_failing_apt_get_is_reported_in_its_own_words(tmp_path, monkeypatch):
    tool = tmp_path / "apt-get"
    tool.write_text("#!/bin/sh\necho 'E: Unable to locate package tunes' >&2\nexit 100\n")
    tool.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(tool))
    with pytest.raises(PackageError, match=r"Unable to locate package tunes; run `apt-get update`"):
        debian_music.apt_download("tunes", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["apt-get"]


def test_fetch_writes_nothing_outside_its_folder(corpus, tmp_path):
    (corpus / "train").symlink_to(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert fetch(corpus) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_package_with_a_member_outside_is_one_line_and_exit_1(corpus, tmp_path, capsys):
    make_deb(corpus / "packages" / "tunes_1_all.deb", {"../../evil.ogg": b"evil"})
    assert fetch(corpus) == 1
    err = capsys.readouterr().err
    assert "points outside" in err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("evil*"))


def test_lists_are_sound():
    rows = debian_music.listed_files()
    assert len(rows) == 234
    assert len({row.sha256 for row in rows}) == len({row.file for row in rows}) == 234
    assert len({row.package for row in rows}) == 12
    assert all(row.licence for row in rows)
    assert all(row.file.startswith(f"{row.pool}/{row.package}/") for row in rows)
    assert all(len(row.sha256) == 64 for row in rows)
    tracks = debian_music.listed_tracks(rows)
    assert [sum(row.pool == pool for row in tracks) for pool in ("train", "test")] == [198, 28]


def test_the_test_list_is_what_it_was():
    content = (Path(debian_music.__file__).parent / "lists" / "debian-music-test.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == TEST_LIST


def test_an_artist_has_one_name_however_the_lists_write_it():
    rows = debian_music.listed_files()
    artists = {row.file: row.artist for row in rows}
    assert artists["train/nexuiz-music/calling-bogus.ogg"] == "Gerd (elysis) Raudenbusch"
    assert {row.artist for row in rows if row.package == "fretsonfire-songs-sectoid"} == {
        "Carlos Viola Iborra"
    }
    for row in rows:
        assert "[" not in row.artist
        assert "www." not in row.artist
    written = {artist.casefold() for artist in artists.values()}
    assert len(written) == len(set(artists.values()))
    for nickname in ("elysis", "vanethian", "crystan", "destructavator", "marine", "psymong"):
        assert sum(nickname in artist for artist in written) == 1


def test_every_row_of_the_table_of_artists_is_needed():
    written = {
        (row["package"], row["artist"]) for path in debian_music._LISTS for row in debian_music._table(path)
    }
    assert {(row["package"], row["written"]) for row in debian_music._table(debian_music._ARTISTS)} <= written


def test_a_folder_that_does_not_exist_is_one_line_and_exit_1(tmp_path, capsys):
    assert main(["scan", str(tmp_path / "none")]) == 1
    assert (
        capsys.readouterr().err
        == f"training.corpus: {tmp_path / 'none'}: expected a folder with music, found none\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [[], ["scan"], ["fetch", "other", "x"], ["scan", "x", "--jobs", "0"], ["scan", "x", "--unknown"]],
)
def test_a_usage_error_exits_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize("command", ["fetch", "scan"])
def test_help_shows_an_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"example: python -m training.corpus {command}" in capsys.readouterr().out
