"""Tags that are damaged, huge or hostile: the sound goes on, a line says so, memory and time stay bounded."""

from __future__ import annotations

import io
import os
import random
import struct
import tracemalloc
import zlib

import pytest
import soundfile

from tests.helpers.tagged import SOUNDS, frames, png, riff, sound, tagged, with_chunks
from tfbwe.audio.tagging.limits import LIMIT_BYTES
from tfbwe.audio.tags import Tags, read_tags
from tfbwe.audio.writer import Writer
from tfbwe.errors import AudioError

pytest.importorskip("mutagen")
HUGE = b"\xff\xd8\xff\xe0" + bytes(50_000_000)


def synchsafe(number):
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def frame(kind, data, flags=0):
    return kind + synchsafe(len(data)) + struct.pack(">H", flags) + data


def id3(body):
    return b"ID3\x04\x00\x00" + synchsafe(len(body)) + body


def with_long_comments(ogg, length, packet=None):
    """Put many bytes behind the comments of an Ogg file; mutagen would take minutes to write them."""
    from mutagen.ogg import OggPage

    file = io.BytesIO(ogg)
    first, second = OggPage(file), OggPage(file)
    packet = packet or second.packets[0]
    pages, data = [], packet + bytes(length)
    for number, at in enumerate(range(0, len(data), 65025)):
        page = OggPage()
        page.serial, page.sequence, page.position = first.serial, number + 1, -1
        page.packets, page.continued = [data[at : at + 65025]], number > 0
        page.complete = at + 65025 >= len(data)
        pages.append(page.write())
    return first.write() + b"".join(pages) + file.read()


