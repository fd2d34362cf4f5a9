"""Fields of tags under one name, whatever a format calls them, and which of them a new sound makes wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .limits import MOST_VALUES, too_many
from .pictures import Picture


class Field(NamedTuple):
    """What formats call a field; empty where a format has no name of its own for it."""

    id3: str = ""
    mp4: str = ""
    asf: str = ""
    ape: str = ""
    info: str = ""


FIELDS = {
    "title": Field("TIT2", "\xa9nam", "Title", "Title", "INAM"),
    "artist": Field("TPE1", "\xa9ART", "Author", "Artist", "IART"),
    "album": Field("TALB", "\xa9alb", "WM/AlbumTitle", "Album", "IPRD"),
    "albumartist": Field("TPE2", "aART", "WM/AlbumArtist", "Album Artist"),
    "tracknumber": Field("TRCK", "trkn", "WM/TrackNumber", "Track", "ITRK"),
    "discnumber": Field("TPOS", "disk", "WM/PartOfSet", "Disc"),
    "date": Field("TDRC", "\xa9day", "WM/Year", "Year", "ICRD"),
    "genre": Field("TCON", "\xa9gen", "WM/Genre", "Genre", "IGNR"),
    "comment": Field("COMM", "\xa9cmt", "Description", "Comment", "ICMT"),
    "lyrics": Field("USLT", "\xa9lyr", "WM/Lyrics", "Lyrics"),
    "composer": Field("TCOM", "\xa9wrt", "WM/Composer", "Composer", "IMUS"),
    "lyricist": Field("TEXT", "", "WM/Writer", "Lyricist", "IWRI"),
    "conductor": Field("TPE3", "", "WM/Conductor", "Conductor"),
    "remixer": Field("TPE4", "", "WM/ModifiedBy", "MixArtist"),
    "copyright": Field("TCOP", "cprt", "Copyright", "Copyright", "ICOP"),
    "label": Field("TPUB", "", "WM/Publisher", "Label"),
    "isrc": Field("TSRC", "", "WM/ISRC", "ISRC"),
    "bpm": Field("TBPM", "tmpo", "WM/BeatsPerMinute", "BPM"),
    "key": Field("TKEY", "", "WM/InitialKey", "Key"),
    "language": Field("TLAN", "", "WM/Language", "Language", "ILNG"),
    "mood": Field("TMOO", "", "WM/Mood", "Mood"),
    "media": Field("TMED", "", "WM/Media", "Media", "IMED"),
    "encodedby": Field("TENC", "", "WM/EncodedBy", "EncodedBy", "ITCH"),
    "grouping": Field("TIT1", "\xa9grp", "WM/ContentGroupDescription", "Grouping"),
    "subtitle": Field("TIT3", "", "WM/SubTitle", "Subtitle"),
    "discsubtitle": Field("TSST", "", "WM/SetSubTitle", "DiscSubtitle"),
    "originaldate": Field("TDOR", "", "WM/OriginalReleaseTime", "OriginalDate"),
    "originalartist": Field("TOPE", "", "WM/OriginalArtist", "Original Artist"),
    "compilation": Field("TCMP", "cpil", "WM/IsCompilation", "Compilation"),
    "titlesort": Field("TSOT", "sonm", "WM/TitleSortOrder", "TitleSort"),
    "artistsort": Field("TSOP", "soar", "WM/ArtistSortOrder", "ArtistSort"),
    "albumsort": Field("TSOA", "soal", "WM/AlbumSortOrder", "AlbumSort"),
    "albumartistsort": Field("TSO2", "soaa", "WM/AlbumArtistSortOrder", "AlbumArtistSort"),
    "composersort": Field("TSOC", "soco", "WM/ComposerSortOrder", "ComposerSort"),
    "movementname": Field("MVNM", "\xa9mvn", "", "MovementName"),
    "work": Field("", "\xa9wrk", "WM/Work", "Work"),
    "website": Field("WOAR", "", "WM/AuthorURL", "Related"),
    "encoder": Field("TSSE", "\xa9too", "WM/EncodingSettings", "Encoder", "ISFT"),
    "script": Field("", "", "WM/Script", "Script"),
    "barcode": Field("", "", "WM/Barcode", "Barcode"),
    "catalognumber": Field("", "", "WM/CatalogNo", "CatalogNumber"),
}
"""By their usual names in Vorbis comments; any other name is free text, kept under that name."""
TOTALS = {"tracknumber": "tracktotal", "discnumber": "disctotal"}
"""Numbers that most formats hold as ``3/12``, and the name of what follows the slash."""
_ALIASES = {
    "album artist": "albumartist",
    "album_artist": "albumartist",
    "comments": "comment",
    "disc": "discnumber",
    "disk": "discnumber",
    "initialkey": "key",
    "organization": "label",
    "publisher": "label",
    "recorded date": "date",
    "tempo": "bpm",
    "totaldiscs": "disctotal",
    "totaltracks": "tracktotal",
    "track": "tracknumber",
    "track number": "tracknumber",
    "unsynced lyrics": "lyrics",
    "unsyncedlyrics": "lyrics",
    "year": "date",
}
SPELLINGS = {
    "acoustid_id": "Acoustid Id",
    "musicbrainz_albumartistid": "MusicBrainz Album Artist Id",
    "musicbrainz_albumid": "MusicBrainz Album Id",
    "musicbrainz_artistid": "MusicBrainz Artist Id",
    "musicbrainz_discid": "MusicBrainz Disc Id",
    "musicbrainz_releasegroupid": "MusicBrainz Release Group Id",
    "musicbrainz_releasetrackid": "MusicBrainz Release Track Id",
    "musicbrainz_trackid": "MusicBrainz Track Id",
    "musicbrainz_workid": "MusicBrainz Work Id",
    "releasecountry": "MusicBrainz Album Release Country",
    "releasestatus": "MusicBrainz Album Status",
    "releasetype": "MusicBrainz Album Type",
}
"""How ID3 and MP4 spell free names that players look for, as MusicBrainz Picard writes them."""
_SPELT = {spelling.lower(): name for name, spelling in SPELLINGS.items()}

_OUTDATED = {
    "ReplayGain": r"replaygain.*|r128.*gain|mp3gain.*|rva2|rvad|xrva|rgad|itunnorm",
    "peak values": r"peakvalue|averagelevel|wmwmadrc.*|levl|peak",
    "encoder": r"encoder(settings|options|version|delay|padding)?|encoding(settings|tool|application)"
    r"|sourceencoder|encodedwith|encodedusing|software|tsse|isft|too|tool|wmencodingsettings"
    r"|wmencodingtime|wmfsdkversion|wmfsdkneeded|isvbr|deviceconformancetemplate",
    "length": r"length|tlen|duration|approximatedurationinseconds",
    "file size or type": r"tsiz|tflt|filetype",
    "seek data": r"aspi|mllt|seek|poss|rbuf",
    "acoustic fingerprint": r"acoustidfingerprint|musicipfingerprint",
    "checksum": r"(audio)?md5(signature)?",
    "gapless data": r"itunsmpb",
}


def outdated(key: str) -> str:
    """Return what a field says of the received sound that no longer fits, in words, else an empty string."""
    plain = re.sub(r"[^a-z0-9]", "", key.lower())
    return next((label for label, pattern in _OUTDATED.items() if re.fullmatch(pattern, plain)), "")


def name_of(key: str) -> str:
    """Return the one name of a field, by any format's free name for it."""
    plain = " ".join(key.lower().split())
    plain = _SPELT.get(plain.replace("/", " "), plain)
    return _ALIASES.get(plain, plain)


