"""Tags of MP3 files: libsndfile marks their UTF-8 as Latin-1, and accents come back as two letters."""

from __future__ import annotations

from collections.abc import Mapping

_FRAMES = {
    "title": b"TIT2",
    "artist": b"TPE1",
    "album": b"TALB",
    "date": b"TDRC",
    "tracknumber": b"TRCK",
    "genre": b"TCON",
    "copyright": b"TCOP",
    "software": b"TSSE",
    "comment": b"COMM",
}
_UTF_8 = b"\x03"


def id3_tag(tags: Mapping[str, str]) -> bytes:
    """Return an ID3v2.4 tag, to stand at the beginning of an MP3 file.

    Parameters
    ----------
    tags : mapping of str to str
        By libsndfile's names; unknown ones are left out.

    Returns
    -------
    bytes
        The tag, empty if there is nothing to say.
    """
    frames = b""
    for name, identifier in _FRAMES.items():
        if tags.get(name):
            language = b"und\x00" if identifier == b"COMM" else b""
            text = _UTF_8 + language + tags[name].encode("utf-8", "replace")
            frames += identifier + _synchsafe(len(text)) + b"\x00\x00" + text
    return b"ID3\x04\x00\x00" + _synchsafe(len(frames)) + frames if frames else b""


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
