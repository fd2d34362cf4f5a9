import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.errors import ConfigError
from training.music import debian_music
from training.music.layouts import find_sources, sound_files
from training.music.splits import MOST_VALID, VALID_SHARE, held_out_artists, split_by_hash


def plant(root: Path, *files: str) -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def splits(root: Path) -> dict[str, str]:
    return {source.file: source.split for source in find_sources(root)[1]}


@settings(deadline=None)
@given(st.text(max_size=30))
def test_a_split_depends_on_nothing_but_the_name(name):
    assert split_by_hash(name) == split_by_hash(name) in ("train", "valid")
    assert split_by_hash("Caf\u00e9") == split_by_hash("CAFE\u0301")


def test_about_eight_percent_of_names_are_valid():
    share = sum(split_by_hash(f"track {number}") == "valid" for number in range(20000)) / 20000
    assert abs(share - VALID_SHARE) < 0.01


def test_musdb18_hq_gives_mixtures_with_the_authors_split(tmp_path):
    for track in ("train/A - One", "train/Leaf - Summerghost", "test/B - Two"):
        plant(tmp_path, f"{track}/mixture.wav", f"{track}/vocals.wav", f"{track}/bass.wav")
    layout, sources = find_sources(tmp_path)
    assert layout == "musdb18-hq"
    assert [(source.split, source.artist, source.title) for source in sources] == [
        ("test", "B", "Two"),
        ("train", "A", "One"),
        ("valid", "Leaf", "Summerghost"),
    ]


def test_a_data_set_is_known_from_the_folder_around_it(tmp_path):
    plant(tmp_path, "musdb18hq/train/A - One/mixture.wav", "musdb18hq/train/A - One/bass.wav")
    assert find_sources(tmp_path)[0] == "musdb18-hq"
    assert len(find_sources(tmp_path)[1]) == 1


def test_dsd100_gives_mixtures_and_keeps_its_test_half(tmp_path):
    plant(tmp_path, "Sources/Dev/051 - A - One/bass.wav")
    plant(tmp_path, *(f"Mixtures/Dev/{number:03d} - A{number} - T/mixture.wav" for number in range(51, 101)))
    plant(tmp_path, *(f"Mixtures/Test/{number:03d} - A{number} - T/mixture.wav" for number in range(1, 51)))
    layout, sources = find_sources(tmp_path)
    assert layout == "dsd100"
    assert len(sources) == 100
    assert all((source.split == "test") == ("/Test/" in source.file) for source in sources)
    assert sources[-1].artist == "A50"


def test_medleydb_gives_mixes_and_never_parts_an_artist(tmp_path):
    songs = [f"{artist}_{title}" for artist in "ABCDEFGHIJKLMNOP" for title in ("One", "Two", "Three")]
    for song in songs:
        plant(tmp_path, f"Audio/{song}/{song}_MIX.wav", f"Audio/{song}/{song}_STEMS/{song}_STEM_01.wav")
    layout, sources = find_sources(tmp_path)
    assert layout == "medleydb"
    assert len(sources) == len(songs)
    by_artist = {artist: {s.split for s in sources if s.artist == artist} for artist in "ABCDEFGHIJKLMNOP"}
    assert all(len(found) == 1 for found in by_artist.values())
    assert set().union(*by_artist.values()) == {"train", "valid"}


def test_maestro_takes_the_split_of_its_table(tmp_path):
    plant(tmp_path, "2004/a.wav", "2004/b.wav", "2006/c.wav", "2006/unnamed.wav")
    (tmp_path / "maestro-v3.0.0.csv").write_text(
        "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"
        "Bach,Fugue,train,2004,2004/a.midi,2004/a.wav,9\n"
        "Berg,Sonata,validation,2004,2004/b.midi,2004/b.wav,9\n"
        "Haydn,Sonata,test,2006,2006/c.midi,2006/c.wav,9\n"
        "Haydn,Absent,test,2006,2006/d.midi,2006/d.wav,9\n"
    )
    assert find_sources(tmp_path)[0] == "maestro"
    assert splits(tmp_path) == {"2004/a.wav": "train", "2004/b.wav": "valid", "2006/c.wav": "test"}


