"""The long-term spectrum of what was received, and what restoring makes of it, as a picture."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..restoration.condition import Condition
from ..restoration.statistics import CENTRES_HZ
from ..stft import N_FFT, FloatArray
from .picture import save_picture

FULL_SCALE = (N_FFT / np.pi) ** 2
"""Power of a full-scale sine in its bin."""


def save_levels(
    path: str | os.PathLike[str],
    title: str,
    moments: FloatArray,
    condition: Condition,
    cutoff_hz: float | None,
    force: bool = False,
) -> None:
    """Draw the level of each band as received and as restored, with the cutoff.

    Parameters
    ----------
    path : str or Path
        Picture to write, named ``.png``.
    title : str
    moments : (4, 155) float32
        As `tfbwe.restoration.statistics.LongTerm` has them.
    condition : Condition
    cutoff_hz : float or None
    force : bool
        Replace an existing file.

    Raises
    ------
    ConfigError, AudioError
        As `save_picture`.
    """

    def draw(figure: Any) -> None:
        axis = figure.subplots()
        received_db = 10 * np.log10(moments[0] / FULL_SCALE + 1e-16)
        khz = CENTRES_HZ / 1000
        if condition.gain_db.any():
            raised_db = received_db + condition.gain_db
            axis.fill_between(khz, received_db, raised_db, color="#f0a060", alpha=0.4, linewidth=0)
            axis.plot(khz, raised_db, color="#c05000", label="restored")
        axis.plot(khz, received_db, color="#204080", label="received")
        if cutoff_hz is not None:
            axis.axvline(cutoff_hz / 1000, color="black", linewidth=1, linestyle=(0, (4, 4)), label="cutoff")
        axis.set(xlabel="kHz", ylabel="dB, mean over time", xlim=(0, khz[-1]))
        axis.set_title(f"{title}\n{condition}", loc="left", fontsize=10, parse_math=False)
        axis.grid(alpha=0.3)
        axis.legend(loc="upper right")

    save_picture(path, (10.0, 4.5), draw, force)
