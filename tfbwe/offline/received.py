"""What was received: where its band ends, its long-term statistics, and whether there is something to add."""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..audio.excerpts import spans
from ..audio.reader import Reader
from ..audio.resampler import Resampler
from ..cutoff.bandwidth import highest_edge_hz, measure_band
from ..errors import AudioError
from ..model.bundle import Bundle
from ..model.step_model import restoring_runner
from ..restoration import images
from ..restoration.condition import Condition, identify
from ..restoration.gain import noise_floor
from ..restoration.statistics import LongTerm
from ..stft import SAMPLE_RATE

MEASURED_EXCERPTS = 12
EXCERPT_S = 5.0


@dataclass(frozen=True)
class Received:
    """What a signal says of itself before its first sample is extended.

    Attributes
    ----------
    cutoff_hz : float or None
        Where its band ends, given or measured.
    why_none : str
        Why it cannot be found, else an empty string.
    moments : (4, 155) float32 or None
        Its long-term statistics, by which it is restored; None where there is no sound.
    """

    cutoff_hz: float | None
    why_none: str
    moments: NDArray[np.float32] | None


def measure(
    pieces: Iterable[Iterable[NDArray[np.float32]]], sample_rate: int, cutoff_hz: float | None = None
) -> Received:
    """Measure a signal, or pieces of it, each in blocks (channels, samples) float32 of any length.

    A cutoff that is given is taken, not measured, up to what resampling keeps. Where the band reaches all the
    way up, but is made of images from some edge on, that edge is the cutoff.
    """
    long_term = LongTerm()

    def blocks() -> Iterator[NDArray[np.float32]]:
        for piece in pieces:
            resampler: Resampler | None = None
            for block in piece:
                if resampler is None:
                    resampler = Resampler(sample_rate, SAMPLE_RATE, len(block))
                long_term.update(resampler.process(block))
                yield block
            if resampler is not None:
                long_term.update(resampler.flush())
                long_term.end()

    why_none = ""
    if cutoff_hz is None:
        cutoff_hz, why_none = measure_band(blocks(), sample_rate)
    else:
        cutoff_hz = min(cutoff_hz, highest_edge_hz(sample_rate))
        collections.deque(blocks(), maxlen=0)
    moments = long_term.moments
    if cutoff_hz is None and moments is not None:
        cutoff_hz = images.lowest_edge_hz(moments[1], noise_floor(moments))
        why_none = "" if cutoff_hz else why_none
    return Received(cutoff_hz, why_none, moments)


def measure_file(reader: Reader, cutoff_hz: float | None = None) -> Received:
    """Measure an open file, as `measure` does; its position changes.

    Up to a minute long it is measured whole, else excerpts spread over it.

    Raises
    ------
    AudioError
        If a short file cannot be read to its end.
    """
    return measure(_pieces(reader), reader.sample_rate, cutoff_hz)


def _pieces(reader: Reader) -> Iterator[Iterator[NDArray[np.float32]]]:
    found = spans(reader.frames, round(EXCERPT_S * reader.sample_rate), MEASURED_EXCERPTS)
    if len(found) == 1:
        yield reader.blocks()
        return
    for start, stop in found:
        yield _excerpt(reader, start, stop)


def _excerpt(reader: Reader, start: int, stop: int) -> Iterator[NDArray[np.float32]]:
    # An MP3's length may be an estimate; damage is reported when the file is read as a whole.
    with contextlib.suppress(AudioError):
        yield from reader.blocks(start=start, stop=stop)


def identified(received: Received, bundle: Bundle) -> Condition | None:
    """Say what the condition did, by the restoring network of a model.

    None where there is no sound or no cutoff, or the model's networks do not run by themselves.
    """
    manifest = bundle.manifest
    if received.moments is None or received.cutoff_hz is None:
        return None
    if not manifest.restoring or manifest.graph["kind"] != "step":
        return None
    run = restoring_runner(bundle)
    return identify(received.moments, lambda read: run(statistics=read)["log_gain"], received.cutoff_hz)


def nothing_to_add(cutoff_hz: float | None, why_none: str, bundle: Bundle) -> str:
    """Return why a model adds nothing above a cutoff, or an empty string where it does.

    Parameters
    ----------
    cutoff_hz, why_none
        As `measure_band` returns them; a cutoff that was given needs no reason.
    bundle : Bundle
        The model.

    Returns
    -------
    str
    """
    if cutoff_hz is None:
        return why_none
    highest = bundle.cutoff_range_hz[1]
    if cutoff_hz > highest:
        return f"the received band reaches {cutoff_hz:.0f} Hz, the model adds above {highest:.0f} Hz at most"
    return ""


def beyond_training(cutoff_hz: float | None, bundle: Bundle) -> str:
    """Return what to say of a cutoff lower than those that a model was trained for, or an empty string."""
    lowest = bundle.cutoff_range_hz[0]
    if cutoff_hz is None or cutoff_hz >= lowest:
        return ""
    return f"the model was trained for cutoffs from {lowest:.0f} Hz up; below, expect less"


def lowered(given_hz: float | None, sample_rate: int) -> str:
    """Return what to say of a given cutoff higher than resampling keeps, or an empty string."""
    highest = highest_edge_hz(sample_rate)
    if given_hz is None or given_hz <= highest:
        return ""
    kept = f"resampling keeps {sample_rate} Hz sound up to {highest:.0f} Hz"
    return f"{kept}: extended from there, not {given_hz:g} Hz"