def native_names(form: str) -> dict[str, str]:
    """Return the one name of each field by its name in a format, an attribute of `Field`."""
    return {getattr(own, form): name for name, own in FIELDS.items() if getattr(own, form)}


@dataclass
class Common:
    """What a tag holds, in a form that every format can be made from.

    Attributes
    ----------
    fields : dict of str to list of str
        Values by the names of `FIELDS`, or free ones in lower case.
    pictures : list of Picture
    lost : list of str
        In words, what has no place in this form.
    """

    fields: dict[str, list[str]]
    pictures: list[Picture]
    lost: list[str]

    @classmethod
    def empty(cls) -> Common:
        """Return one that holds nothing."""
        return cls({}, [], [])

    def add(self, name: str, values: Iterable[str]) -> None:
        """Add values to a field; numbers such as ``3/12`` become two fields, repetitions go.

        Raises
        ------
        TagsError
            If there are more than any song has.
        """
        held = dict.fromkeys(self.fields.get(name, ()))
        for value in values:
            if name in TOTALS and "/" in value:
                value, _, total = value.partition("/")
                self.add(TOTALS[name], [total.strip()])
                value = value.strip()
            if value:
                held[value] = None
        if len(held) > MOST_VALUES:
            raise too_many()
        if held:
            self.fields[name] = list(held)

    def merge(self, other: Common) -> Common:
        """Add what another tag of the same file holds and this one lacks; return that, and what was lost.

        A value that is the beginning of one held already, as short forms are, or several of them in one text,
        is none that is lacking.
        """
        added = Common.empty()
        for name, values in other.fields.items():
            held = self.fields.get(name, [])
            new = [value for value in values if not all(_among(part, held) for part in _parts(value))]
            self.add(name, new)
            added.add(name, new)
        added.pictures = [
            one for one in other.pictures if one.data not in {own.data for own in self.pictures}
        ]
        self.pictures += added.pictures
        added.lost = other.lost
        return added

    def fitting(self) -> Common:
        """Return it without fields that no longer fit the sound."""
        fields = {name: values for name, values in self.fields.items() if not outdated(name)}
        return Common(fields, self.pictures, self.lost)

    def with_totals(self) -> dict[str, list[str]]:
        """Return the fields with numbers and totals as one, ``3/12``."""
        fields = {name: values for name, values in self.fields.items() if name not in TOTALS.values()}
        for name, total in TOTALS.items():
            if total in self.fields:
                first, *rest = self.fields.get(name, ["0"])
                fields[name] = [f"{first}/{self.fields[total][0]}", *rest]
        return fields


def _parts(value: str) -> list[str]:
    return [part.strip() for part in re.split("[;/]", value)]


def _among(part: str, held: list[str]) -> bool:
    number = part.lstrip("0")
    return any(own.casefold().startswith(part.casefold()) or own.lstrip("0") == number for own in held)


def one_line(fields: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return each field as one text, several values with semicolons between them."""
    return {name: "; ".join(values) for name, values in fields.items()}
