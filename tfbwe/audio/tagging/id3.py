"""ID3 tags: of MP3, and in a chunk of WAV and AIFF files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, ClassVar

from .fields import FIELDS, SPELLINGS, Common, name_of, native_names, outdated
from .pictures import Picture

_MUSICBRAINZ = "http://musicbrainz.org"
_PEOPLE = {"mix": "mixer", "dj-mix": "djmixer"}
_ROLES = frozenset({"producer", "engineer", "mixer", "arranger", "djmixer"})
_WORDS = {
    "CHAP": "chapters",
    "CTOC": "table of chapters",
    "EQU2": "equalisation",
    "ETCO": "event times",
    "GEOB": "attached file",
    "MCDI": "table of contents of a CD",
    "PCNT": "play count",
    "POPM": "rating",
    "PRIV": "private data",
    "SYLT": "timed lyrics",
    "SYTC": "tempo codes",
    "UFID": "file identifier",
    "USER": "terms of use",
}
_DESCRIBED = {"COMM": "comment", "USLT": "lyrics"}


class Id3:
    """ID3v2 frames."""

    name: ClassVar[str] = "ID3"
    _names = native_names("id3")

    def read(self, tags: Any) -> Common:
        """Return what frames hold, those of ID3v2.4."""
        common = Common.empty()
        for frame in tags.values():
            kind = frame.FrameID
            if kind == "APIC":
                common.pictures.append(Picture(frame.data, frame.mime, int(frame.type), frame.desc.strip()))
            elif kind in _DESCRIBED:
                own = frame.desc in ("", "ID3v1 Comment")
                name = _DESCRIBED[kind] if own else f"{_DESCRIBED[kind]}:{frame.desc.lower()}"
                name = frame.desc.lower() if outdated(frame.desc) else name
                common.add(name, [frame.text] if isinstance(frame.text, str) else frame.text)
            elif kind == "TXXX":
                common.add(name_of(frame.desc) or "text", [str(text) for text in frame.text])
            elif kind == "UFID" and frame.owner == _MUSICBRAINZ:
                common.add("musicbrainz_trackid", [frame.data.decode("ascii", "replace")])
            elif kind in ("TIPL", "TMCL", "IPLS"):
                for role, person in frame.people:
                    role = _PEOPLE.get(role.lower(), role.lower())
                    own = role in _ROLES
                    common.add(role if own else "performer", [person if own else f"{person} ({role})"])
            elif kind == "TCON":
                common.add("genre", frame.genres)
            elif kind.startswith("T") and hasattr(frame, "text"):
                common.add(self._names.get(kind, kind.lower()), [str(text) for text in frame.text])
            elif hasattr(frame, "text") and kind in self._names:  # MVNM
                common.add(self._names[kind], [str(text) for text in frame.text])
            elif kind.startswith("W") and hasattr(frame, "url"):
                name = self._names.get(kind, kind.lower())
                common.add(
                    f"{name}:{frame.desc.lower()}" if getattr(frame, "desc", "") else name, [frame.url]
                )
            elif not _label(frame):
                common.lost.append(f"{_WORDS[kind]} ({kind})" if kind in _WORDS else kind)
        common.lost += [bytes(frame[:4]).decode("latin-1") for frame in tags.unknown_frames]
        return common

    def fill(self, mutagen: Any, tags: Any, common: Common) -> list[str]:
        """Add frames of ID3v2.4."""
        for name, values in common.with_totals().items():
            for frame in _frames(mutagen.id3.Frames, name, values):
                tags.add(frame)
        for picture in common.pictures:
            text = picture.description
            while f"APIC:{text}" in tags:
                text += " "
            tags.add(
                mutagen.id3.APIC(
                    encoding=3, mime=picture.mime, type=picture.kind, desc=text, data=picture.data
                )
            )
        return []

    def strip(self, tags: Any) -> list[str]:
        """Take out what no longer fits the sound."""
        gone = {key: _label(frame) for key, frame in tags.items()}
        for key, label in gone.items():
            if label:
                del tags[key]
        return [label for label in gone.values() if label]


def _label(frame: Any) -> str:
    described = frame.desc if frame.FrameID in ("TXXX", "COMM") else ""
    return outdated(frame.FrameID) or outdated(described or getattr(frame, "owner", ""))


def _frames(frames: Any, name: str, values: list[str]) -> Iterator[Any]:
    """Frames for the values of a field."""
    kind = FIELDS[name].id3 if name in FIELDS else name.upper()
    base, _, described = name.partition(":")
    described_kind = {own: kind for kind, own in _DESCRIBED.items()}.get(base)
    if described_kind:
        for n, value in enumerate(values):
            text = described or ("" if n == 0 else str(n + 1))
            text = f"{text} {n + 1}" if described and n else text
            own = value if described_kind == "USLT" else [value]
            yield frames[described_kind](encoding=3, lang="und", desc=text, text=own)
    elif name == "musicbrainz_trackid":
        yield frames["UFID"](owner=_MUSICBRAINZ, data=values[0].encode("ascii", "replace"))
    elif base == "wxxx":
        yield frames["WXXX"](encoding=3, desc=described, url=values[0])
    elif kind == "TDRC" or kind == "TDOR":
        yield _dated(frames, kind, name, values)
    elif kind.startswith("W") and kind in frames and len(values) == 1 and values[0].isascii():
        yield frames[kind](url=values[0])
    elif kind in frames and (kind.startswith("T") or kind == "MVNM") and kind not in ("TXXX", "TIPL", "TMCL"):
        yield frames[kind](encoding=3, text=values)
    else:
        yield frames["TXXX"](encoding=3, desc=SPELLINGS.get(name, name.upper()), text=values)


def _dated(frames: Any, kind: str, name: str, values: list[str]) -> Any:
    """A frame of times, or free text for what is none."""
    frame = frames[kind](encoding=3, text=values)
    if [str(time) for time in frame.text] == [value.replace("T", " ") for value in values]:
        return frame
    return frames["TXXX"](encoding=3, desc=name.upper(), text=values)


def read_id3(mutagen: Any, data: bytes, translate: bool) -> Any:
    """Return the frames of a tag.

    Parameters
    ----------
    mutagen : module
    data : bytes
        The tag, with a tag of ID3v1 behind it or instead, if there is one.
    translate : bool
        Make of older frames those of ID3v2.4, which not every older frame has.
    """
    return mutagen.id3.ID3(io.BytesIO(data), translate=translate)


def save_id3(tags: Any, file: Any, old: bool) -> None:
    """Write a tag to the beginning of a file, in the version that it was read in.

    Parameters
    ----------
    tags : mutagen.id3.ID3
    file : file object
    old : bool
        Write ID3v1 to the end too.
    """
    version = 3 if tags.version[:2] in ((2, 2), (2, 3)) else 4
    tags.save(file, v1=2 if old else 0, v2_version=version, v23_sep=None)
