"""Where excerpts of a sound lie."""

from __future__ import annotations

import numpy as np


def spans(frames: int, length: int, count: int = 1) -> list[tuple[int, int]]:
    """Return where excerpts spread evenly over a sound begin and end; a single one lies in the middle.

    Parameters
    ----------
    frames : int
        Samples per channel of the sound.
    length : int
        Of each excerpt, in the same samples.
    count : int
        How many excerpts.

    Returns
    -------
    list of (int, int)
        First sample of each, and the one after its last; all of a sound that is no longer than they are.
    """
    if frames <= count * length:
        return [(0, frames)]
    last = frames - length
    starts = [last // 2] if count == 1 else [int(start) for start in np.linspace(0, last, count)]
    return [(start, start + length) for start in starts]
