"""Extending whole signals: measure where the received band ends, then loop over a decoder."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..audio.formats import BLOCK_FRAMES
from ..decoder import Decoder
from ..model.bundle import DEFAULT, Bundle, load_bundle
from ..samples import checked_signal
from ..settings import check_settings, whole_number
from ..stft import SAMPLE_RATE
from .chain import Chain
from .received import beyond_training, lowered, measure, nothing_to_add


def extend(
    x: NDArray[np.floating[Any]],
    sample_rate: int,
    model: str | os.PathLike[str] | Bundle = DEFAULT,
    cutoff_hz: float | None = None,
    diffuse: float = 1.0,
    phase: str = "mirror",
) -> tuple[NDArray[np.float32], int]:
    """Return a band-limited signal with its high band put back.

    Parameters
    ----------
    x : (channels, samples) or (samples,) float
        The received signal, nominally in [-1, 1], of 1-8 channels.
    sample_rate : int
        Its rate in Hz, 8000-192000.
    model : str, Path or Bundle
        Name of a shipped model, or a model file.
    cutoff_hz : float, optional
        Where the received band ends, in (0, sample_rate / 2]; measured if ``None``. Below 44.1 kHz it counts
        up to 0.95 of half the sample rate, which is what resampling keeps.
    diffuse : float
        Part of the synthesised-phase term, in [0, 1]: 0 gives the best SDR, 1 the full spectrum.
    phase : {"mirror", "received", "pghi"}
        Phase of that term.

    Returns
    -------
    y : (channels, samples) or (samples,) float32
        Shaped as ``x``, aligned with it, ``round(samples * rate / sample_rate)`` samples long. It is not
        clipped: of music at full scale it reached 1.2 on average and 2.2 at most, on 26 pieces.
    rate : int
        ``max(sample_rate, 44100)`` Hz.

    Raises
    ------
    AudioError
        If the array is of another shape or type, or holds NaN or infinite values.
    ConfigError
        If a setting is outside its range.
    ModelError
        If the model cannot be loaded.

    Warns
    -----
    UserWarning
        If there is nothing to add, the cutoff is lower than those the model was trained for, or higher than
        resampling keeps, or if ``y`` leaves [-1, 1] where ``x`` does not.
    """
    sample_rate = whole_number("sample_rate", sample_rate)
    signal = checked_signal(x, sample_rate)
    check_settings(sample_rate, cutoff_hz, diffuse, phase)
    bundle = load_bundle(model)
    starts = range(0, signal.shape[1], BLOCK_FRAMES)
    blocks = [signal[:, start : start + BLOCK_FRAMES] for start in starts]
    received = measure([blocks], sample_rate, cutoff_hz)
    given_hz, cutoff_hz = cutoff_hz, received.cutoff_hz
    why_not = nothing_to_add(cutoff_hz, received.why_none, bundle)
    doubt = f"{why_not}; nothing added" if why_not else beyond_training(cutoff_hz, bundle)
    for warning in filter(None, (doubt, lowered(given_hz, sample_rate))):
        warnings.warn(warning, stacklevel=2)
    out_rate = max(sample_rate, SAMPLE_RATE)
    decoder = None if why_not else Decoder(bundle, len(signal), cutoff_hz, diffuse, phase, received.moments)
    chain = Chain(decoder, sample_rate, out_rate, len(signal))
    parts = [chain.process(block) for block in blocks]
    y = np.concatenate([*parts, chain.flush()], axis=1)
    peak = float(np.abs(y).max(initial=0.0))
    if peak > 1.0 >= np.abs(signal).max(initial=0.0):
        warnings.warn(
            f"the sum reaches {peak:.2f}, beyond [-1, 1]: scale it before it is stored as integers",
            stacklevel=2,
        )
    return (y if np.ndim(x) == 2 else y[0]), out_rate
