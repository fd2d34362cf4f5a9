"""Phases for a band that was not received.

`mirror` folds the received band about the cutoff: the spectrum of a signal that was modulated with a carrier
of twice the cutoff. It keeps what matters most to the ear, attacks at their time and a frame-to-frame advance
that belongs to steady partials, at the price of partials that are not in tune.
"""

from __future__ import annotations

import numpy as np

from .errors import ConfigError
from .settings import PHASES
from .stft import HOP_LENGTH, N_FFT, ComplexArray


def phasors(
    spectrum: ComplexArray, first_frame: int, cutoff_bin: int, phase: str, first_bin: int = 0
) -> ComplexArray:
    """Unit phasors for the bins of frames in a row.

    Parameters
    ----------
    spectrum : (frames, channels, bins) complex64
        What was received.
    first_frame : int
        Number of the first frame since the start of the stream: the carrier's phase goes by it.
    cutoff_bin : int
        Highest received bin, at least 1.
    phase : {"mirror", "received"}
        `received` takes every bin's own phase, that of rounding noise where nothing was received.
    first_bin : int
        The bins below it are left out.

    Returns
    -------
    (frames, channels, bins - first_bin) complex64
        Of magnitude 1, also where the spectrum is 0.

    Raises
    ------
    ConfigError
        If the method is unknown.
    """
    if phase == "received":
        return _unit(spectrum[..., first_bin:])
    if phase != "mirror":
        raise ConfigError(f"phase: expected one of {', '.join(PHASES)}, received {phase!r}")
    bins = np.arange(first_bin, spectrum.shape[-1])
    folds = (bins + cutoff_bin) // (2 * cutoff_bin)  # number of carriers of twice the cutoff
    source = bins - 2 * cutoff_bin * folds
    received = _unit(spectrum[..., : cutoff_bin + 1])
    unit: ComplexArray = received.take(np.abs(source), axis=-1)
    # A shift by s bins advances by 2 pi s HOP_LENGTH / N_FFT each frame: a multiple of pi for an even s.
    frames = first_frame + np.arange(len(spectrum))
    half_turns = (frames[:, None] * folds * cutoff_bin * (4 * HOP_LENGTH // N_FFT)) % 2
    sign = (1 - 2 * half_turns).astype(np.float32)[:, None, :]
    unit.real *= sign
    unit.imag *= np.where(source < 0, -sign, sign)
    return unit


def _unit(spectrum: ComplexArray) -> ComplexArray:
    magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2)
    empty = magnitude < 1e-20
    magnitude[empty] = 1
    unit: ComplexArray = spectrum * (1 / magnitude)
    unit[empty] = 1
    return unit
