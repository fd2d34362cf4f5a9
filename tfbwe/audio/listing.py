"""What the table of formats says, for readers: in ``tfbwe extend --help`` and in docs/formats.md.

``python -m tfbwe.audio.listing > docs/formats.md`` writes the page anew.
"""

from __future__ import annotations

import textwrap

from .formats import CONTAINERS, DSD_RATE, FFMPEG, FULL_SCALE_BITS, RATES, WRITTEN, Container

_PAGE = """\
# Formats

`tfbwe` reads and writes sound files by libsndfile, which is installed with it, and the others by ffmpeg,
where `ffmpeg` and `ffprobe` are on the path. A file whose name says nothing is tried with both. This page is
made from the table in `tfbwe/audio/formats.py` by `python -m tfbwe.audio.listing`.

| names | container | read by | written by | sample formats written | rates written (Hz) | tags kept |
|---|---|---|---|---|---|---|
"""
_FOOT = f"""
*All* tags are texts, pictures, lyrics, chapters, broadcast data and the like, as far as the output has a
place for them; *texts* are title, artist and so on. What is not kept is named when a file is extended.

The first sound stream of a file counts. Videos are read where they are named, and passed over in folders;
the output is their sound alone. A lossy output has the input's bit rate and what the wider band takes more,
and holds what was added up to 18.5 kHz at least. ffmpeg drops what an encoder put in front of the sound where
the container says how much that is: MPEG-4, Matroska and WebM come back in their place, to the sample; bare
AAC, AC-3, DTS and MP2 begin as late as their encoder was. One-bit sound (DSF, DFF) is decoded at
{DSD_RATE / 1000:g} kHz.
"""


def help_lines() -> str:
    """Return the names of sounds that are read and written, for a terminal."""
    with_ffmpeg = [suffix for suffix, name in WRITTEN.items() if CONTAINERS[name].written_by == FFMPEG]
    libsndfile = [suffix for suffix in WRITTEN if suffix not in with_ffmpeg]
    read_only = [suffix for own in CONTAINERS.values() if not own.written_by for suffix in own.suffixes]
    rows = {
        "formats:": libsndfile,
        "with ffmpeg:": with_ffmpeg,
        "read alone:": [*read_only, "(the output is FLAC; all but .mp2 with ffmpeg)"],
    }
    return "\n".join(
        textwrap.fill(" ".join(names), 78, initial_indent=f"{head:<14}", subsequent_indent=" " * 14)
        for head, names in rows.items()
    )


def page() -> str:
    """Return docs/formats.md."""
    rows = [_row(name, own) for name, own in CONTAINERS.items() if own.suffixes or own.videos]
    return _PAGE + "".join(f"| {' | '.join(row)} |\n" for row in rows) + _FOOT


def _row(name: str, own: Container) -> tuple[str, ...]:
    names = " ".join(f"`{suffix}`" for suffix in (*own.suffixes, *own.videos))
    if not own.written_by:
        return names, name, own.read_by, "FLAC instead", "", "", own.tags
    written = _sample_formats(name, own)
    return names, name, own.read_by, own.written_by, ", ".join(written), _rates(written), own.tags


def _sample_formats(name: str, own: Container) -> list[str]:
    if own.written_by == FFMPEG:
        return list(own.encoders)
    if name in ("OGG", "MP3"):
        return ["VORBIS", "OPUS"] if name == "OGG" else ["MPEG_LAYER_III"]
    import soundfile  # only now: help needs nothing heavy

    known = (*FULL_SCALE_BITS, "FLOAT", "DOUBLE")
    return [subtype for subtype in known if soundfile.check_format(name, subtype)]


def _rates(subtypes: list[str]) -> str:
    limited = [f"{subtype} up to {max(RATES[subtype])}" for subtype in subtypes if subtype in RATES]
    rest = [] if len(limited) == len(subtypes) else ["up to 192000"]
    return ", ".join([*limited, *rest])


if __name__ == "__main__":
    print(page(), end="")
