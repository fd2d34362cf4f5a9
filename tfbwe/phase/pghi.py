"""Phases that fit given magnitudes, frame by frame: real-time phase gradient heap integration.

From how a magnitude changes along frequency follows how its phase advances in time, and the other way round.
Both slopes are integrated from bins whose phase is known, loudest first: the same bin of the frame before,
which carries steady partials on, and the received band below, which keeps attacks at their time.

Three things differ from the paper (Průša, Søndergaard: "Real-Time Spectrogram Inversion Using Phase Gradient
Heap Integration", DAFx-16). Its slopes are those of a Gaussian window; here they are those of the sine window
itself, exact for a steady sine and for a click. Its slope along frequency needs the next frame or a one-sided
difference; here the next frame is predicted from the last three. And no heap is kept: within a frame the bins
are a chain, so a heap reaches a bin along the path whose faintest bin is the loudest. To find it takes
running clamps, which NumPy does for all bins and frames at once; the result is the heap's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from ..stft import HOP_LENGTH, N_FFT, ComplexArray, FloatArray

TOLERANCE = 1e-6
"""Bins below this share of the loudest in their frame give nothing on; their phase runs on undisturbed."""
PREDICTION = (1.6, -0.4)
"""Weights of the last change and the one before it in the change from the last frame to the next.

