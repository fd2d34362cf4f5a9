"""Which version of an excerpt to take, for whom and why: by its figures, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A version that somebody may take.

    Attributes
    ----------
    version : str
    adds : bool
        Whether it holds sound that is made up.
    sdr_db, lsd_hf : float or None
        Of `tfbwe.measures`; None where they are not defined.
    late_ms : int
        How long after the received sound it comes, made in real time.
    """

    version: str
    adds: bool
    sdr_db: float | None
    lsd_hf: float | None
    late_ms: int


def advice(received: Candidate, others: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return advice for listeners, for those who need what was there, and for those who play live.

    Parameters
    ----------
    received : Candidate
    others : sequence of Candidate
        What was made of it.

    Returns
    -------
    list of dict
        ``who`` takes ``version``, and ``why``.
    """
    found = [_to_listen(received, others), _to_keep(received, others)]
    added = [one for one in others if one.adds]
    if found[0]["version"] != received.version and len({one.late_ms for one in added}) > 1:
        found.append(_live(added))
    return found


def _to_listen(received: Candidate, others: Sequence[Candidate]) -> dict[str, Any]:
    """The high band nearest to the original's; what was received where nothing comes nearer."""
    best = min((received, *others), key=lambda one: math.inf if one.lsd_hf is None else one.lsd_hf)
    if best is received:
        why = "no version comes nearer to the original, so there is nothing to gain here"
    elif best.adds:
        why = "its highs come nearest to the original's; they are a good guess, not the truth"
    else:
        why = "its highs come nearest to the original's, and nothing in it is made up"
    return {"who": "To listen", "version": best.version, "why": why}


def _to_keep(received: Candidate, others: Sequence[Candidate]) -> dict[str, Any]:
    """The waveform nearest to the original's among those that hold nothing made up."""
    true = (received, *(one for one in others if not one.adds))
    best = max(true, key=lambda one: -math.inf if one.sdr_db is None else one.sdr_db)
    why = "nothing in it is made up"
    if best is received:
        why += ", and to raise what is left of the highs gains nothing here"
    else:
        why += "; what is left of the highs is raised, which comes nearer to the original than received"
    return {"who": "To measure or to archive", "version": best.version, "why": why}


def _live(added: Sequence[Candidate]) -> dict[str, Any]:
    """The one that is least late."""
    first, *_, last = sorted(added, key=lambda one: one.late_ms)
    why = f"it comes {first.late_ms} ms after the received sound, others up to {last.late_ms} ms"
    return {"who": "To play live", "version": first.version, "why": why}
