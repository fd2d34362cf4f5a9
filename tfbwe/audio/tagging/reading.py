"""What a sound file holds beside its sound, in its own form and in the common one."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from .chunks import LAYOUTS, Chunks, read_chunks
from .fields import Common, outdated
from .forms import Ape, Asf, Form, Mp4, Vorbis
from .id3 import Id3, read_id3
from .limits import Watched, ape_of, frames_of, id3_at, id3v1_of, refuse_many_comments
from .others import lost_of
from .pictures import Picture

FORMS: dict[str, Form] = {
    "MP3": Id3(),
    "chunks": Id3(),
    "FLAC": Vorbis(),
    "Ogg": Vorbis(),
    "MP4": Mp4(),
    "ASF": Asf(),
    "APE": Ape(),
}
"""By the kind of file; chunks are those of WAV, AIFF and CAF."""
_MAGIC = {
    b"fLaC": "FLAC",
    b"OggS": "Ogg",
    b"\x30\x26\xb2\x75": "ASF",
    **dict.fromkeys((b"wvpk", b"MAC ", b"MPCK", b"TTA1"), "APE"),
    **dict.fromkeys(LAYOUTS, "chunks"),
    # AU, W64, NIST, RIFX, Matroska and IRCAM
    **dict.fromkeys((b".snd", b"dns.", b"riff", b"NIST", b"RIFX", b"\x1a\x45\xdf\xa3"), ""),
    **dict.fromkeys((b"\x64\xa3\x01\x00", b"\x64\xa3\x02\x00", b"\x00\x02\xa3\x64", b"\x64\xa3\x03\x00"), ""),
}
FLAC_PICTURE, FLAC_CUE_SHEET = 6, 5
_FLAC_MADE_ANEW = (0, 1, 3, 4)  # stream information, padding, seek table, comments (RFC 9639)
_LYRICS3_BYTES = 9 + 128


@dataclass(frozen=True)
class Held:
    """What a sound file holds beside its sound.

    Attributes
    ----------
    common : Common
        All fields and pictures, under one name whatever the format.
    kind : str
        Of the file, a key of `FORMS`; empty if it holds no tags.
    native : object, optional
        The tag proper as mutagen reads it, without what no longer fits the sound.
    extra : Common
        What other tags in the file hold and that one lacks.
    gone : tuple of str
        In words, what no longer fits the sound.
    lost : tuple of str
        In words, what no file can keep.
    chunks : Chunks, optional
        Of WAV, AIFF and CAF files.
    blocks : tuple
        Of FLAC files: pictures, cue sheet, and what applications put there.
    rate : float
        Samples per second of a FLAC file.
    old : bool
        Whether there is a tag of ID3v1.
    """

    common: Common = field(default_factory=Common.empty)
    kind: str = ""
    native: Any = None
    extra: Common = field(default_factory=Common.empty)
    gone: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    chunks: Chunks | None = None
    blocks: tuple[Any, ...] = ()
    rate: float = 0.0
    old: bool = False

    @property
    def anything(self) -> bool:
        """Whether there is anything to carry over, or to say."""
        own = self.native is not None and (len(self.native) or getattr(self.native, "unknown_frames", None))
        held = (self.common.fields, self.common.pictures, self.common.lost, self.extra.lost, self.gone)
        return bool(own or any(held) or self.lost or self.blocks or (self.chunks and self.chunks.held))


def kind_of(file: Any) -> str:
    """Return the kind of a file by its first bytes, a key of `FORMS`, or an empty string."""
    file.seek(0)
    head = file.read(12)
    if head[:3] == b"ID3":
        file.seek(len(id3_at(file)))
        return "FLAC" if file.read(4) == b"fLaC" else "MP3"
    return "MP4" if head[4:8] == b"ftyp" else _MAGIC.get(head[:4], "MP3")


def opened(mutagen: Any, kind: str, file: Any) -> Any:
    """Return a file as mutagen opens it."""
    file.seek(0)
    if kind == "Ogg":
        head = file.read(64)
        file.seek(0)
        for mark, form in (
            (b"OpusHead", mutagen.oggopus.OggOpus),
            (b"\x7fFLAC", mutagen.oggflac.OggFLAC),
            (b"Speex ", mutagen.oggspeex.OggSpeex),
        ):
            if mark in head:
                return form(file)
        return mutagen.oggvorbis.OggVorbis(file)
    forms = {"FLAC": mutagen.flac.FLAC, "MP4": mutagen.mp4.MP4, "ASF": mutagen.asf.ASF}
    return forms[kind](file)


def ape_tag(mutagen: Any, file: Any) -> Any:
    """Return the APE tag of a file, an empty one if it has none."""
    data = ape_of(file)
    return mutagen.apev2.APEv2(io.BytesIO(data)) if data else mutagen.apev2.APEv2()


def read(mutagen: Any, file: BinaryIO) -> Held:
    """Return what an open file holds beside its sound.

    Raises
    ------
    Exception
        Whatever a parser raises of damaged tags; `TagsError` if they are too large.
    """
    kind = kind_of(file)
    if kind == "":
        extra = Common.empty()
        extra.lost += lost_of(file)
        return Held(extra=extra)
    if kind in ("MP3", "chunks"):
        return _read_with_id3(mutagen, file, kind)
    if kind == "APE":
        return _held(kind, ape_tag(mutagen, file))
    if kind == "Ogg":
        refuse_many_comments(file)
    found = opened(mutagen, kind, Watched(file, limited=True))
    if kind == "FLAC":
        return _read_flac(mutagen, file, found)
    extra = Common.empty()
    if kind == "MP4" and getattr(found, "chapters", None):
        extra.lost.append("chapters")
    return _held(kind, found.tags, extra)


def _held(kind: str, native: Any, other: Common | None = None, **more: Any) -> Held:
    """What a tag and others beside it hold; a tag may be missing."""
    common, gone = Common.empty(), []
    if native is not None:
        common, gone = FORMS[kind].read(native), FORMS[kind].strip(native)
    return _merged(common, kind, native, gone, other or Common.empty(), **more)


def _merged(common: Common, kind: str, native: Any, gone: list[str], other: Common, **more: Any) -> Held:
    extra = common.merge(other)
    gone += [label for name in extra.fields if (label := outdated(name))]
    return Held(common, kind, native, extra.fitting(), tuple(gone), **more)


def _read_flac(mutagen: Any, file: BinaryIO, found: Any) -> Held:
    blocks = tuple(block for block in found.metadata_blocks if block.code not in _FLAC_MADE_ANEW)
    front, other = id3_at(file), Common.empty()
    if front:
        frames_of(front, mutagen.id3.Frames)
        other = Id3().read(read_id3(mutagen, front, True))
    held = _held("FLAC", found.tags, other, blocks=blocks, rate=found.info.sample_rate)
    pictures = [Picture(b.data, b.mime, int(b.type), b.desc) for b in blocks if b.code == FLAC_PICTURE]
    held.common.pictures[:0] = pictures
    return held


def _read_with_id3(mutagen: Any, file: BinaryIO, kind: str) -> Held:
    chunks, at, old = None, 0, b""
    if kind == "chunks":
        chunks, found = read_chunks(file)
        other, at = chunks.common(), -1 if found is None else found
    else:
        old = id3v1_of(file)
        other = _behind(mutagen, file)
    data = (id3_at(file, at) if at >= 0 else b"") + old
    if not data:
        return _merged(Common.empty(), kind, None, [], other, chunks=chunks)
    names = frames_of(data[: len(data) - len(old)], mutagen.id3.Frames)
    native = read_id3(mutagen, data, False)
    kept = {frame.FrameID for frame in native.values()}
    kept |= {bytes(frame[:4]).decode("latin-1") for frame in native.unknown_frames}
    damaged = [name for name in dict.fromkeys(names) if name not in kept] if native.version[1] > 2 else []
    lost = tuple(f"damaged frame {name}" for name in damaged)
    common, gone = Id3().read(read_id3(mutagen, data, True)), Id3().strip(native)
    return _merged(common, kind, native, gone, other, chunks=chunks, lost=lost, old=bool(old))


def _behind(mutagen: Any, file: BinaryIO) -> Common:
    """What tags at the end of an MP3 file hold, beside ID3v1."""
    common = Ape().read(ape_tag(mutagen, file))
    file.seek(max(0, file.seek(0, os.SEEK_END) - _LYRICS3_BYTES))
    tail = file.read()
    if b"LYRICS200" in tail or b"LYRICSEND" in tail:
        common.lost.append("Lyrics3 tag")
    return common
