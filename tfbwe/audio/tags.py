"""Tags and pictures of sound files: read from one, written to another.

Parsing and writing is mutagen's. Its licence is the GPL, and ours is not: it is imported here alone, when
tags are read or written, and everything else works without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .tagging.carrying import write
from .tagging.fields import Common, one_line
from .tagging.limits import Watched
from .tagging.pictures import Picture
from .tagging.reading import Held, kind_of, read

_MOST_NAMES, _LONGEST_NAME = 20, 70
_ENCODER = "encoder"
"""Named in no line: that of the new file takes its place."""
_NO_TAGS = "this container holds no tags (.flac, .mp3, .wav, .aiff, .ogg and .opus do)"
_MISSING = "tags are left out, as mutagen is not installed; to keep them: pip install mutagen"


@dataclass(frozen=True)
class Tags:
    """What a sound file holds beside its sound.

    Attributes
    ----------
    held : Held
    problem : str
        Why it could not be read, in a line for the user; else empty.
    """

    held: Held = field(default_factory=Held)
    problem: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str], pictures: Iterable[Picture] = ()) -> Tags:
        """Return tags of given texts, by the names of `FIELDS` or any other, and pictures."""
        return cls(Held(Common({name: [value] for name, value in fields.items()}, list(pictures), [])))

    @property
    def text(self) -> dict[str, str]:
        """Each field as one text; several values have semicolons between them."""
        return one_line(self.held.common.fields)

    @property
    def pictures(self) -> list[str]:
        """Each picture in words: what it shows, media type, size."""
        return [str(picture) for picture in self.held.common.pictures]

    def write(self, path: str | os.PathLike[str]) -> list[str]:
        """Write into a sound file that is whole but for its tags.

        Between files of one kind everything is carried over as it is, else field by field. What is true
        of the received sound alone, such as ReplayGain, is left out.

        Parameters
        ----------
        path : str or Path
            The file; its kind is seen by its first bytes.

        Returns
        -------
        list of str
            What the user should know, a line each: what is not kept, and what no longer fits.

        Raises
        ------
        OSError
            If writing fails with the file changed already.
        """
        if self.problem:
            return [self.problem]
        if not self.held.anything:
            return []
        mutagen = _mutagen()
        if mutagen is None:
            return [_MISSING]
        with open(path, "rb+") as raw:
            file = Watched(raw, limited=False)
            try:
                lost, gone = write(mutagen, file, self.held)
            except Exception as error:
                if file.changed or isinstance(error, OSError):
                    raise OSError(f"its tags: {_reason(error)}") from None
                return [f"tags cannot be written ({_reason(error)}), and are left out"]
            what = "not kept" if kind_of(file) else f"not kept, as {_NO_TAGS}"
        lines = (
            _line(what, lost),
            _line("left out, as it no longer fits the sound", [name for name in gone if name != _ENCODER]),
        )
        return [line for line in lines if line]


def read_tags(path: str | os.PathLike[str]) -> Tags:
    """Read what a sound file holds beside its sound.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Tags
        With a ``problem`` where tags are damaged, larger than 15 MB, or mutagen is not installed: no sound
        waits for its tags.
    """
    mutagen = _mutagen()
    if mutagen is None:
        return Tags(problem=_MISSING)
    try:
        with open(path, "rb") as file:
            return Tags(read(mutagen, file))
    except Exception as error:  # of files from anywhere a parser may raise anything
        return Tags(problem=f"tags cannot be read ({_reason(error)}), and are left out")


def _mutagen() -> Any:
    """The module with all that is used of it, None where it is not installed."""
    try:
        import mutagen
        import mutagen.apev2
        import mutagen.asf
        import mutagen.flac
        import mutagen.id3
        import mutagen.mp4
        import mutagen.oggflac
        import mutagen.oggopus
        import mutagen.oggspeex
        import mutagen.oggvorbis
    except ImportError:
        return None
    return mutagen


def _line(what: str, names: list[str]) -> str:
    """One line that names things, of which files say the names: printable, and not too long."""
    plain = [printable(name, _LONGEST_NAME) for name in dict.fromkeys(names)]
    more = [f"and {len(plain) - _MOST_NAMES} more"] if len(plain) > _MOST_NAMES else []
    return f"{what}: {', '.join(plain[:_MOST_NAMES] + more)}" if plain else ""


def printable(text: str, longest: int) -> str:
    """Return a text from a file in one line, without what a terminal would obey, and cut where it is long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split()))
    return plain if len(plain) <= longest else f"{plain[:longest]}..."


def _reason(error: BaseException) -> str:
    return printable(str(error), 100) or type(error).__name__
