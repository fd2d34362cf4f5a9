"""Tags and pictures from file to file, as ffprobe and plain bytes show them."""

from __future__ import annotations

import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile

from tests.helpers import tagged as made
from tests.helpers.tagged import FFPROBE, GAIN, SOUNDS, VALUES, probed, sound, tagged, with_chunks
from tfbwe.audio import tags as tags_module
from tfbwe.audio.tags import Tags, read_tags

mutagen = pytest.importorskip("mutagen")
needs_ffprobe = pytest.mark.skipif(FFPROBE is None, reason="needs ffprobe, the reader that is not ours")
PAIRS = [(kind, kind) for kind in SOUNDS]
PAIRS += [
    ("mp3", "flac"),
    ("flac", "mp3"),
    ("mp3", "opus"),
    ("wav", "flac"),
    ("ogg", "flac"),
    ("flac", "aiff"),
]
MORE = {"m4a": "aac", "wma": "wmav2", "wv": "wavpack"}
GAIN_LINE = "left out, as it no longer fits the sound: "


def carried(source, out, rate=44100):
    """Read the tags of a file and write them into a new sound; return the lines."""
    sound(out, rate)
    return read_tags(source).write(out)


def rates(*kinds):
    return 48000 if "opus" in kinds else 44100


def extended_by_ffmpeg(path, codec):
    source = sound(path.with_suffix(".wav"))
    command = ["ffmpeg", "-v", "error", "-y", "-i", source, "-map_metadata", "-1", "-c:a", codec, path]
    subprocess.run(command, check=True)
    return path


def holds(texts, value):
    return any(value in text for text in texts.values())


@needs_ffprobe
@pytest.mark.parametrize(("kind", "out"), PAIRS)
def test_every_text_and_the_cover_are_kept_and_gain_is_left_out_and_said(tmp_path, kind, out):
    source = tagged(tmp_path / f"in.{kind}", rate=rates(kind))
    path = tmp_path / f"out.{out}"
    lines = carried(source, path, rates(kind, out))
    texts, pictures = probed(path)
    assert pictures == [(30, 20)]
    data = path.read_bytes()
    for values in VALUES.values():
        for value in values:
            # Of the values of an ID3 frame ffprobe shows the first, and of the tags of a WAV file one.
            assert holds(texts, value) or value.encode() in data, value
    assert not holds(texts, GAIN)
    assert not holds(texts, "yore")
    assert GAIN.encode() not in data
    assert any("ReplayGain" in line and line.startswith(GAIN_LINE) for line in lines)
    assert not any("encoder" in line for line in lines)
    assert soundfile.info(path).frames > 40000


@needs_ffprobe
@pytest.mark.parametrize("kind", SOUNDS)
def test_between_files_of_one_kind_ffprobe_sees_no_difference(tmp_path, kind):
    source = tagged(tmp_path / f"in.{kind}", rate=rates(kind))
    carried(source, tmp_path / f"out.{kind}", rates(kind))
    before, after = probed(source)[0], probed(tmp_path / f"out.{kind}")[0]
    for texts in (before, after):
        for name in ("encoder", "encoded_by", "replaygain_track_gain"):
            texts.pop(name, None)
    assert after == before


@needs_ffprobe
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg to make such files")
@pytest.mark.parametrize("kind", MORE)
def test_files_that_ffmpeg_makes_take_tags_too(tmp_path, kind):
    source = tagged(tmp_path / "in.mp3")
    path = extended_by_ffmpeg(tmp_path / f"out.{kind}", MORE[kind])
    read_tags(source).write(path)
    texts, pictures = probed(path)
    kept = {name: values for name, values in VALUES.items() if name not in ("artist", "bpm")}
    assert all(holds(texts, value) for values in kept.values() for value in values)
    assert pictures == [(30, 20)] or kind == "wv"  # ffprobe shows no picture of WavPack
    found = read_tags(path)
    assert found.pictures == ["cover: image/png, 30 x 20, 1 kB"]
    assert {name: found.held.common.fields.get(name) for name in VALUES} == VALUES
    again = extended_by_ffmpeg(tmp_path / f"again.{kind}", MORE[kind])
    found.write(again)
    assert probed(again) == (texts, pictures)
    back = tmp_path / "back.flac"
    carried(path, back)
    assert all(holds(probed(back)[0], value) for values in VALUES.values() for value in values)
    assert probed(back)[1] == [(30, 20)]


