"""What was received: whether it can be worked on, and where its band ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..audio.formats import check_signal
from ..audio.reader import Reader
from ..cutoff.bandwidth import Bandwidth
from ..cutoff.edge import FLOOR_DB
from ..errors import AudioError
from ..samples import float_samples
from ..stft import SAMPLE_RATE

if TYPE_CHECKING:
    from ..model.bundle import Bundle

# What the resampler keeps of a low-rate input: -3 dB at this part of its Nyquist frequency.
RESAMPLER_EDGE = 0.95
MEASURED_EXCERPTS = 12
EXCERPT_S = 5.0


def checked_signal(x: NDArray[np.floating[Any]], sample_rate: int) -> NDArray[np.float32]:
    """Return a caller's signal as float32 (channels, samples).

    Parameters
    ----------
    x : array (channels, samples) or (samples,), float
        The signal.
    sample_rate : int
        In Hz.

    Returns
    -------
    array (channels, samples), float32
        The signal.

    Raises
    ------
    AudioError
        If it is of another shape or type, outside 1-8 channels or 8-192 kHz, or holds NaN or infinite values.
    """
    signal = float_samples(x, "signal")
    if signal.ndim not in (1, 2):
        raise AudioError(f"signal: expected shape (channels, samples) or (samples,), received {signal.shape}")
    signal = np.atleast_2d(signal)
    check_signal("signal", sample_rate, signal.shape[0])
    finite = np.isfinite(signal).all(axis=0)
    if not finite.all():
        at_s = int(np.argmin(finite)) / sample_rate
        raise AudioError(f"signal: NaN or infinite sample at {at_s:.3f} s; expected finite numbers")
    return signal


def measure_band(blocks: Iterable[NDArray[np.float32]], sample_rate: int) -> tuple[float | None, str]:
    """Return where the received band of a signal ends, and why that cannot be told where it cannot.

    Parameters
    ----------
    blocks : iterable of array (channels, samples), float32
        The signal, or excerpts of it.
    sample_rate : int
        In Hz. Below 44.1 kHz the band ends at the resampler's edge, 0.95 of the Nyquist frequency, or before.

    Returns
    -------
    cutoff_hz : float or None
        In Hz, or ``None`` where the signal holds no samples, or at 44.1 kHz or more is silent, short or
        reaches up to its Nyquist frequency.
    why_none : str
        Why it is ``None``, else an empty string.
    """
    bandwidth = Bandwidth(sample_rate)
    samples = 0
    for block in blocks:
        bandwidth.update(block)
        samples += block.shape[1]
    if samples == 0:
        return None, "it holds no sound"
    edge_hz = bandwidth.cutoff_hz
    if sample_rate < SAMPLE_RATE:
        highest = RESAMPLER_EDGE * sample_rate / 2
        return (highest if edge_hz is None else min(edge_hz, highest)), ""
    if edge_hz is not None:
        return edge_hz, ""
    if samples < bandwidth.n_fft:
        return None, "it is too short to show where its band ends"
    if bandwidth.envelope_db.max() <= FLOOR_DB:
        return None, "it is silent"
    return None, "the spectrum has no edge"


def excerpts(reader: Reader) -> Iterator[NDArray[np.float32]]:
    """Yield a file up to a minute long whole, of a longer one excerpts spread over it.

    Parameters
    ----------
    reader : Reader
        The open file; its position changes.

    Yields
    ------
    array (channels, samples), float32
        The next block.
    """
    length = round(EXCERPT_S * reader.sample_rate)
    if reader.frames <= MEASURED_EXCERPTS * length:
        yield from reader.blocks()
        return
    for start in np.linspace(0, reader.frames - length, MEASURED_EXCERPTS).astype(int):
        # An MP3's length may be an estimate; damage is reported when the file is read as a whole.
        with contextlib.suppress(AudioError):
            yield from reader.blocks(start=int(start), stop=int(start) + length)


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