def test_a_maestro_table_with_other_columns_is_one_error(tmp_path):
    plant(tmp_path, "2004/a.wav")
    (tmp_path / "maestro-v3.0.0.csv").write_text("name,file\na,2004/a.wav\n")
    with pytest.raises(ConfigError, match="expected a column audio_filename"):
        find_sources(tmp_path)


def test_fma_takes_split_licence_and_artist_of_the_metadata_beside_it(tmp_path):
    plant(tmp_path, "fma_small/000/000002.mp3", "fma_small/000/000005.mp3", "fma_small/001/001001.mp3")
    (tmp_path / "fma_metadata").mkdir()
    (tmp_path / "fma_metadata" / "tracks.csv").write_text(
        ",artist,set,track,track\n,name,split,license,title\ntrack_id,,,,\n"
        "2,Ann,training,CC-BY,Food\n5,Ben,validation,CC-BY,Drink\n1001,Cy,test,CC-BY,Night\n"
    )
    for folder in (tmp_path, tmp_path / "fma_small"):
        layout, sources = find_sources(folder)
        assert layout == "fma"
        assert [source.split for source in sources] == ["train", "valid", "test"]
        assert sources[0].artist == "Ann"
        assert sources[0].licence == "CC-BY"


def test_fma_without_metadata_goes_by_track_number(tmp_path):
    plant(tmp_path, "000/000002.mp3", "155/155320.mp3")
    layout, sources = find_sources(tmp_path)
    assert layout == "fma"
    assert sorted(source.split for source in sources) == ["train", "valid"]


def test_mtg_jamendo_takes_the_authors_split_for_all_of_an_artists_tracks(tmp_path):
    plant(tmp_path, "00/100.mp3", "01/201.mp3", "01/301.low.mp3", "02/402.mp3")
    lists = tmp_path / "data" / "splits" / "split-0"
    lists.mkdir(parents=True)
    head = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS\n"
    row = "track_{0:07d}\tartist_{1:06d}\talbum_000001\t{2}\t99.0\tgenre---rock\n"
    (lists / "autotagging-train.tsv").write_text(head + row.format(100, 1, "00/100.mp3"))
    (lists / "autotagging-validation.tsv").write_text(head + row.format(201, 2, "01/201.mp3"))
    (lists / "autotagging-test.tsv").write_text(head + row.format(301, 3, "01/301.mp3"))
    (tmp_path / "data" / "raw_30s.tsv").write_text(head + row.format(402, 3, "02/402.mp3"))
    assert find_sources(tmp_path)[0] == "mtg-jamendo"
    assert splits(tmp_path) == {
        "00/100.mp3": "train",
        "01/201.mp3": "valid",
        "01/301.low.mp3": "test",
        "02/402.mp3": "test",
    }


def test_debian_music_keeps_the_lists_split_and_leaves_stems_out(tmp_path):
    tracks = debian_music.listed_tracks(debian_music.listed_files())
    plant(tmp_path, *(row.file for row in tracks), "train/x/song.ogg", "train/x/guitar.ogg")
    layout, sources = find_sources(tmp_path)
    assert layout == "debian-music"
    assert {source.file for source in sources} == {row.file for row in tracks}
    assert all((source.split == "test") == source.file.startswith("test/") for source in sources)
    for source in sources[::3]:
        (tmp_path / source.file).unlink()
    assert splits(tmp_path).items() <= {source.file: source.split for source in sources}.items()


def test_debian_music_validates_on_whole_artists_whom_the_test_list_lacks(tmp_path):
    tracks = debian_music.listed_tracks(debian_music.listed_files())
    plant(tmp_path, *(row.file for row in tracks))
    sources = find_sources(tmp_path)[1]
    of = {split: [s for s in sources if s.split == split] for split in ("train", "valid", "test")}
    artists = {split: {source.artist for source in found} for split, found in of.items()}
    assert "" not in artists["valid"]
    assert not artists["valid"] & (artists["train"] | artists["test"])
    assert not {source.track for source in of["valid"]} & {source.track for source in of["train"]}
    assert VALID_SHARE <= len(of["valid"]) / len(of["train"] + of["valid"]) <= MOST_VALID
    assert len({source.file.split("/")[1] for source in of["valid"]}) == 4
    assert len(artists["valid"]) == 8


