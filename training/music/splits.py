"""Which split a track belongs to: by a hash of its name, or as the authors of a data set say.

Splits go by track, album or artist, never by excerpt. A hash of the name alone gives the same split on every
machine and does not change when other files come or go.
"""

from __future__ import annotations

import hashlib
import unicodedata

VALID_SHARE = 0.08

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
