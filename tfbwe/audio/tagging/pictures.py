"""Pictures in sound files: what they are, and the form in which FLAC and Ogg hold them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

KINDS = (
    "other picture",
    "file icon",
    "other file icon",
    "cover",
    "back cover",
    "leaflet page",
    "medium",
    "lead artist",
    "artist",
    "conductor",
    "band",
    "composer",
    "lyricist",
    "recording place",
    "recording session",
    "performance",
    "screen capture",
    "bright coloured fish",
    "illustration",
    "band logo",
    "publisher logo",
)
"""In words, by the numbers that ID3 and FLAC give them."""
COVER = 3
LINK = "-->"
"""The media type of a picture that is an address only."""
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Picture:
    """A picture as it lies in a tag.

    Attributes
    ----------
    data : bytes
        The image file.
    mime : str
        Its media type; by its first bytes where the tag has none.
    kind : int
        0 to 20, an index to `KINDS`.
    description : str
        Free text.
    """

    data: bytes
    mime: str = ""
    kind: int = COVER
    description: str = ""

    def __post_init__(self) -> None:
        if "/" not in self.mime and self.mime != LINK:
            object.__setattr__(self, "mime", _media_type(self.data))
        if not 0 <= self.kind < len(KINDS):
            object.__setattr__(self, "kind", 0)

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, ``None`` where the image does not say."""
        try:
            return _size(self.data)
        except (struct.error, IndexError):
            return None

    def __str__(self) -> str:
        pixels = [] if self.size is None else ["{} x {}".format(*self.size)]
        return f"{KINDS[self.kind]}: {', '.join([self.mime, *pixels, _amount(len(self.data))])}"


def flac_block(picture: Picture) -> bytes:
    """Return a picture as FLAC holds it (RFC 9639, 8.8); Ogg holds the same in base64."""
    mime, text = picture.mime.encode("ascii", "replace"), picture.description.encode("utf-8", "replace")
    head = struct.pack(">II", picture.kind, len(mime)) + mime + struct.pack(">I", len(text)) + text
    return head + struct.pack(">5I", *(picture.size or (0, 0)), 0, 0, len(picture.data)) + picture.data


def from_flac_block(data: bytes) -> Picture:
    """Return the picture that a block of FLAC holds; ValueError where it is cut short."""
    try:
        kind, length = struct.unpack_from(">II", data)
        mime, at = data[8 : 8 + length], 8 + length
        (length,) = struct.unpack_from(">I", data, at)
        text, at = data[at + 4 : at + 4 + length], at + 4 + length
        (length,) = struct.unpack_from(">I", data, at + 16)
    except struct.error:
        raise ValueError("a picture is cut short") from None
    image = data[at + 20 : at + 20 + length]
    return Picture(image, mime.decode("ascii", "replace"), kind, text.decode("utf-8", "replace"))


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{max(1, round(size / 1e3))} kB"


def _media_type(data: bytes) -> str:
    beginnings = {b"\xff\xd8\xff": "jpeg", b"\x89PNG": "png", b"GIF8": "gif", b"BM": "bmp"}
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    found = (kind for beginning, kind in beginnings.items() if data.startswith(beginning))
    return f"image/{next(found, '')}"


def _size(data: bytes) -> tuple[int, int] | None:
    kind = _media_type(data)
    if kind == "image/png":
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if kind == "image/gif":
        width, height = struct.unpack_from("<HH", data, 6)
        return width, height
    if kind != "image/jpeg":
        return None
    at = 2
    while data[at : at + 1] == b"\xff":
        marker, length = data[at + 1], struct.unpack_from(">H", data, at + 2)[0]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return None
