"""The forms that tags have in sound files: each read into common fields, and made from them.

What mutagen read comes in, what it writes goes out; it is handed in as ``mutagen``, which `tfbwe.audio.tags`
alone imports.
"""

from __future__ import annotations

import base64
import struct
from typing import Any, ClassVar, Protocol

from .fields import FIELDS, SPELLINGS, Common, name_of, native_names, outdated
from .pictures import COVER, LINK, Picture, flac_block, from_flac_block

_PICTURES_IN_COMMENTS = ("metadata_block_picture", "coverart")
_MP4_IMAGES = {"image/jpeg": 13, "image/png": 14, "image/bmp": 27}
_APE_KINDS = (
    *("Other", "Png Icon", "Icon", "Front", "Back", "Leaflet", "Media", "Lead Artist", "Artist", "Conductor"),
    *("Band", "Composer", "Lyricist", "Recording Location", "During Recording", "During Performance"),
    *("Video Capture", "Fish", "Illustration", "Band Logotype", "Publisher Logotype"),
)


class Form(Protocol):
    """A form of tags."""

    name: ClassVar[str]

    def read(self, tags: Any) -> Common:
        """Return what tags hold."""

    def fill(self, mutagen: Any, tags: Any, common: Common) -> list[str]:
        """Add fields and pictures to tags; return in words what has no place there."""

    def strip(self, tags: Any) -> list[str]:
        """Take out what no longer fits the sound; return what, in words."""


class Vorbis:
    """Vorbis comments: of FLAC, Ogg Vorbis and Opus."""

    name: ClassVar[str] = "Vorbis comments"

    def read(self, tags: Any) -> Common:
        """Return what tags hold; a list of pairs of texts comes in."""
        common = Common.empty()
        for key, value in tags:
            picture = _picture_in(key, value)
            if picture is not None:
                common.pictures.append(picture)
            elif key.lower() in _PICTURES_IN_COMMENTS:
                common.lost.append("a damaged picture")
            elif key.lower() != "coverartmime":
                common.add(name_of(key), [value])
        return common

    def fill(self, mutagen: Any, tags: Any, common: Common) -> list[str]:
        """Add fields and pictures, these in base64."""
        lost = []
        for name, values in common.fields.items():
            if name and all(" " <= letter <= "}" and letter != "=" for letter in name):
                tags.extend((name.upper(), value) for value in values)
            else:
                lost.append(name)
        for picture in common.pictures:
            block = flac_block(picture)
            tags.append(("METADATA_BLOCK_PICTURE", base64.b64encode(block).decode("ascii")))
        return lost

    def strip(self, tags: Any) -> list[str]:
        """Take out what no longer fits the sound, and pictures, which each kind of file holds in its way."""
        gone = [outdated(key) for key, _ in tags]
        kept = zip(tags, gone, strict=True)
        tags[:] = [pair for pair, label in kept if not label and _picture_in(*pair) is None]
        return [label for label in gone if label]


def _picture_in(key: str, value: str) -> Picture | None:
    """The picture that a comment holds, if it does and is whole."""
    if key.lower() not in _PICTURES_IN_COMMENTS:
        return None
    try:
        data = base64.b64decode(value)
        return from_flac_block(data) if key.lower() == "metadata_block_picture" else Picture(data)
    except ValueError:
        return None


class Mp4:
    """Atoms of MP4 files, as iTunes writes them."""

    name: ClassVar[str] = "MP4 tags"
    _names = native_names("mp4")
    _free = "----:com.apple.iTunes:"
    _numbers = frozenset({"tmpo", "cpil"})

    def read(self, tags: Any) -> Common:
        """Return what tags hold."""
        common = Common.empty()
        for key, values in tags.items():
            if key == "covr":
                kinds = {number: mime for mime, number in _MP4_IMAGES.items()}
                common.pictures += [Picture(bytes(one), kinds.get(one.imageformat, "")) for one in values]
            elif key in ("trkn", "disk"):
                common.add(self._names[key], [f"{n}/{of}" if of else str(n) for n, of in values])
            elif key.startswith("----:"):
                common.add(
                    name_of(key.split(":", 2)[2]), [value.decode("utf-8", "replace") for value in values]
                )
            elif key in self._numbers:
                common.add(
                    self._names[key], [str(int(v)) for v in (values if type(values) is list else [values])]
                )
            elif isinstance(values, list) and all(isinstance(value, str) for value in values):
                common.add(self._names.get(key) or name_of(key.lstrip("\xa9")), values)
            else:
                common.lost.append(f"atom {key}")
        return common

    def fill(self, mutagen: Any, tags: Any, common: Common) -> list[str]:
        """Add fields and pictures, these without their kinds and descriptions."""
        lost = []
        for name, values in common.with_totals().items():
            key = FIELDS[name].mp4 if name in FIELDS else ""
            try:
                if key in ("trkn", "disk"):
                    pairs = [[int(part) for part in value.split("/")] for value in values]
                    tags[key] = [(one[0], one[1] if len(one) > 1 else 0) for one in pairs]
                elif key == "cpil":
                    tags[key] = values[0] not in ("0", "")
                elif key:
                    tags[key] = [int(value) for value in values] if key in self._numbers else values
            except (ValueError, TypeError, struct.error):
                key = ""
            if not key:
                tags[self._free + SPELLINGS.get(name, name.upper())] = [
                    value.encode("utf-8") for value in values
                ]
        covers = []
        for picture in common.pictures:
            if picture.mime.replace("jpg", "jpeg") in _MP4_IMAGES:
                number = _MP4_IMAGES[picture.mime.replace("jpg", "jpeg")]
                covers.append(mutagen.mp4.MP4Cover(picture.data, number))
                if picture.kind != COVER or picture.description:
                    lost.append("kinds and descriptions of pictures")
            else:
                lost.append(str(picture))
        if covers:
            tags["covr"] = covers
        return lost

    def strip(self, tags: Any) -> list[str]:
        """Take out what no longer fits the sound."""
        return _take(tags, {key: outdated(key.split(":")[-1]) for key in tags})