@pytest.mark.parametrize("kind", ["webm", "au", "w64"])
def test_a_container_without_tags_has_every_field_named(tmp_path, kind):
    path = tmp_path / f"out.{kind}"
    if kind == "webm":
        path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    else:
        soundfile.write(path, np.zeros((100, 1)), 44100)
    before = path.read_bytes()
    (lost, _) = read_tags(tagged(tmp_path / "in.mp3")).write(path)
    assert lost.startswith("not kept, as this container holds no tags (.flac, ")
    assert all(name in lost for name in VALUES)
    assert "cover: image/png" in lost
    assert path.read_bytes() == before


def test_matroska_and_annotations_are_named_when_they_are_lost(tmp_path):
    (tmp_path / "x.mka").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    assert "Matroska" in carried(tmp_path / "x.mka", tmp_path / "1.flac")[0]
    note = b"a note on it\0\0\0\0"
    (tmp_path / "x.au").write_bytes(
        b".snd" + struct.pack(">5I", 24 + len(note), 4, 3, 44100, 1) + note + bytes(4)
    )
    assert carried(tmp_path / "x.au", tmp_path / "2.flac") == ["not kept: annotation"]


@pytest.mark.parametrize("rate", [44100, 22050])
def test_chunks_of_a_wav_are_kept_and_places_in_samples_at_the_same_rate_alone(tmp_path, rate):
    cue = made.riff(b"cue ", struct.pack("<I", 1) + struct.pack("<2I4s3I", 1, 0, b"data", 0, 0, 999))
    label = made.riff(b"LIST", b"adtl" + made.riff(b"labl", struct.pack("<I", 1) + b"verse\0"))
    source = with_chunks(
        sound(tmp_path / "in.wav", rate), made.bext(time=rate), cue, label, made.riff(b"axml", b"<a/>")
    )
    lines = carried(source, tmp_path / "out.wav")
    data = (tmp_path / "out.wav").read_bytes()
    at = data.index(b"bext") + 8
    assert data[at:].startswith(made.BEXT_TEXT.encode())
    assert struct.unpack_from("<Q", data, at + 338) == (44100,), "one second, at the new rate"
    assert struct.unpack_from("<5h", data, at + 412) == (0x7FFF,) * 5
    assert b"<a/>" in data
    assert (cue in data) == (label in data) == (rate == 44100)
    assert GAIN_LINE + "loudness (bext)" in lines
    assert any("not kept: cue points (cue), as its places" in line for line in lines) == (rate != 44100)
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    assert soundfile.info(tmp_path / "out.wav").frames == 44100


def test_broadcast_data_of_a_wav_becomes_free_text_elsewhere_and_the_rest_is_named(tmp_path):
    lines = carried(with_chunks(sound(tmp_path / "in.wav"), made.bext()), tmp_path / "out.flac")
    assert lines == ["not kept: time, identifier and loudness of the broadcast data (bext)"]
    assert read_tags(tmp_path / "out.flac").text["bext_description"] == made.BEXT_TEXT


def test_chapters_stay_in_id3_and_are_named_where_they_cannot(tmp_path):
    from mutagen import id3

    tag = made.frames()
    title = id3.TIT2(encoding=3, text=["Verse"])
    tag.add(id3.CHAP(element_id="c1", start_time=0, end_time=500, sub_frames=[title]))
    tag.add(id3.POPM(email="a@b", rating=200))
    tag.add(id3.RVA2(desc="track", channel=1, gain=-3.0, peak=0.9))
    tag.save(sound(tmp_path / "in.mp3"))
    (line,) = carried(tmp_path / "in.mp3", tmp_path / "out.mp3")
    assert line.startswith(GAIN_LINE)
    kept = id3.ID3(tmp_path / "out.mp3")
    assert kept["CHAP:c1"].sub_frames["TIT2"].text == ["Verse"]
    assert kept["POPM:a@b"].rating == 200
    assert "RVA2:track" not in kept
    lines = carried(tmp_path / "in.mp3", tmp_path / "out.flac")
    assert lines[0] == "not kept: rating (POPM), chapters (CHAP)"


