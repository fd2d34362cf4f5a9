"""Writing what one sound file holds into another: as it is between files of one kind, else field by field."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

from .chunks import Chunk, append_chunks, carried, info_chunks, read_chunks
from .fields import Common
from .forms import Form
from .id3 import save_id3
from .pictures import flac_block
from .reading import FLAC_CUE_SHEET, FLAC_PICTURE, FORMS, Held, ape_tag, kind_of, opened


def write(mutagen: Any, file: Any, held: Held) -> tuple[list[str], list[str]]:
    """Write what a file holds into another, which has no tags of its own yet.

    Parameters
    ----------
    mutagen : module
    file : file object
        Open for reading and writing.
    held : Held

    Returns
    -------
    lost, gone : list of str
        In words, what is not kept, and what no longer fits the sound.
    """
    kind = kind_of(file)
    lost, gone = list(held.lost), list(held.gone)
    if kind == "":
        return [*lost, *held.extra.lost, *_other_form(held), *_all(held.common.fitting())], gone
    if kind == "chunks":
        more, no_longer = _write_chunks(mutagen, file, held)
        return lost + more, gone + no_longer
    lost += held.extra.lost
    if kind == "MP3":
        tag, more = _id3(mutagen, held)
        if len(tag) or tag.unknown_frames:
            save_id3(tag, file, held.old)
    elif kind == "APE":
        tag = ape_tag(mutagen, file)
        more = _fill(mutagen, FORMS[kind], tag, held, held.common.pictures)
        file.seek(0)
        tag.save(file)
    else:
        found = opened(mutagen, kind, file)
        if found.tags is None:
            found.add_tags()
        more = _fill(mutagen, FORMS[kind], found.tags, held, [] if kind == "FLAC" else held.common.pictures)
        more += _flac_blocks(mutagen, found, held) if kind == "FLAC" else _outside_flac(held)
        file.seek(0)
        found.save(file)
    return lost + more, gone


def _same_form(form: Form, held: Held) -> bool:
    return held.native is not None and FORMS[held.kind].name == form.name


def _other_form(held: Held) -> list[str]:
    return held.common.lost + _outside_flac(held)


def _all(common: Common) -> list[str]:
    return [*common.fields, *map(str, common.pictures)]


def _fill(mutagen: Any, form: Form, tags: Any, held: Held, pictures: list[Any]) -> list[str]:
    """Fill a tag, with pictures where it holds them itself; return what is lost."""
    if not _same_form(form, held):
        fields = held.common.fitting().fields
        return held.common.lost + form.fill(mutagen, tags, Common(fields, pictures, []))
    if isinstance(tags, list):
        tags.extend(held.native)
    else:
        tags.update(held.native)
    # Of Vorbis comments alone pictures were taken out, as each kind of file holds them in its way.
    apart = pictures if form.name == FORMS["Ogg"].name else held.extra.pictures
    return form.fill(mutagen, tags, Common(held.extra.fields, apart, []))


def _id3(mutagen: Any, held: Held) -> tuple[Any, list[str]]:
    """Return an ID3 tag, and what is lost."""
    if _same_form(FORMS["MP3"], held):
        tag, common = held.native, held.extra
        return tag, FORMS["MP3"].fill(mutagen, tag, common)
    tag = mutagen.id3.ID3()
    return tag, _fill(mutagen, FORMS["MP3"], tag, held, held.common.pictures) + _outside_flac(held)


def _flac_blocks(mutagen: Any, found: Any, held: Held) -> list[str]:
    """Add pictures, blocks of applications, and at the same rate a cue sheet; return what is lost."""
    lost, pictures = [], {block.data for block in held.blocks if block.code == FLAC_PICTURE}
    for block in held.blocks:
        if block.code == FLAC_CUE_SHEET and held.rate != found.info.sample_rate:
            lost.append("cue sheet, as its places are those of another sample rate")
        else:
            found.metadata_blocks.append(block)
    for picture in held.common.pictures:
        if picture.data not in pictures:
            found.add_picture(mutagen.flac.Picture(flac_block(picture)))
    return lost


def _outside_flac(held: Held) -> list[str]:
    names = {FLAC_CUE_SHEET: "cue sheet", FLAC_PICTURE: ""}
    words = [names.get(block.code, "data of an application") for block in held.blocks]
    return [word for word in words if word]


def _write_chunks(mutagen: Any, file: Any, held: Held) -> tuple[list[str], list[str]]:
    """Add chunks to a WAV, AIFF or CAF file; return what is lost and what no longer fits."""
    out, _ = read_chunks(file)
    same = held.chunks is not None and _family(held.chunks.magic) == _family(out.magic)
    if held.chunks is not None and same:
        chunks, lost, gone = carried(held.chunks, out)
    else:
        chunks, lost = info_chunks(held.common.fitting(), out.magic)
        lost += held.extra.lost
        gone = []
    if out.magic == b"caff":
        lost += [] if same else _other_form(held)
    elif held.native is not None or not same:
        tag, more = _id3(mutagen, replace(held, extra=Common.empty()) if same else held)
        lost += more
        data = BytesIO()
        if len(tag) or tag.unknown_frames:
            save_id3(tag, data, False)
            chunks.append(Chunk(b"ID3 " if out.magic == b"FORM" else b"id3 ", data.getvalue()))
    return lost + append_chunks(file, out.magic, chunks), gone


def _family(magic: bytes) -> bytes:
    return b"RIFF" if magic == b"RF64" else magic
