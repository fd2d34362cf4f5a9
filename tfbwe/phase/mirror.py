"""Phases for a band that was not received.

`mirror` folds the received band about the cutoff: the spectrum of a signal that was modulated with a carrier
of twice the cutoff. It keeps what matters most to the ear, attacks at their time and a frame-to-frame advance
that belongs to steady partials, at the price of partials that are not in tune.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import ConfigError
from ..stft import HOP_LENGTH, N_FFT, ComplexArray

MEMORYLESS = ("received", "mirror")
"""Phases that a frame or block has by itself; that of `pghi` depends on the frames before."""
TINY = 1e-20
"""Below this magnitude a bin has no phase."""
IntArray = npt.NDArray[np.int64]


def phasors(
    spectrum: ComplexArray, first_frame: int, cutoff_bin: int, phase: str, first_bin: int = 0
) -> ComplexArray:
    """Unit phasors for the bins of STFT frames in a row.

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
        return unit(spectrum[..., first_bin:])
    if phase != "mirror":
        raise ConfigError(f"phase: expected one of {', '.join(MEMORYLESS)}, received {phase!r}")
    starts = (first_frame + np.arange(len(spectrum))) * (4 * HOP_LENGTH // N_FFT)
    return mirrored(
        unit(spectrum[..., : cutoff_bin + 1]), starts, cutoff_bin, range(first_bin, spectrum.shape[-1])
    )


def mirrored(spectrum: ComplexArray, starts: IntArray, cutoff_bin: int, bins: range) -> ComplexArray:
    """Spectrum folded about a cutoff, and about its odd multiples, again and again.

    Parameters
    ----------
    spectrum : (frames, channels, cutoff_bin + 1 or more) complex64
        What was received.
    starts : (frames,) int
        Where each frame begins in the stream, in quarters of its length: the carrier's phase goes by it.
    cutoff_bin : int
        Highest received bin, at least 1.
    bins : range
        Those that are wanted.

    Returns
    -------
    (frames, channels, len(bins)) complex64
    """
    wanted = np.asarray(bins)
    folds = (wanted + cutoff_bin) // (2 * cutoff_bin)  # number of carriers of twice the cutoff
    source = wanted - 2 * cutoff_bin * folds
    folded: ComplexArray = spectrum.take(np.abs(source), axis=-1)
    # A shift by s bins turns by 2 pi s a frame's length: a quarter of it by a multiple of pi for an even s.
    half_turns = (starts[:, None] * folds * cutoff_bin) % 2
    sign = (1 - 2 * half_turns).astype(np.float32)[:, None, :]
    folded.real *= sign
    folded.imag *= np.where(source < 0, -sign, sign)
    return folded


def unit(spectrum: ComplexArray) -> ComplexArray:
    """Every coefficient divided by its magnitude; 1 where that is 0."""
    magnitude = np.sqrt(spectrum.real**2 + spectrum.imag**2)
    empty = magnitude < TINY
    magnitude[empty] = 1
    phasor: ComplexArray = spectrum * (1 / magnitude)
    phasor[empty] = 1
    return phasor
