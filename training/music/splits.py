"""Which split a track belongs to: by a hash of its name, or as the authors of a data set say.

Splits go by track, album or artist, never by excerpt. A hash of the name alone gives the same split on every
machine and does not change when other files come or go.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .debian_music import Listed

VALID_SHARE = 0.08
MOST_VALID = 0.1
"""Choosing whole artists goes above `VALID_SHARE`, at most to this."""

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "dev": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "test": "test",
}
"""What data sets and folders call the splits, and what they are called here."""

MUSDB_VALID = frozenset(
    {
        "Actions - One Minute Smile",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Johnny Lokke - Promises & Lies",
        "Patrick Talbot - A Reason To Leave",
        "Triviul - Angelsaint",
        "Alexander Ross - Goodbye Bolero",
        "Fergessen - Nos Palpitants",
        "Leaf - Summerghost",
        "Skelpolu - Human Mistakes",
        "Young Griffo - Pennies",
        "ANiMAL - Rockshow",
        "James May - On The Line",
        "Meaxic - Take A Step",
        "Traffic Experiment - Sirens",
    }
)
"""The 14 validation tracks that the authors of MUSDB18 name."""


def split_by_hash(track: str) -> str:
    """Return `valid` for about 8 % of all names and `train` for the others, by a hash of the name alone.

    The name is compared in lower case and in Unicode's composed form, so that file systems do not matter.
    """
    return "valid" if name_hash(track) < VALID_SHARE * 2**64 else "train"


def name_hash(track: str) -> int:
    """Return 64 bits of the SHA-256 of a name in lower case and composed Unicode."""
    name = unicodedata.normalize("NFC", track).casefold()
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:8], "big")


def held_out_artists(tracks: Sequence[Listed]) -> frozenset[str]:
    """Choose the artists of debian-music on whom training validates: all their tracks, and no others.

    Packages take turns, each with its artist of the lowest hash first, until 8 % of the tracks of the train
    pool are held out; an artist who would bring them above 10 % is passed over. It goes by the lists alone,
    whichever files are there. Not to be held out are artists of the test list, who so stay as known from
    training as they are, and those who made a track with another. Tracks of nobody named stay in training.

    Parameters
    ----------
    tracks : sequence of Listed
        All tracks of all lists, both pools.

    Returns
    -------
    frozenset of str
        Names as in the lists; none where nobody may be held out.
    """
    pool = [track for track in tracks if track.pool == "train"]
    chosen: set[str] = set()
    count = 0
    for artist in dict.fromkeys(_in_turn(tracks)):
        of_artist = sum(track.artist == artist for track in pool)
        if count < VALID_SHARE * len(pool) and count + of_artist <= MOST_VALID * len(pool):
            chosen.add(artist)
            count += of_artist
    return frozenset(chosen)


def _in_turn(tracks: Sequence[Listed]) -> Iterator[str]:
    """Artists who may be held out: each package's first by hash, then each one's second, and so on."""
    barred = {track.artist for track in tracks if track.pool == "test"} | {""}
    for track in tracks:
        if len(together := track.artist.split(" & ")) > 1:
            barred.update([track.artist, *together])
    of_package: dict[str, set[str]] = {}
    for track in tracks:
        if track.artist not in barred:
            of_package.setdefault(track.package, set()).add(track.artist)
    ranked = [sorted(artists, key=name_hash) for artists in of_package.values()]
    for turn in itertools.zip_longest(*ranked):
        yield from sorted(filter(None, turn), key=name_hash)
