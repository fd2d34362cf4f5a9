"""What was received in a file: where its band ends, and whether a model has something to add above."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..audio.excerpts import spans
from ..audio.reader import Reader
from ..cutoff.bandwidth import measure_band
from ..errors import AudioError
from ..model.bundle import Bundle

MEASURED_EXCERPTS = 12
EXCERPT_S = 5.0


def measure_file(reader: Reader) -> tuple[float | None, str]:
    """Return where the band of a file ends, or why it cannot be found.

    Parameters
    ----------
    reader : Reader
        The open file; its position changes. Up to a minute long it is measured whole, else excerpts spread
        over it.

    Returns
    -------
    cutoff_hz : float or None
    why_none : str
        As from `tfbwe.cutoff.bandwidth.measure_band`.

    Raises
    ------
    AudioError
        If a short file cannot be read to its end.
    """
    return measure_band(_excerpts(reader), reader.sample_rate)


def _excerpts(reader: Reader) -> Iterator[NDArray[np.float32]]:
    found = spans(reader.frames, round(EXCERPT_S * reader.sample_rate), MEASURED_EXCERPTS)
    if len(found) == 1:
        yield from reader.blocks()
        return
    for start, stop in found:
        # An MP3's length may be an estimate; damage is reported when the file is read as a whole.
        with contextlib.suppress(AudioError):
            yield from reader.blocks(start=start, stop=stop)


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