ENDLESS = struct.pack("<II", 10**7, 0) + b"x" * 10**7
ENDLESS += b"APETAGEX" + struct.pack("<4I8x", 2000, len(ENDLESS) + 32, 1, 0)
HOSTILE = {
    "compressed": id3(frame(b"TXXX", struct.pack(">I", 10**9) + zlib.compress(bytes(10**6)), 0x0009)),
    "compressed in a chapter": id3(
        frame(b"CHAP", b"c\0" + bytes(16) + frame(b"TIT2", bytes(4) + zlib.compress(bytes(10**6)), 0x0009))
    ),
    "many frames": id3(frame(b"TIT2", b"\0") * 1_500_000),
    "many values": id3(frame(b"TXXX", b"\3" + bytes(2_000_000))),
    "many events": id3(frame(b"ETCO", b"\2" + bytes(2_000_000))),
    "names without an end": b"",
    "chapters in chapters": id3(frame(b"CHAP", (b"c\0" + bytes(16) + b"CHAP\0\0\1\0\0\0") * 200)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_tag_made_to_keep_a_reader_busy_is_refused_unread(tmp_path, name):
    source, out = sound(tmp_path / "in.mp3"), sound(tmp_path / "out.mp3")
    source.write_bytes(HOSTILE[name] + source.read_bytes() + (ENDLESS if not HOSTILE[name] else b""))
    before = out.read_bytes()
    tags = read_tags(source)
    if name != "chapters in chapters":  # cut short, that one is no chapter at all
        assert tags.problem.startswith("tags cannot be read (")
    for line in tags.write(out):
        assert "\n" not in line
    assert soundfile.info(out).frames > 40000
    assert out.read_bytes() == before or not tags.problem


@pytest.mark.parametrize("kind", ["ogg", "opus", "flac"])
def test_millions_of_comments_are_refused_before_they_fill_memory(tmp_path, kind):
    source = sound(tmp_path / f"in.{kind}", 48000)
    whole = source.read_bytes()
    comments = struct.pack("<II", 0, 3_000_000) + bytes(12_000_000)
    if kind == "flac":
        source.write_bytes(whole[:42] + struct.pack(">I", 0x04000000 + len(comments)) + comments + whole[42:])
    else:
        mark = b"\x03vorbis" if kind == "ogg" else b"OpusTags"
        source.write_bytes(with_long_comments(whole, 0, mark + comments))
    tracemalloc.start()
    tags = read_tags(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more fields or values than any song has" in tags.problem
    assert peak < 2 * LIMIT_BYTES


def test_many_values_of_one_field_are_refused(tmp_path):
    values = b"\0".join(b"%d" % n for n in range(20_000))
    source = sound(tmp_path / "in.mp3")
    source.write_bytes(id3(frame(b"TXXX", b"\3x\0" + values)) + source.read_bytes())
    assert "more fields or values" in read_tags(source).problem


@pytest.mark.parametrize("kind", SOUNDS)
def test_a_cover_of_50_mb_is_not_read_into_memory_and_a_line_says_so(tmp_path, kind):

    source = sound(tmp_path / f"in.{kind}", 48000)
    whole = source.read_bytes()
    cover = id3(frame(b"APIC", b"\0image/jpeg\0\3\0" + HUGE))
    if kind == "mp3":
        source.write_bytes(cover + whole)
    elif kind == "wav":
        with_chunks(source, riff(b"id3 ", cover))
    elif kind == "aiff":
        with_chunks(source, b"ID3 " + struct.pack(">I", len(cover)) + cover, order=">")
    elif kind == "flac":
        block = struct.pack(">I", 0x06FFFFF0) + struct.pack(">8I", *[0] * 7, 0xFFFFD0) + bytes(0xFFFFD0)
        source.write_bytes(whole[:42] + block * 4 + whole[42:])
    else:
        source.write_bytes(with_long_comments(whole, 60_000_000))
    tracemalloc.start()
    tags = read_tags(source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tags.problem == "tags cannot be read (larger than 15 MB), and are left out"
    assert peak < 4 * LIMIT_BYTES
    assert tags.write(tmp_path / "out.none") == [tags.problem]


def test_a_cover_of_14_mb_is_kept_from_format_to_format(tmp_path):
    from mutagen.id3 import APIC

    tag = frames()
    tag.add(APIC(mime="image/png", type=4, desc="large", data=png() + bytes(14_000_000)))
    tag.save(sound(tmp_path / "in.mp3"))
    for name in ("1.flac", "2.ogg", "3.wav", "4.mp3"):
        (line,) = read_tags(tmp_path / "in.mp3").write(sound(tmp_path / name))
        assert "not kept" not in line
        assert "back cover: image/png, 30 x 20, 14.0 MB" in read_tags(tmp_path / name).pictures


@pytest.mark.parametrize("kind", SOUNDS)
def test_damage_of_any_kind_stops_no_sound_and_is_said_or_harmless(tmp_path, kind):
    source = tagged(tmp_path / f"in.{kind}", rate=48000, seconds=0.3)
    whole = source.read_bytes()
    clean = sound(tmp_path / f"clean.{kind}", 48000, 0.3).read_bytes()
    rng = random.Random(kind)
    broken = 0
    for trial in range(60):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 3, 30))):
            span = min(len(data), 3000)
            at = rng.randrange(span)
            data[at if kind not in ("wav", "aiff") else len(data) - 1 - at] = rng.randrange(256)
        source.write_bytes(data if trial % 3 else data[: rng.randrange(len(data))])
        out = tmp_path / f"out.{kind}"
        out.write_bytes(clean)
        tags = read_tags(source)
        broken += bool(tags.problem)
        for line in tags.write(out):
            assert line.isprintable()
        assert soundfile.info(out).frames > 10000
    if kind in ("flac", "ogg", "opus"):
        assert broken


def test_names_from_a_file_are_shown_without_what_a_terminal_obeys_and_in_one_short_line(tmp_path):
    fields = {f"\x1b[31mevil\nname {n} " + "x" * 200: "v" for n in range(100)}
    path = tmp_path / "out.au"
    soundfile.write(path, [0.0] * 100, 44100)
    (line,) = Tags.of(fields).write(path)
    assert line.isprintable()
    assert "evil name" in line
    assert line.endswith("and 80 more")
    assert len(line) < 2000


def test_a_damaged_frame_is_named_and_the_others_are_kept(tmp_path):
    source = sound(tmp_path / "in.mp3")
    body = frame(b"TIT2", b"\3Verse") + frame(b"RVA2", b"") + frame(b"APIC", b"\3")
    source.write_bytes(id3(body) + source.read_bytes())
    tags = read_tags(source)
    assert tags.write(sound(tmp_path / "out.mp3")) == ["not kept: damaged frame APIC"]
    assert read_tags(tmp_path / "out.mp3").text == {"title": "Verse"}


def test_a_full_disk_while_tags_are_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(mutagen, file, held):
        file.seek(0)
        file.write(b"half a tag")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tfbwe.audio.tags.write", full)
    with (
        pytest.raises(AudioError, match=r"x\.wav: cannot be written: its tags: .*No space left"),
        Writer(tmp_path / "x.wav", 44100, 1, container="WAV", subtype="PCM_16", tags=Tags.of({"title": "T"})),
    ):
        pass
    assert os.listdir(tmp_path) == []


def test_tags_that_cannot_be_written_are_said_while_the_file_is_whole(tmp_path, monkeypatch):
    def fails(mutagen, file, held):
        raise ValueError("no such frame")

    monkeypatch.setattr("tfbwe.audio.tags.write", fails)
    path = sound(tmp_path / "out.mp3")
    assert Tags.of({"title": "T"}).write(path) == ["tags cannot be written (no such frame), and are left out"]


def test_a_wav_that_is_full_takes_no_more_chunks_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("tfbwe.audio.tagging.chunks._MOST_32_BITS", 90_000)
    path = sound(tmp_path / "out.wav", channels=1)
    before = path.read_bytes()
    lines = Tags.of({"title": "T", "comment": "c" * 5000}).write(path)
    assert lines == ["not kept: chunk INFO, as the file is full, chunk id3, as the file is full"]
    assert path.read_bytes()[:-1] == before or path.read_bytes() == before
