"""Low-pass filters: what a narrow condition does to music, above all.

A brick wall and a resampler leave nothing above the cutoff. The others leave a weak high band: its phase is
turned by a recursive filter that ran once, else right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from tfbwe.errors import AudioError, ConfigError

Signal = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Family:
    """A family of low-pass filters.

    Attributes
    ----------
    recursive : bool
        Whether it has an order.
    gentle : bool
        Whether it leaves a weak high band.
    ripple_db, stop_db : float
        Of the pass band, and attenuation of the stop band, in dB, where the family has them.
    """

    recursive: bool
    gentle: bool = True
    ripple_db: float = 0.0
    stop_db: float = 0.0


FAMILIES = {
    "brickwall": Family(recursive=False, gentle=False),
    "resample": Family(recursive=False, gentle=False),
    "linear": Family(recursive=False, gentle=False),
    "hold": Family(recursive=False, gentle=False),
    "gaussian": Family(recursive=False),
    "butterworth": Family(recursive=True),
    "chebyshev1": Family(recursive=True, ripple_db=0.05),
    "bessel": Family(recursive=True),
    "elliptic": Family(recursive=True, ripple_db=0.5, stop_db=60.0),
}

PHASES = ("causal", "zero", "forward-backward")

GUARD_SAMPLES = 4096
"""Mirrored, faded-out signal put before and after, so that no filter sees an edge or wraps around."""


@dataclass(frozen=True)
class Lowpass:
    """One low-pass filter.

    Parameters
    ----------
    family : str
        ``brickwall`` (all Fourier coefficients above the cutoff are zero), ``resample`` (soxr to a rate of
        twice the cutoff and back), ``linear`` and ``hold`` (the same, but back by linear interpolation or by
        the nearest sample, as poor resamplers do it: images of the band are left above), ``gaussian`` (a
        roll-off as of a tape head's gap, on which no network is trained) or a recursive filter:
        ``butterworth``, ``chebyshev1`` (0.05 dB ripple), ``bessel``, ``elliptic`` (0.5 dB ripple, 60 dB stop
        band).
    cutoff_hz : float
        Edge of the pass band in Hz, above 0 and below half the sample rate. A single pass has -3 dB there
        (Butterworth, Bessel, Gaussian) or its pass-band ripple (Chebyshev, elliptic); the resampler rolls off
        over the last tenth below it.
    order : int
        Order of a recursive filter, 1 or more; 0 for the other families.
    phase : str
        Of a recursive filter, one of `PHASES`: ``causal`` (it runs once, from rest), ``zero`` (its amplitude
        response, once, with no delay) or ``forward-backward`` (it runs both ways: no delay, and its
        attenuation in dB doubles everywhere). The other families have zero phase in any case.

    Raises
    ------
    ConfigError
        An unknown family or phase, or an order or cutoff outside its range.
    """

    family: str
    cutoff_hz: float
    order: int = 0
    phase: str = "causal"

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ConfigError(
                f"low-pass family: expected one of {', '.join(FAMILIES)}, received {self.family!r}"
            )
        recursive = FAMILIES[self.family].recursive
        if recursive and self.order < 1:
            raise ConfigError(f"low-pass order of {self.family}: expected 1 or more, received {self.order}")
        if not recursive and self.order != 0:
            raise ConfigError(f"low-pass order: {self.family} has none, leave it at 0; received {self.order}")
        if self.phase not in PHASES:
            raise ConfigError(f"low-pass phase: expected one of {', '.join(PHASES)}, received {self.phase!r}")
        if not (math.isfinite(self.cutoff_hz) and self.cutoff_hz > 0):
            raise ConfigError(f"low-pass cutoff_hz: expected above 0 Hz, received {self.cutoff_hz}")

    def apply(self, x: npt.ArrayLike, sample_rate: float) -> Signal:
        """Filter a signal.

        Parameters
        ----------
        x : (channels, samples) float32
            Any length, 0 included; values beyond +-1 are kept.
        sample_rate : float
            Rate of `x` in Hz.

        Returns
        -------
        (channels, samples) float32
            Sample n stands at the time of sample n of `x`. Only a causal filter delays the music, as the
            condition that it stands for would; it starts from rest.

        Raises
        ------
        ConfigError
            The cutoff is not below half of `sample_rate`.
        AudioError
            `x` is not two-dimensional.
        """
        signal = np.asarray(x, dtype=np.float32)
        if signal.ndim != 2:
            raise AudioError(
                f"low-pass: expected a signal of shape (channels, samples), received {signal.shape}"
            )
        if not self.cutoff_hz < sample_rate / 2:
            raise ConfigError(
                f"low-pass cutoff_hz: expected below {sample_rate / 2:g} Hz, half the sample rate, "
                f"received {self.cutoff_hz:g}"
            )
        if signal.size == 0:
            return signal.copy()
        if FAMILIES[self.family].recursive and self.phase == "causal":
            return self._run_once(signal, sample_rate)
        length = signal.shape[1]
        guarded = _guard(signal)
        if self.family == "brickwall":
            filtered = _brickwall(guarded, self.cutoff_hz, sample_rate)
        elif self.family in ("resample", "linear", "hold"):
            filtered = _resample_twice(guarded, self.cutoff_hz, sample_rate, self.family)
        elif self.family == "gaussian" or self.phase == "zero":
            filtered = self._weigh(guarded, sample_rate)
        else:
            backward = self._run_once(guarded, sample_rate)[:, ::-1]
            filtered = self._run_once(backward, sample_rate)[:, ::-1]
        return np.ascontiguousarray(filtered[:, GUARD_SAMPLES : GUARD_SAMPLES + length], dtype=np.float32)

    def response(self, n_fft: int, sample_rate: float) -> npt.NDArray[np.complex128]:
        """Frequency response, measured on an impulse.

        Parameters
        ----------
        n_fft : int
            Samples of the impulse response, an even number; the impulse stands in the middle.
        sample_rate : float
            In Hz.

        Returns
        -------
        (n_fft // 2 + 1,) complex128
            At multiples of ``sample_rate / n_fft``, 1 where nothing is changed. Good to about -90 dB.
        """
        impulse = np.zeros((1, n_fft), np.float32)
        impulse[0, n_fft // 2] = 1
        centred = np.roll(self.apply(impulse, sample_rate)[0], -(n_fft // 2))
        return np.asarray(np.fft.rfft(centred.astype(np.float64)))

    def amplitude(self, hertz: npt.NDArray[np.floating[Any]], sample_rate: float) -> npt.NDArray[np.float64]:
        """Amplitude response of a gentle filter at some frequencies in Hz, 1 where nothing is changed."""
        from scipy.signal import sosfreqz

        if self.family == "gaussian":
            return np.asarray(np.exp(-np.log(2) / 2 * (hertz / self.cutoff_hz) ** 2))
        sections = design(self.family, self.order, self.cutoff_hz / sample_rate)
        _, response = sosfreqz(sections, hertz, fs=sample_rate)
        return np.asarray(np.abs(response) ** (2 if self.phase == "forward-backward" else 1))

    def _weigh(self, x: Signal, sample_rate: float) -> npt.NDArray[Any]:
        n_fft = _fast_length(x.shape[1])
        amplitude = self.amplitude(np.fft.rfftfreq(n_fft, 1 / sample_rate), sample_rate)
        return np.fft.irfft(np.fft.rfft(x, n_fft) * amplitude, n_fft)

    def _run_once(self, x: Signal, sample_rate: float) -> Signal:
        from scipy.signal import sosfilt

        sections = design(self.family, self.order, self.cutoff_hz / sample_rate)
        return np.asarray(sosfilt(sections, x), dtype=np.float32)


@dataclass(frozen=True)
class LowCut:
    """A Butterworth high-pass of order 4, as of a telephone; `ConfigError` if its edge is not above 0 Hz."""

    cutoff_hz: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.cutoff_hz) and self.cutoff_hz > 0):
            raise ConfigError(f"low cut cutoff_hz: expected above 0 Hz, received {self.cutoff_hz}")

    def apply(self, x: Signal, sample_rate: float) -> Signal:
        """Filter a signal (channels, samples) float32 once; it starts from rest."""
        from scipy.signal import butter, sosfilt

        if x.size == 0:
            return np.array(x, np.float32)
        sections = butter(4, self.cutoff_hz, "highpass", fs=sample_rate, output="sos")
        return np.asarray(sosfilt(sections, x), dtype=np.float32)


def _guard(x: Signal) -> Signal:
    """Put mirror images of the two ends, faded to zero, around `x`: (channels, samples + 2 guards)."""
    guarded = np.pad(x, ((0, 0), (GUARD_SAMPLES, GUARD_SAMPLES)), mode="reflect")
    guarded[:, :GUARD_SAMPLES] *= _fade_in()
    guarded[:, -GUARD_SAMPLES:] *= _fade_in()[::-1]
    return guarded


@cache
def _fade_in() -> Signal:
    fade = np.sin(np.pi / 2 * (np.arange(GUARD_SAMPLES) + 0.5) / GUARD_SAMPLES) ** 2
    return fade.astype(np.float32)


def _brickwall(x: Signal, cutoff_hz: float, sample_rate: float) -> npt.NDArray[Any]:
    n_fft = _fast_length(x.shape[1])
    spectrum = np.fft.rfft(x, n_fft)
    spectrum[:, int(cutoff_hz * n_fft / sample_rate) + 1 :] = 0
    return np.fft.irfft(spectrum, n_fft)


def _fast_length(n: int) -> int:
    """Return the smallest length of at least `n` that is a power of two times a small product of 3 and 5."""
    shift = max(n.bit_length() - 5, 0)
    return min(m << s for s in (shift, shift + 1) for m in (16, 18, 20, 24, 25, 27, 30) if m << s >= n)


def _resample_twice(x: Signal, cutoff_hz: float, sample_rate: float, back: str) -> npt.NDArray[Any]:
    narrow_rate = 2 * cutoff_hz
    narrow = soxr.resample(np.ascontiguousarray(x.T), sample_rate, narrow_rate)
    length = x.shape[1]
    if back == "resample":
        wide = soxr.resample(narrow, narrow_rate, sample_rate).T
        # soxr rounds both lengths, so a few samples of the guard may be missing at the end.
        return np.pad(wide, ((0, 0), (0, max(length - wide.shape[1], 0))))
    places = np.arange(length) * (narrow_rate / sample_rate)
    if back == "hold":
        nearest = np.minimum(np.rint(places).astype(int), len(narrow) - 1)
        return np.asarray(narrow[nearest].T)
    return np.stack([np.interp(places, np.arange(len(narrow)), channel) for channel in narrow.T])


@lru_cache(maxsize=256)
def design(family: str, order: int, cycles: float) -> npt.NDArray[np.float64]:
    """Design a filter with its edge at `cycles` per sample; second-order sections, shape (sections, 6)."""
    from scipy import signal

    zeros, poles, gain = _prototype(family, order)
    # Bilinear transform at a rate of 1 Hz, its edge prewarped.
    zeros, poles, gain = signal.lp2lp_zpk(zeros, poles, gain, 2 * math.tan(math.pi * cycles))
    zeros, poles, gain = signal.bilinear_zpk(zeros, poles, gain, 1)
    return np.asarray(signal.zpk2sos(zeros, poles, gain), dtype=np.float64)


@cache
def _prototype(family: str, order: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any], float]:
    """Return zeros, poles and gain of the analogue filter, edge at 1 rad/s: the slow part of a design."""
    from scipy import signal

    own = FAMILIES[family]
    zeros, poles, gain = {
        "butterworth": lambda: signal.buttap(order),
        "chebyshev1": lambda: signal.cheb1ap(order, own.ripple_db),
        "bessel": lambda: signal.besselap(order, norm="mag"),
        "elliptic": lambda: signal.ellipap(order, own.ripple_db, own.stop_db),
    }[family]()
    return zeros, poles, float(gain)
