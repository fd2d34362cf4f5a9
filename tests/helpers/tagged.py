"""Sound files with every kind of tag, made by mutagen's own means, and readers that are not ours."""

from __future__ import annotations

import base64
import io
import json
import shutil
import struct
import subprocess
import zlib

import numpy as np
import soundfile

FFPROBE = shutil.which("ffprobe")
VALUES = {
    "title": ["Träumerei 夢 Мечта"],
    "artist": ["Clara Šumánová", "Роберт"],
    "album": ["Kinderszenen"],
    "albumartist": ["Various Hands"],
    "tracknumber": ["3"],
    "tracktotal": ["12"],
    "date": ["1838"],
    "genre": ["Piano Solo"],
    "comment": ["played slowly"],
    "lyrics": ["la la la\nlu lu lu"],
    "composer": ["R. Schumann"],
    "isrc": ["DEAB11800001"],
    "bpm": ["97"],
    "copyright": ["public domain"],
    "label": ["Breitkopf"],
    "mood": ["Calm"],
    "my own field": ["anything at all"],
    "musicbrainz_albumid": ["11111111-2222-3333-4444-555555555555"],
}
GAIN = "-7.77 dB"
SOUNDS = {
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "wav": ("WAV", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
}
BEXT_TEXT = "slate 7 take 3"


def png(width=30, height=20):
    """A picture, not from any library."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + bytes([255, 0, row]) * width for row in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def sound(path, rate=44100, seconds=1.0, channels=2):
    """Band-limited noise in the format that a name stands for."""
    n = round(rate * seconds)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal((channels, n)))
    spectrum[:, np.fft.rfftfreq(n, 1 / rate) > 5000] = 0
    x = np.fft.irfft(spectrum, n)
    container, subtype = SOUNDS[path.suffix[1:]]
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.3 * (x / np.abs(x).max()).T, rate, format=container, subtype=subtype)
    return path


def frames():
    """Frames of ID3v2.4 with every value."""
    from mutagen import id3

    texts = {
        "TIT2": "title",
        "TPE1": "artist",
        "TALB": "album",
        "TPE2": "albumartist",
        "TDRC": "date",
        "TCON": "genre",
        "TCOM": "composer",
        "TSRC": "isrc",
        "TBPM": "bpm",
        "TCOP": "copyright",
        "TPUB": "label",
        "TMOO": "mood",
    }
    tag = id3.ID3()
    for kind, name in texts.items():
        tag.add(id3.Frames[kind](encoding=3, text=VALUES[name]))
    tag.add(id3.TRCK(encoding=3, text="3/12"))
    tag.add(id3.COMM(encoding=3, lang="eng", desc="", text=VALUES["comment"]))
    tag.add(id3.USLT(encoding=3, lang="eng", desc="", text=VALUES["lyrics"][0]))
    tag.add(id3.TXXX(encoding=3, desc="my own field", text=VALUES["my own field"]))
    tag.add(id3.TXXX(encoding=3, desc="MusicBrainz Album Id", text=VALUES["musicbrainz_albumid"]))
    tag.add(id3.TXXX(encoding=3, desc="REPLAYGAIN_TRACK_GAIN", text=[GAIN]))
    tag.add(id3.TSSE(encoding=3, text=["Encoder of yore"]))
    tag.add(id3.APIC(encoding=3, mime="image/png", type=3, desc="front", data=png()))
    return tag


def comments():
    """Vorbis comments with every value."""
    pairs = [(name.upper(), value) for name, values in VALUES.items() for value in values]
    return [*pairs, ("REPLAYGAIN_TRACK_GAIN", GAIN), ("ENCODER", "Encoder of yore")]


def riff(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def with_chunks(path, *chunks, order="<"):
    """Add chunks to the end of a WAV or AIFF file."""
    data = path.read_bytes() + b"".join(chunks)
    path.write_bytes(data[:4] + struct.pack(order + "I", len(data) - 8) + data[8:])
    return path


def bext(version=2, time=44100, loudness=-2300):
    head = BEXT_TEXT.encode().ljust(256, b"\0") + b"recorder".ljust(32, b"\0") + bytes(32)
    head += b"2024-05-06" + b"07:08:09" + struct.pack("<QH", time, version) + bytes(range(64))
    return riff(b"bext", head + struct.pack("<5h", *[loudness] * 5) + bytes(180) + b"A=PCM,F=44100\r\n")


def tagged(path, **more):
    """A sound with every value, a cover and ReplayGain, as its format holds them."""
    from mutagen.flac import FLAC, Picture
    from mutagen.oggopus import OggOpus
    from mutagen.oggvorbis import OggVorbis

    sound(path, **more)
    kind = path.suffix[1:]
    picture = Picture()
    picture.type, picture.mime, picture.desc, picture.data = 3, "image/png", "front", png()
    picture.width, picture.height = 30, 20
    if kind == "mp3":
        frames().save(path)
    elif kind in ("wav", "aiff"):
        held = io.BytesIO()
        frames().save(held, padding=lambda info: 0)
        if kind == "wav":
            info = riff(b"INAM", VALUES["title"][0].encode() + b"\0") + riff(b"ISFT", b"Editor of yore\0")
            with_chunks(path, riff(b"LIST", b"INFO" + info), bext(), riff(b"id3 ", held.getvalue()))
        else:
            data = held.getvalue() + b"\0" * (len(held.getvalue()) % 2)
            chunk = b"ID3 " + struct.pack(">I", len(held.getvalue())) + data
            with_chunks(path, chunk, order=">")
    else:
        file = {"flac": FLAC, "ogg": OggVorbis, "opus": OggOpus}[kind](path)
        if file.tags is None:
            file.add_tags()
        file.tags[:] = comments()
        if kind == "flac":
            file.add_picture(picture)
        else:
            file.tags.append(("METADATA_BLOCK_PICTURE", base64.b64encode(picture.write()).decode()))
        file.save()
    return path


def probed(path):
    """What ffprobe sees: all texts by lower-case names, and the size of each picture."""
    answer = subprocess.run(
        [FFPROBE, "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)],
        capture_output=True,
        check=True,
    )
    found = json.loads(answer.stdout)
    texts = {}
    for part in (found["format"], *found["streams"]):
        if part.get("codec_type") != "video":
            texts |= {key.lower(): value for key, value in part.get("tags", {}).items()}
    pictures = [(s["width"], s["height"]) for s in found["streams"] if s["codec_type"] == "video"]
    return texts, pictures