def listed(pool: str, package: str, *artists: str) -> list[debian_music.Listed]:
    return [
        debian_music.Listed(pool, package, f"{pool}/{package}/{number}.ogg", "CC0", artist, "", "")
        for number, artist in enumerate(artists)
    ]


def test_packages_take_turns_in_holding_artists_out():
    one, two = ([f"{name} {number}" for number in range(25)] for name in ("one", "two"))
    chosen = held_out_artists(listed("train", "a", *one) + listed("train", "b", *two))
    assert [sum(artist.startswith(name) for artist in chosen) for name in ("one", "two")] == [2, 2]


def test_artists_who_are_not_to_be_held_out_never_are():
    rows = listed("train", "a", *["often"] * 11, *["known"] * 2, *[""] * 5, "one & other", "one", "other")
    rows += listed("train", "b", *["fit"] * 4, *["large"] * 26) + listed("test", "a", "known", "fit one")
    assert held_out_artists(rows) == {"fit"}
    assert held_out_artists([row for row in rows if row.artist != "fit"]) == frozenset()


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("pqrstuvwxyz")), max_size=60), st.randoms())
def test_held_out_artists_never_exceed_a_tenth_and_do_not_depend_on_order(pairs, rng):
    rows = [row for package, artist in pairs for row in listed("train", package, f"{package}{artist}")]
    chosen = held_out_artists(rows)
    assert sum(row.artist in chosen for row in rows) <= MOST_VALID * len(rows)
    rng.shuffle(rows)
    assert held_out_artists(rows) == chosen


def test_a_tree_never_parts_an_artist_and_keeps_its_splits_when_files_go(tmp_path):
    files = [
        f"music/artist {a}/album {b}/song {c}.flac" for a in range(60) for b in range(2) for c in range(2)
    ]
    plant(tmp_path, *files)
    layout, before = find_sources(tmp_path)
    assert layout == "tree"
    of_artist: dict[str, set[str]] = {}
    for source in before:
        of_artist.setdefault(source.file.split("/")[1], set()).add(source.split)
    assert all(len(found) == 1 for found in of_artist.values())
    assert set().union(*of_artist.values()) == {"train", "valid"}
    for file in random.Random(1).sample(files, 100):
        (tmp_path / file).unlink()
    after = splits(tmp_path)
    assert after.items() <= {source.file: source.split for source in before}.items()


def test_one_song_in_two_formats_is_one_track(tmp_path):
    plant(tmp_path, *(f"song {number}.{suffix}" for number in range(50) for suffix in ("wav", "mp3")))
    found = splits(tmp_path)
    assert all(found[f"song {number}.wav"] == found[f"song {number}.mp3"] for number in range(50))


def test_folders_named_after_splits_decide(tmp_path):
    plant(tmp_path, "Train/a/1.wav", "Train/b/2.wav", "validation/c/3.wav", "test/d.wav")
    assert splits(tmp_path) == {
        "Train/a/1.wav": "train",
        "Train/b/2.wav": "train",
        "validation/c/3.wav": "valid",
        "test/d.wav": "test",
    }


@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_small_folder_still_has_something_to_validate_on(tmp_path, count):
    plant(tmp_path, *(f"song {number}.wav" for number in range(count)))
    assert set(splits(tmp_path).values()) == {"train", "valid"}


def test_a_single_song_is_for_training(tmp_path):
    plant(tmp_path, "album/song.wav")
    assert splits(tmp_path) == {"album/song.wav": "train"}


def test_hidden_files_and_other_files_are_no_music(tmp_path):
    plant(tmp_path, "a.WAV", ".b.wav", ".cache/c.wav", "cover.jpg", "d.aiff")
    assert sound_files(tmp_path) == ["a.WAV", "d.aiff"]


def test_a_folder_that_does_not_exist_is_one_error(tmp_path):
    with pytest.raises(ConfigError, match="expected a folder"):
        find_sources(tmp_path / "none")
