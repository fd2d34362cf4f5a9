import dataclasses
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.errors import ConfigError
from training.music.manifest import COLUMNS, MANIFEST_NAME, SPLITS, Track, read_manifest, write_manifest

TRACK = Track(
    "a/b.ogg", "a", "train", 16000.0, 44100, 2, 12.5, -14.2, "CC-BY-3.0", "Artist", "Title", 99, 12345
)

text = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), max_size=20)
positive = st.floats(1e-3, 1e6)
tracks = st.builds(
    Track,
    file=text.map(lambda name: f"music/{name}.wav".replace("..", "__").replace("//", "/")),
    track=text,
    split=st.sampled_from(SPLITS),
    bandwidth_hz=positive,
    sample_rate=st.integers(1, 384000),
    channels=st.integers(1, 8),
    seconds=positive,
    loudness_lufs=st.floats(-90, 10) | st.just(-math.inf),
    licence=text,
    artist=text,
    title=text,
    size_bytes=st.integers(0, 2**60),
    mtime_ns=st.integers(0, 2**62),
)


@settings(deadline=None)
@given(st.lists(tracks, max_size=5, unique_by=lambda track: track.file))
def test_what_is_written_is_read_back(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("manifest")
    write_manifest(folder / MANIFEST_NAME, rows)
    assert read_manifest(folder) == sorted(rows, key=lambda row: row.file)
    assert [path.name for path in folder.iterdir()] == [MANIFEST_NAME]


def test_a_file_name_that_is_not_unicode_survives(tmp_path):
    row = dataclasses.replace(TRACK, file=b"caf\xe9.ogg".decode("utf-8", "surrogateescape"))
    write_manifest(tmp_path / MANIFEST_NAME, [row])
    assert read_manifest(tmp_path) == [row]


def test_a_failure_while_writing_leaves_the_old_manifest(tmp_path):
    write_manifest(tmp_path / MANIFEST_NAME, [TRACK])

    def rows():
        yield TRACK
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manifest(tmp_path / MANIFEST_NAME, rows())
    assert read_manifest(tmp_path) == [TRACK]
    assert [path.name for path in tmp_path.iterdir()] == [MANIFEST_NAME]


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../outside.wav"},
        {"file": "/outside.wav"},
        {"file": ""},
        {"split": "dev"},
        {"channels": 0},
        {"seconds": -1.0},
        {"bandwidth_hz": math.nan},
    ],
)
def test_a_row_out_of_range_is_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        dataclasses.replace(TRACK, **change)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "received nothing"),
        ("file,split\n", "scan the folder again"),
        (",".join(COLUMNS) + "\na.wav,a,train\n", "line 2"),
        (",".join(COLUMNS) + "\na.wav,a,train,x,44100,2,9,-14,,,,0,0\n", "line 2"),
        (",".join(COLUMNS) + "\na.wav,a,train,9000,44100,2,9,-14,,,,0,0,0\n", "line 2"),
        (",".join(COLUMNS) + "\n../a.wav,a,train,9000,44100,2,9,-14,,,,0,0\n", "line 2"),
    ],
)
def test_a_damaged_manifest_is_one_error_that_names_file_and_line(tmp_path, content, message):
    path = tmp_path / MANIFEST_NAME
    path.write_text(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_a_missing_manifest_says_how_to_make_one(tmp_path):
    with pytest.raises(ConfigError, match=r"training\.corpus scan"):
        read_manifest(tmp_path)
