from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfbwe.console import one_line
from tfbwe.storage.addresses import below, file_name, is_address, joined, parent, protocol

NAMES = st.text(
    st.characters(blacklist_characters="/\x00", blacklist_categories=["Cs"]), min_size=1, max_size=12
).filter(lambda name: name not in (".", ".."))


@pytest.mark.parametrize(
    "name", ["s3://bucket/a.mp3", "gs://b", "S3://b/x", "https://host/x?y", "abfs://c@account/x", "file:///x"]
)
def test_addresses(name):
    assert is_address(name)
    assert protocol(name) == name.partition("://")[0].lower()


@pytest.mark.parametrize(
    "name",
    ["-", "", "song.mp3", "C:\\x", "C:/x", "c://x", "a/s3://b", "s3:/bucket", "/s3://x", "3s://x", "://x"],
)
def test_what_is_no_address(name):
    assert not is_address(name)
    assert not is_address(Path(name))


@given(st.lists(NAMES, min_size=1, max_size=4), st.sampled_from(["s3://bucket", "sftp://u@host/x y"]))
def test_names_of_any_letters_are_taken_as_they_stand(parts, top):
    name = joined(f"{top}/", PurePosixPath(*parts))
    assert name == "/".join([top, *parts])
    assert is_address(name)
    assert file_name(name) == parts[-1]
    assert parent(name) == "/".join([top, *parts[:-1], ""])
    assert below(name, top) == below(name, f"{top}/") == PurePosixPath(*parts)
    assert joined(parent(name), PurePosixPath(file_name(name))) == name


@given(st.lists(NAMES.filter(lambda name: "\\" not in name), min_size=1, max_size=4))
def test_names_of_this_machine_are_what_pathlib_makes_of_them(parts):
    path = Path("top", *parts)
    assert joined("top", PurePosixPath(*parts)) == str(path)
    assert (file_name(str(path)), parent(str(path))) == (path.name, str(path.parent))
    assert below(str(path), "top") == PurePosixPath(*parts)


def test_what_signs_a_link_is_no_part_of_its_name():
    assert file_name("https://host/a/b%20c.mp3?X-Signature=a/b.c") == "b%20c.mp3"
    assert file_name("s3://bucket/why?.mp3") == "why?.mp3"
    assert file_name("s3://bucket/a#1.mp3") == "a#1.mp3"


def test_lines_show_no_secrets():
    shown = {
        "sftp://me:word@host/x.wav: gone": "sftp://me:***@host/x.wav: gone",
        "ftp://me:a@b@host/x.wav": "ftp://me:***@host/x.wav",
        "https://host/x.wav?X-Signature=abc&d=e: gone": "https://host/x.wav?...: gone",
        "('https://host/x.wav?token=abc')": "('https://host/x.wav?...')",
        "s3://bucket/who?.wav: gone, at 3:4": "s3://bucket/who?.wav: gone, at 3:4",
        "abfs://container@account/x.wav": "abfs://container@account/x.wav",
    }
    assert {line: one_line(line) for line in shown} == shown
