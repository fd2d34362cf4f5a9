"""Magnitude responses of low-pass filters in the bands of the long-term statistics.

The restoring network learns on statistics, on which a filter acts by multiplication: no audio is filtered,
and filters of any kind can be drawn, also those that `Lowpass` does not have.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tfbwe.restoration.statistics import BAND_BINS, BANDS, CENTRES_HZ, USED
from tfbwe.stft import BIN_HZ, SAMPLE_RATE

from .filters import Lowpass

FloatArray = npt.NDArray[np.float64]
BINS_HZ = np.arange(USED) * BIN_HZ
SMALLEST = 1e-5
"""Responses are held above this: -100 dB, below any noise."""
LOWEST_HZ, HIGHEST_HZ = 3000.0, 17000.0


@dataclasses.dataclass(frozen=True)
class Response:
    """What a filter does in each band.

    Attributes
    ----------
    kind : str
        One of `KINDS`, `KEPT_OUT`, `IMAGES`, or ``brickwall``.
    cutoff_hz : float
        Where its pass band ends.
    log_gain : (155,) float32
        Nepers, 0 and below, of the root mean square over the bins of each band.
    source : (155,) int64
        The band that each band's sound comes from: itself, but for images.
    """

    kind: str
    cutoff_hz: float
    log_gain: npt.NDArray[np.float32]
    source: npt.NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.arange(BANDS))


def log_gain_of(lowpass: Lowpass) -> npt.NDArray[np.float32]:
    """Log gain of a gentle filter in each band, (155,) float32, as `Response` has it."""
    return _in_bands(lowpass.amplitude(BINS_HZ, SAMPLE_RATE))


def _in_bands(amplitude: FloatArray) -> npt.NDArray[np.float32]:
    power = np.mean(amplitude.reshape(BANDS, BAND_BINS) ** 2, axis=1)
    return np.asarray(0.5 * np.log(np.clip(power, SMALLEST**2, 1.0)), np.float32)


Filter = Callable[[np.random.Generator, float], FloatArray]


BOTH_WAYS = 0.5
"""Share of the recursive filters that run forward and backward: a Butterworth filter has -6 dB at the cutoff
then, else -3. With 0.7 the network took that for the rule, and undid 2 dB too much around the cutoff of the
others."""


def _recursive(family: str, orders: tuple[int, ...]) -> Filter:
    def response(rng: np.random.Generator, cutoff_hz: float) -> FloatArray:
        order = int(rng.choice(orders))
        phase = "forward-backward" if rng.random() < BOTH_WAYS else "zero"
        return Lowpass(family, cutoff_hz, order, phase).amplitude(BINS_HZ, SAMPLE_RATE)

    return response


def _one_poles(rng: np.random.Generator, cutoff_hz: float) -> FloatArray:
    """One to six equal one-pole low-passes: tape, long cables, cheap radios; -3 dB at the cutoff."""
    poles = int(rng.integers(1, 7))
    corner = cutoff_hz / np.sqrt(2 ** (1 / poles) - 1)
    return np.asarray((1 + (BINS_HZ / corner) ** 2) ** (-poles / 2))


def _shelf(rng: np.random.Generator, cutoff_hz: float) -> FloatArray:
    """A high shelf of -6 to -30 dB, as tone controls and worn heads have."""
    depth = 10 ** (-rng.uniform(6, 30) / 20)
    power = (BINS_HZ / (1.3 * cutoff_hz)) ** (2 * rng.uniform(1, 4))
    return np.asarray(np.sqrt((1 + depth**2 * power) / (1 + power)))


def _windowed(rng: np.random.Generator, cutoff_hz: float) -> FloatArray:
    """A windowed-sinc filter of few taps, as simple resamplers have."""
    from scipy.signal import firwin, freqz

    window = rng.choice(["hamming", "hann", "blackman", "boxcar"])
    taps = 2 * int(rng.integers(5, 48)) + 1
    _, h = freqz(firwin(taps, cutoff_hz, window=str(window), fs=SAMPLE_RATE), worN=BINS_HZ, fs=SAMPLE_RATE)
    return np.asarray(np.abs(h))


def _cascade(rng: np.random.Generator, cutoff_hz: float) -> FloatArray:
    """Two filters one after the other, the second a little higher."""
    first, second = (KINDS[str(rng.choice(_SINGLE))][1] for _ in range(2))
    return np.asarray(first(rng, cutoff_hz) * second(rng, min(cutoff_hz * rng.uniform(1.0, 1.5), 20000.0)))


KINDS: dict[str, tuple[float, Filter]] = {
    "butterworth": (0.30, _recursive("butterworth", (2, 3, 4, 5, 6, 8, 10, 12))),
    "chebyshev1": (0.20, _recursive("chebyshev1", (2, 4, 6, 8, 10, 12))),
    "bessel": (0.14, _recursive("bessel", (2, 4, 6, 8, 12))),
    "elliptic": (0.08, _recursive("elliptic", (4, 6, 8, 12))),
    "one-poles": (0.10, _one_poles),
    "shelf": (0.05, _shelf),
    "windowed sinc": (0.07, _windowed),
    "cascade": (0.06, _cascade),
}
"""Kinds of filters that are drawn, each with its share."""
_SINGLE = ("butterworth", "chebyshev1", "bessel", "one-poles", "windowed sinc")
KEPT_OUT: dict[str, Filter] = {
    "gaussian": lambda rng, cutoff_hz: Lowpass("gaussian", cutoff_hz).amplitude(BINS_HZ, SAMPLE_RATE)
}
"""Kinds that no network is trained on, to see how it does on what it does not know."""
BRICK_WALL = 0.15
"""Share of brick walls."""
IMAGES = ("linear", "hold")
"""Poor resamplers, which leave images of the band: nothing that could be restored."""
IMAGE_SHARE = 0.06
"""Of each."""


def _images(kind: str, cutoff_hz: float) -> Response:
    """Response of a poor resampler: a good one to twice the cutoff, and back by `kind`."""
    number = np.floor((CENTRES_HZ + cutoff_hz) / (2 * cutoff_hz))
    source_hz = np.abs(CENTRES_HZ - 2 * cutoff_hz * number)
    kept = np.clip((cutoff_hz - source_hz) / (_ROLL_OFF * cutoff_hz), 0, 1)
    amplitude = kept * np.abs(np.sinc(CENTRES_HZ / (2 * cutoff_hz))) ** (2 if kind == "linear" else 1)
    log_gain = np.log(np.maximum(amplitude, SMALLEST)).astype(np.float32)
    return Response(kind, cutoff_hz, log_gain, np.abs(source_hz[:, None] - CENTRES_HZ).argmin(1))


_ROLL_OFF = 0.08
"""Of a good resampler, as a share of its cutoff."""


def drawn(rng: np.random.Generator, kind: str | None = None) -> Response:
    """Draw a response, its cutoff log-uniform from 3 to 17 kHz; of a kind, or of any but `KEPT_OUT`.

    There is always a filter: where a cutoff was given or found, something cut off. A network that had seen
    music with none took soft roll-offs for the music's own: of a Gaussian one, on artists held out, it undid
    1.9 dB instead of 4.4.
    """
    cutoff_hz = float(LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** rng.random())
    if kind is None:
        names = ["brickwall", *IMAGES, *KINDS]
        rest = 1 - BRICK_WALL - IMAGE_SHARE * len(IMAGES)
        sharp = [BRICK_WALL, *(IMAGE_SHARE for _ in IMAGES)]
        shares = np.array([*sharp, *(rest * share for share, _ in KINDS.values())])
        kind = str(rng.choice(names, p=shares / shares.sum()))
    if kind in IMAGES:
        return _images(kind, cutoff_hz)
    if kind == "brickwall":
        amplitude = np.where(cutoff_hz >= BINS_HZ, 1.0, 0.0)
    else:
        own = KEPT_OUT[kind] if kind in KEPT_OUT else KINDS[kind][1]
        amplitude = own(rng, cutoff_hz)
    return Response(kind, cutoff_hz, _in_bands(amplitude))