def test_older_id3_stays_what_it_is_with_frames_that_nobody_knows(tmp_path):
    unknown = b"XYZZ" + struct.pack(">IH", 5, 0) + b"magic"
    text = (
        b"TYER"
        + struct.pack(">IH", 5, 0)
        + b"\0"
        + b"1999"
        + b"TIT2"
        + struct.pack(">IH", 3, 0)
        + b"\0"
        + b"Ab"
    )
    body = text + unknown
    head = b"ID3\x03\x00\x00" + bytes([0, 0, 0, len(body)])
    source = sound(tmp_path / "in.mp3")
    old = b"TAG" + b"Ab".ljust(30, b"\0") + bytes(60) + b"1999" + bytes(30) + b"\x20"
    source.write_bytes(head + body + source.read_bytes() + old)
    assert carried(source, tmp_path / "out.mp3") == []
    data = (tmp_path / "out.mp3").read_bytes()
    assert data[:4] == b"ID3\x03"
    assert unknown in data
    assert b"TYER" in data
    assert data[-128:-123] == b"TAGAb"
    assert carried(source, tmp_path / "out.flac") == ["not kept: XYZZ"]
    assert read_tags(tmp_path / "out.flac").text["date"] == "1999"


def test_what_lies_behind_an_mp3_is_kept_but_for_its_gain(tmp_path):
    from mutagen.apev2 import APEv2

    source = sound(tmp_path / "in.mp3")
    made.frames().save(source)
    tag = APEv2()
    tag["MP3GAIN_MINMAX"], tag["Title"], tag["Producer"] = "100,200", VALUES["title"][0], "Somebody"
    tag.save(source)
    (line,) = carried(source, tmp_path / "out.mp3")
    assert "ReplayGain" in line
    assert read_tags(tmp_path / "out.mp3").text["producer"] == "Somebody"
    assert b"MP3GAIN" not in (tmp_path / "out.mp3").read_bytes()


@pytest.mark.parametrize("rate", [44100, 22050])
def test_the_cue_sheet_of_a_flac_is_kept_at_the_same_rate_alone_and_application_data_always(tmp_path, rate):
    from mutagen.flac import FLAC, CueSheet, MetadataBlock

    file = FLAC(sound(tmp_path / "in.flac", rate))
    sheet, data = CueSheet(None), MetadataBlock(b"abcdSomething")
    data.code = 2
    sheet.media_catalog_number, sheet.compact_disc, sheet.lead_in_samples = b"123", False, 0
    file.metadata_blocks += [sheet, data]
    file.save()
    lines = carried(tmp_path / "in.flac", tmp_path / "out.flac")
    held = FLAC(tmp_path / "out.flac")
    assert (held.cuesheet is not None) == (rate == 44100)
    assert bool(lines) == (rate != 44100)
    assert b"abcdSomething" in (tmp_path / "out.flac").read_bytes()
    assert "cue sheet" in carried(tmp_path / "in.flac", tmp_path / "out.mp3")[0]


def test_the_gain_in_the_header_of_an_opus_file_is_in_the_sound_already_and_not_carried_over(tmp_path):
    source = tagged(tmp_path / "in.opus", rate=48000)
    data = bytearray(source.read_bytes())
    before = np.abs(soundfile.read(source)[0]).max()
    at = data.index(b"OpusHead") + 16
    data[at : at + 2] = struct.pack("<h", -6 * 256)
    import io

    from mutagen.ogg import OggPage

    page = OggPage(io.BytesIO(bytes(data)))
    data[: page.size] = page.write()
    source.write_bytes(data)
    assert np.abs(soundfile.read(source)[0]).max() == pytest.approx(before / 2, rel=0.01)
    carried(source, tmp_path / "out.opus", 48000)
    out = (tmp_path / "out.opus").read_bytes()
    assert out[out.index(b"OpusHead") + 16 :][:2] == b"\0\0"


def test_without_mutagen_one_line_says_how_to_keep_tags(tmp_path, monkeypatch):
    source = tagged(tmp_path / "in.mp3")
    monkeypatch.setattr(tags_module, "_mutagen", lambda: None)
    assert carried(source, tmp_path / "out.mp3") == [
        "tags are left out, as mutagen is not installed; to keep them: pip install mutagen"
    ]


def test_a_file_without_tags_gets_none_and_nothing_is_said(tmp_path):
    for kind in SOUNDS:
        path = sound(tmp_path / f"out.{kind}", rates(kind))
        before = path.read_bytes()
        lines = read_tags(sound(tmp_path / f"in.{kind}", rates(kind))).write(path)
        assert lines == []
        assert path.read_bytes() == before or kind == "ogg"
    assert Tags().write(tmp_path / "out.mp3") == []