class Asf:
    """Attributes of ASF files, which WMA is."""

    name: ClassVar[str] = "ASF tags"
    _names = native_names("asf")

    def read(self, tags: Any) -> Common:
        """Return what tags hold; a list of pairs of text and value comes in."""
        common = Common.empty()
        for key, attribute in tags:
            value = attribute.value
            if key == "WM/Picture" and isinstance(value, bytes):
                try:
                    common.pictures.append(_asf_picture(value))
                except (struct.error, ValueError):
                    common.lost.append("a damaged picture")
            elif isinstance(value, bytes):
                common.lost.append(key)
            else:
                text = str(int(value)) if isinstance(value, bool) else str(value)
                common.add(self._names.get(key) or name_of(key), [text.rstrip("\0")])
        return common

    def fill(self, mutagen: Any, tags: Any, common: Common) -> list[str]:
        """Add fields and pictures."""
        for name, values in common.with_totals().items():
            key = FIELDS[name].asf if name in FIELDS else ""
            tags[key or SPELLINGS.get(name, name).replace("MusicBrainz ", "MusicBrainz/")] = values
        if common.pictures:
            tags["WM/Picture"] = [_asf_block(picture) for picture in common.pictures]
        return []

    def strip(self, tags: Any) -> list[str]:
        """Take out what no longer fits the sound."""
        gone = [outdated(key) for key, _ in tags]
        tags[:] = [pair for pair, label in zip(tags, gone, strict=True) if not label]
        return [label for label in gone if label]


class Ape:
    """APEv2: of WavPack, and behind some MP3 files."""

    name: ClassVar[str] = "APE tags"
    _names: ClassVar[dict[str, str]] = {key.lower(): name for key, name in native_names("ape").items()}

    def read(self, tags: Any) -> Common:
        """Return what tags hold."""
        common = Common.empty()
        for key, value in tags.items():
            if value.kind != 1:
                common.add(self._names.get(key.lower()) or name_of(key), list(value))
            elif key.lower().startswith("cover art ("):
                kind = {f"cover art ({name.lower()})": n for n, name in enumerate(_APE_KINDS)}.get(
                    key.lower(), 0
                )
                text, _, data = bytes(value.value).partition(b"\0")
                common.pictures.append(Picture(data, "", kind, text.decode("utf-8", "replace")))
            else:
                common.lost.append(key)
        return common

    def fill(self, mutagen: Any, tags: Any, common: Common) -> list[str]:
        """Add fields and pictures, one of each kind."""
        lost = []
        for name, values in common.with_totals().items():
            key = FIELDS[name].ape if name in FIELDS else ""
            try:
                tags[key or name.upper()] = values
            except KeyError:  # a name that is not ASCII, or too short
                lost.append(name)
        for picture in common.pictures:
            key = f"Cover Art ({_APE_KINDS[picture.kind]})"
            if key in tags or picture.mime == LINK:
                lost.append(str(picture))
            else:
                tags[key] = picture.description.encode("utf-8") + b"\0" + picture.data
        return lost

    def strip(self, tags: Any) -> list[str]:
        """Take out what no longer fits the sound."""
        return _take(tags, {key: outdated(key) for key in tags.keys()})  # noqa: SIM118


def _take(tags: Any, gone: dict[str, str]) -> list[str]:
    for key, label in gone.items():
        if label:
            del tags[key]
    return [label for label in gone.values() if label]


def _asf_picture(value: bytes) -> Picture:
    kind, length = struct.unpack_from("<BI", value)
    rest = value[5:]
    texts = []
    for _ in range(2):
        end = next(at for at in range(0, len(rest) - 1, 2) if rest[at : at + 2] == b"\0\0")
        texts.append(rest[:end].decode("utf-16-le", "replace"))
        rest = rest[end + 2 :]
    return Picture(rest[:length], texts[0], kind, texts[1])


def _asf_block(picture: Picture) -> bytes:
    texts = b"".join(text.encode("utf-16-le") + b"\0\0" for text in (picture.mime, picture.description))
    return struct.pack("<BI", picture.kind, len(picture.data)) + texts + picture.data