Of those tried, the lowest log-spectral distance on training music without blurring a click.
"""

_PAST = 2
_LAST_RESORT = 1e-100
_TURN = 2 * np.pi

Array = NDArray[np.float64]
Indices = NDArray[np.intp]


class PhaseGradient:
    """Finds phases for the bins above those whose phase is known; remembers two frames.

    Parameters
    ----------
    channels, bins : int
        Each channel is on its own, and two alike get the same phases. Bins from 0 Hz on.
    """

    def __init__(self, channels: int, bins: int) -> None:
        self.channels = channels
        self.bins = bins
        self.reset()

    def reset(self) -> None:
        """Forget the past, as if silence had come before."""
        self._past = np.zeros((_PAST, self.channels, self.bins), np.float64)
        self._phase = np.zeros((self.channels, self.bins), np.float64)

    def process(self, magnitude: FloatArray, known: ComplexArray) -> ComplexArray:
        """Return unit phasors for frames in a row.

        Parameters
        ----------
        magnitude : (frames, channels, bins) float32, finite, at least 0
            Of the whole spectrum that is to be built, the received band included. Any number of frames.
        known : (frames, channels, known bins) complex64, finite
            What was received in the lowest bins; only its phase counts. Their number may be 0 and may differ
            from call to call.

        Returns
        -------
        (frames, channels, bins - known bins) complex64
            Without delay. The phase is that of `stft.analyse`: it counts from the start of a frame.

        Raises
        ------
        ConfigError
            If the shapes do not fit.
        """
        self._check(magnitude, known)
        known_bins = known.shape[-1]
        # Only the highest known bin has a neighbour to give its phase to.
        first = max(known_bins - 1, 0)
        rows = np.concatenate([self._past, magnitude])
        band = rows[..., first:]
        phase = np.empty(band[_PAST:].shape, np.float64)
        along = advance(band[1:], first)
        along = (along[1:] + along[:-1]) / 2
        across = np.cumsum(_steps(band), axis=-1)
        root = roots(*_levels(rows, first, known_bins))
        border = np.arctan2(known[..., first:].imag, known[..., first:].real)
        for m in range(len(magnitude)):
            phase[m] = self._phase[:, first:] + along[m]
            phase[m, :, : border.shape[-1]] = border[m]
            phase[m] = np.take_along_axis(phase[m] - across[m], root[m], axis=-1) + across[m]
            phase[m] -= _TURN * np.rint(phase[m] / _TURN)
            self._phase[:, first:] = phase[m]
        if len(magnitude):
            self._phase[:, :first] = np.arctan2(known[-1, :, :first].imag, known[-1, :, :first].real)
        self._past = rows[len(magnitude) :].copy()
        return _phasors(phase[..., known_bins - first :])

    def _check(self, magnitude: FloatArray, known: ComplexArray) -> None:
        if magnitude.ndim != 3 or magnitude.shape[1:] != (self.channels, self.bins):
            raise ConfigError(
                f"magnitude: expected shape (frames, {self.channels}, {self.bins}), "
                f"received {magnitude.shape}"
            )
        if known.ndim != 3 or known.shape[:2] != magnitude.shape[:2] or known.shape[2] > self.bins:
            raise ConfigError(
                f"known: expected shape ({len(magnitude)}, {self.channels}, at most {self.bins}), "
                f"received {known.shape}"
            )


def slope(change: Array) -> Array:
    """Return how much the phase grows from a bin to the next, in radians.

    A click `t` samples after the middle of a frame turns the phase by -pi - 2 pi t / N_FFT from bin to bin.
    Under the sine window its magnitude is cos(pi t / N_FFT). With frames a quarter apart, the next frame's
    less the last one's, over their sum, is then tan(pi t / N_FFT).

    Parameters
    ----------
    change : (...) float64, -1 to 1
        Difference over sum of the magnitudes of the next frame and the last.
    """
    return np.asarray(-np.pi - 2 * np.arctan(change))


def advance(magnitude: Array, first_bin: int = 0) -> Array:
    """Return how much the phase grows from a frame to the next, in radians, whole turns left out.

    The spectrum of the sine window is cos(pi x) / (1 - 4 x^2) at a distance of x bins. So the magnitudes on
    both sides of the loudest bin of a steady sine give how far off the sine is: with q their difference over
    their sum, 4 q x^2 - 8 x + 3 q = 0.

    Parameters
    ----------
    magnitude : (..., bins) float64
    first_bin : int
        Number of the first one.
    """
    q = np.zeros_like(magnitude)
    q[..., 1:-1] = _change(magnitude[..., :-2], magnitude[..., 2:])
    distance = 1.5 * q / (2 + np.sqrt(4 - 3 * q * q))
    centre = (first_bin + np.arange(magnitude.shape[-1])) * HOP_LENGTH % N_FFT
    return np.asarray(_TURN / N_FFT * (centre + HOP_LENGTH * distance))


def roots(own: Array, source: Array) -> Indices:
    """Return for each bin the bin of its frame that its phase is integrated from; itself if from the past.

    A heap holds the bins whose phase is known, and its loudest gives its phase to its neighbours.

    Parameters
    ----------
    own : (..., bins) float64, at least 0
        Loudness of each bin once its phase is known; 0 for one that gives nothing on and takes nothing.
    source : (..., bins) float64, at least 0
        Loudness of where its phase comes from if not from a neighbour.

    Returns
    -------
    (..., bins) intp
    """
    below = _reach(own, source)
    above = _reach(own[..., ::-1], source[..., ::-1])[..., ::-1]
    takes = own > 0
    # Equal ones go upward, so that no two neighbours wait for each other.
    from_below = takes & (below >= above) & (below >= source)
    from_above = takes & (above > below) & (above > source)
    bins = np.arange(own.shape[-1])
    lower = np.maximum.accumulate(np.where(from_below, 0, bins), axis=-1)
    upper = np.where(from_above, own.shape[-1] - 1, bins)[..., ::-1]
    upper = np.minimum.accumulate(upper, axis=-1)[..., ::-1]
    return np.where(from_below, lower, np.where(from_above, upper, bins))


def _reach(own: Array, source: Array) -> Array:
    """Loudness of the faintest bin on the best path to each bin from below it; 0 where nothing arrives.

    reach[k + 1] = min(own[k], max(source[k], reach[k])): a clamp, and a clamp after a clamp is one again, so
    that doubling their number each time takes a logarithm of steps.
    """
    low, high = np.minimum(own, source), own.copy()
    span = 1
    while span < own.shape[-1]:
        here = (..., slice(span, None))
        before = low[..., :-span], high[..., :-span]
        low[here], high[here] = (np.minimum(high[here], np.maximum(low[here], x)) for x in before)
        span *= 2
    reach = np.zeros_like(low)
    reach[..., 1:] = low[..., :-1]
    return reach


def _levels(rows: Array, first: int, known_bins: int) -> tuple[Array, Array]:
    """What `roots` takes, for the bins from the first on."""
    loudest = rows[1:].max(axis=-1, keepdims=True)
    floor = TOLERANCE * np.maximum(loudest[1:], loudest[:-1])
    magnitude, before = rows[_PAST:, :, first:], rows[1:-1, :, first:]
    own = np.where(magnitude > floor, magnitude, 0)
    # An attack out of silence starts at its loudest bin.
    source = np.where(before > floor, before, magnitude * _LAST_RESORT)
    source[..., : known_bins - first] = np.inf
    return own, source


def _steps(rows: Array) -> Array:
    """Growth of the phase to each bin from the one below it, for all frames but the remembered ones."""
    changes = _change(rows[:-1], rows[1:])
    slopes = slope(np.clip(PREDICTION[0] * changes[1:] + PREDICTION[1] * changes[:-1], -1, 1))
    steps = np.zeros_like(slopes)
    steps[..., 1:] = (slopes[..., 1:] + slopes[..., :-1]) / 2
    return steps


def _change(first: Array, second: Array) -> Array:
    """Difference over sum; 0 where both are 0."""
    total = first + second
    return np.asarray((second - first) / np.where(total > 0, total, 1))


def _phasors(phase: Array) -> ComplexArray:
    unit = np.empty(phase.shape, np.complex64)
    unit.real = np.cos(phase)
    unit.imag = np.sin(phase)
    return unit
