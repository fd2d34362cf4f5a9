"""Extending whole files: measure where the received band ends, then loop over a decoder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..audio.bitrate import asked, chosen, cut_below
from ..audio.codecs import CODECS, Encoding
from ..audio.destinations import refuse_output
from ..audio.formats import STANDARD, full_scale, output_format, output_suffix, writable_rate
from ..audio.reader import Reader
from ..audio.tags import read_tags
from ..audio.writer import Writer
from ..console import counted
from ..decoder import Decoder
from ..errors import ConfigError
from ..model.bundle import DEFAULT, Bundle, load_bundle
from ..settings import check_settings
from ..stft import SAMPLE_RATE
from .chain import Chain
from .received import beyond_training, lowered, measure_file, nothing_to_add

CLIPS = ("soft", "clamp", "rescale")


@dataclass(frozen=True)
class Summary:
    """What `extend_file` did.

    Attributes
    ----------
    source, destination : str
        Names as given.
    sample_rate : int
        Of the output, in Hz.
    seconds : float
        Length of the output.
    cutoff_hz : float or None
        Where the received band ends; ``None`` where no end was found.
    measured : bool
        Whether the cutoff was measured, not given.
    extended : bool
        Whether a high band was added.
    encoding : Encoding or None
        How a lossy output was encoded.
    recoded : bool
        Whether a lossy file was written as a lossy one again.
    notes : tuple of str
        What the user should know, a line each.
    held : str
        Temporary name of the output, where it was to be held back; else empty.
    """

    source: str
    destination: str
    sample_rate: int
    seconds: float
    cutoff_hz: float | None
    measured: bool
    extended: bool
    encoding: Encoding | None
    recoded: bool
    notes: tuple[str, ...] = field(default=())
    held: str = ""


def extend_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str] | Bundle = DEFAULT,
    cutoff_hz: float | None = None,
    diffuse: float = 1.0,
    phase: str = "mirror",
    clip: str = "soft",
    bitrate_kbps: float | None = None,
    quality: float | None = None,
    strict: bool = False,
    trust: bool = False,
    force: bool = False,
    hold: bool = False,
    progress: Callable[[float, float], None] | None = None,
) -> Summary:
    """Write a sound file with its high band put back, in memory that does not grow with its length.

    Parameters
    ----------
    source, destination : str or Path
        Files, here or at addresses such as ``"s3://bucket/song.mp3"`` (needs ``tfbwe[cloud]``); ``"-"`` is
        standard input or output (WAV). The destination's suffix may name another format,
        else container, sample format and tags are kept.
    model, cutoff_hz, diffuse, phase
        As for `extend`.
    clip : {"soft", "clamp", "rescale"}
        What happens where the sum would leave an integer format's range: the high band alone is lowered,
        samples are clamped, or the whole output is scaled to fit (which decodes twice).
    bitrate_kbps : float, optional
        Bit rate of a lossy output, all channels together, in kb/s. By default the least that keeps what was
        received and what was added; see `tfbwe.audio.bitrate.chosen`.
    quality : float, optional
        Instead of it, in [0, 1]; see `tfbwe.audio.codecs.Encoding`.
    strict : bool
        Refuse coded sound of which a part is missing. Else what is there is extended, the rest is left out,
        and a note says how much.
    trust : bool
        Load a model file without a manifest.
    force : bool
        Replace an existing destination.
    hold : bool
        Leave the output under a temporary name beside its destination: who asked for it takes it from there.
    progress : callable, optional
        Called with the seconds of sound done so far and those to be done in all, 0 where unknown; with
        ``"rescale"``, which decodes twice, both count twice.

    Returns
    -------
    Summary

    Raises
    ------
    AudioError
        If the source cannot be read or the destination not be written. Nothing is left behind then.
    ConfigError
        If a setting is outside its range.
    ModelError
        If the model cannot be loaded.
    StorageError
        If an address cannot be read or written.
    """
    if clip not in CLIPS:
        raise ConfigError(f"clip: expected one of {', '.join(CLIPS)}, received {clip!r}")
    if str(destination) != STANDARD:
        refuse_output(destination, force=force, source=source)
    with Reader(source, strict) as reader:
        check_settings(reader.sample_rate, cutoff_hz, diffuse, phase, reader.name)
        container, subtype = output_format(reader.container, reader.subtype, destination, source)
        wished = asked(subtype, reader.channels, bitrate_kbps, quality, str(destination))
        bundle = load_bundle(model, trust)
        measured = cutoff_hz is None
        received = measure_file(reader, cutoff_hz)
        given_hz, cutoff_hz = cutoff_hz, received.cutoff_hz
        why_not = nothing_to_add(cutoff_hz, received.why_none, bundle)
        out_rate = writable_rate(subtype, max(reader.sample_rate, SAMPLE_RATE))
        limit = full_scale(subtype)
        encoding = wished
        if encoding is None and subtype in CODECS:
            encoding = chosen(subtype, reader.channels, reader.kbps, cutoff_hz, extended=not why_not)
        twice = clip == "rescale" and limit is not None and not why_not
        run = _Run(reader, (2 if twice else 1) * reader.seconds, progress)

        def chain(soft: bool) -> Chain:
            settings = (reader.channels, cutoff_hz, diffuse, phase, received.moments)
            decoder = None if why_not else Decoder(bundle, *settings)
            return Chain(decoder, reader.sample_rate, out_rate, reader.channels, limit if soft else None)

        gain = 1.0
        if twice and limit is not None:
            peak = max((float(np.abs(y).max(initial=0.0)) for y in run(chain(False))), default=0.0)
            gain = min(1.0, limit / peak) if peak > 0 else 1.0
        last = chain(clip == "soft")
        with Writer(
            destination,
            out_rate,
            reader.channels,
            container=container,
            subtype=subtype,
            tags=read_tags(reader.location),
            encoding=encoding,
            force=force,
            source=source,
            hold=hold,
        ) as writer:
            for y in run(last):
                writer.write(y if gain == 1.0 else y * np.float32(gain))
    cut = "" if encoding is None or why_not else cut_below(encoding)
    return Summary(
        source=str(source),
        destination=str(destination),
        sample_rate=out_rate,
        seconds=writer.frames / out_rate,
        cutoff_hz=cutoff_hz,
        measured=measured,
        extended=not why_not,
        encoding=encoding,
        recoded=encoding is not None and reader.kbps is not None,
        notes=(
            *_reading_notes(reader, container, subtype, destination),
            *filter(None, (lowered(given_hz, reader.sample_rate), cut)),
            *_notes(why_not, beyond_training(cutoff_hz, bundle), subtype, gain, last, writer, out_rate),
        ),
        held=writer.held,
    )


class _Run:
    """A file through a chain, once or more, with word of how far it is in all."""

    def __init__(
        self, reader: Reader, total_s: float, progress: Callable[[float, float], None] | None
    ) -> None:
        self._reader, self._total_s, self._progress = reader, total_s, progress
        self._frames = 0

    def __call__(self, chain: Chain) -> Iterator[NDArray[np.float32]]:
        for x in self._reader.blocks():
            yield chain.process(x)
            self._frames += x.shape[1]
            if self._progress is not None:
                self._progress(self._frames / self._reader.sample_rate, self._total_s)
        yield chain.flush()


def _reading_notes(
    reader: Reader, container: str, subtype: str, destination: str | os.PathLike[str]
) -> Iterator[str]:
    """What reading has to say, and which other format is written where no one asked for one."""
    if reader.damage:
        yield f"{reader.damage}; --strict refuses such files"
    yield from reader.notes
    unasked = Path(destination).suffix.lower() == output_suffix(reader.path).lower()
    if (
        unasked
        and str(destination) != STANDARD
        and (container, subtype) != (reader.container, reader.subtype)
    ):
        yield f"read as {reader.container} ({reader.subtype}), written as {container} ({subtype})"


def _notes(
    why_not: str, beyond: str, subtype: str, gain: float, chain: Chain, writer: Writer, sample_rate: int
) -> tuple[str, ...]:
    notes = []
    if why_not:
        notes.append(f"{why_not}; nothing added")
    elif beyond:
        notes.append(beyond)
    if gain < 1.0:
        notes.append(f"scaled by {20 * np.log10(gain):.2f} dB to fit {subtype}")
    if chain.clip is not None and chain.clip.places:
        places, seconds = counted(chain.clip.places, "place"), chain.clip.lowered_samples / sample_rate
        notes.append(
            f"high band lowered at {places}, {seconds:.2f} s in all, to stay in the range"
            f" of {subtype}; --clip rescale scales everything instead"
        )
    if writer.clipped_samples:
        notes.append(f"{counted(writer.clipped_samples, 'sample')} beyond the range of {subtype}, clamped")
    return (*notes, *writer.notes)
