"""Narrow conditions that music goes through: gain, mix, low-pass, lossy codec, rounding, one after another.

A degradation is a tuple of stages, each a frozen dataclass with a method `apply`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from tfbwe.band import HIGHEST_CUTOFF_HZ, LOWEST_CUTOFF_HZ
from tfbwe.errors import AudioError, ConfigError

from .codecs import CODECS, FALLBACK_RATE, Codec
from .filters import FAMILIES, GUARD_SAMPLES, Lowpass, Signal
from .rounding import Rounding


@dataclass(frozen=True)
class Gain:
    """A gain in dB, of original and received signal alike; `ConfigError` if it is not finite."""

    db: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.db):
            raise ConfigError(f"gain: expected a finite number of dB, received {self.db}")

    def apply(self, x: Signal, sample_rate: float) -> Signal:
        """Scale a signal (channels, samples) float32."""
        return x * np.float32(10 ** (self.db / 20))


@dataclass(frozen=True)
class Mono:
    """The mean of all channels, of original and received signal alike."""

    def apply(self, x: Signal, sample_rate: float) -> Signal:
        """Mix a signal (channels, samples) float32 down to (1, samples)."""
        return np.asarray(x.mean(axis=0, keepdims=True), np.float32)


Stage = Gain | Mono | Lowpass | Codec | Rounding
STAGES: tuple[type, ...] = get_args(Stage)
"""Every kind of stage, in the order in which `draw` lines them up."""
Degradation = tuple[Stage, ...]


@dataclass(frozen=True)
class Drawing:
    """What training draws a degradation from.

    Attributes
    ----------
    lowest_hz, highest_hz : float
        Cutoffs, log-uniform between.
    sharp : float
        Share of brick walls and resamplers; the rest are gentle, recursive filters.
    resampled : float
        Of the sharp ones, how many are a resampler.
    zero_phase : float
        Of the gentle ones, how many run forward and backward: there a coherent gain has something to win.
    gentle_filters : tuple of (str, int, float)
        Family, order and probability; the gentlest leave most to win.
    rounded : float
        Share that is rounded, to `bits`.
    coded : float
        Share that goes through a codec. Low, because a codec costs ten times as much time as all the rest.
    codec_levels : tuple of two floats
        Within them no codec's own low-pass falls below the cutoffs drawn here.
    gains_db : tuple of two floats
    """

    lowest_hz: float = LOWEST_CUTOFF_HZ
    highest_hz: float = HIGHEST_CUTOFF_HZ
    sharp: float = 0.5
    resampled: float = 0.2
    zero_phase: float = 0.7
    gentle_filters: tuple[tuple[str, int, float], ...] = (
        ("butterworth", 6, 0.35),
        ("bessel", 6, 0.15),
        ("bessel", 12, 0.15),
        ("chebyshev1", 6, 0.09),
        ("chebyshev1", 8, 0.08),
        ("chebyshev1", 10, 0.04),
        ("chebyshev1", 12, 0.04),
        ("elliptic", 6, 0.05),
        ("elliptic", 12, 0.05),
    )
    rounded: float = 0.7
    bits: int = 16
    coded: float = 0.06
    codecs: tuple[str, ...] = tuple(name for name, codec in CODECS.items() if not codec.by_ffmpeg)
    codec_levels: tuple[float, float] = (0.0, 0.5)
    gains_db: tuple[float, float] = (-13.0, 2.0)


DRAWING = Drawing()


def description() -> dict[str, Any]:
    """All that decides what `draw` draws and what that does to a signal, as JSON holds it."""
    parts = {
        "drawing": dataclasses.asdict(DRAWING),
        "families": {name: dataclasses.asdict(family) for name, family in FAMILIES.items()},
        "codecs": {name: dataclasses.asdict(CODECS[name]) for name in DRAWING.codecs},
        "codec_fallback_rate": FALLBACK_RATE,
        "guard_samples": GUARD_SAMPLES,
    }
    found: dict[str, Any] = json.loads(json.dumps(parts))
    return found


def draw(rng: np.random.Generator, highest_hz: float) -> Degradation:
    """Draw a degradation at random, as `DRAWING` says.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same degradation.
    highest_hz : float
        Highest cutoff worth drawing in Hz, usually the bandwidth of the track; at least 3500.

    Returns
    -------
    Degradation
        Gain, low-pass, now and then a codec, mostly rounding. The cutoff is log-uniform from 3.5 kHz to the
        lower of 15.2 kHz and `highest_hz`.

    Raises
    ------
    ConfigError
        `highest_hz` is below 3500: there is no band left to predict.
    """
    its = DRAWING
    if not highest_hz >= its.lowest_hz:
        raise ConfigError(
            f"degradation highest_hz: expected {its.lowest_hz:g} or more, received {highest_hz:g}"
        )
    top_hz = min(highest_hz, its.highest_hz)
    cutoff_hz = min(its.lowest_hz * (top_hz / its.lowest_hz) ** rng.random(), top_hz)
    if rng.random() < its.sharp:
        lowpass = Lowpass("resample" if rng.random() < its.resampled else "brickwall", cutoff_hz)
    else:
        probabilities = [probability for *_, probability in its.gentle_filters]
        family, order, _ = its.gentle_filters[rng.choice(len(probabilities), p=probabilities)]
        lowpass = Lowpass(family, cutoff_hz, order, zero_phase=bool(rng.random() < its.zero_phase))
    rounding = (Rounding(its.bits),) if rng.random() < its.rounded else ()
    gain = Gain(float(rng.uniform(*its.gains_db)))
    codec: tuple[Codec, ...] = ()
    if rng.random() < its.coded:
        name = its.codecs[rng.integers(len(its.codecs))]
        codec = (Codec(name, float(rng.uniform(*its.codec_levels))),)
    return (gain, lowpass, *codec, *rounding)


def apply(x: npt.ArrayLike, sample_rate: int, degradation: Degradation) -> tuple[Signal, Signal]:
    """Send a signal through a degradation; the first two of what `apply_counted` returns."""
    received, original, _ = apply_counted(x, sample_rate, degradation)
    return received, original


def apply_counted(
    x: npt.ArrayLike, sample_rate: int, degradation: Degradation
) -> tuple[Signal, Signal, int | None]:
    """Send a signal through a degradation, stage by stage.

    Parameters
    ----------
    x : (channels, samples) float32
        Wide-band music, nominally in [-1, 1]; values beyond are kept.
    sample_rate : int
        Rate of `x` in Hz.
    degradation : Degradation

    Returns
    -------
    received : (channels, samples) float32
    original : (channels, samples) float32
        `x` with the gain, and mixed down, alone. It is never shifted: a recursive filter that ran once delays
        the received music, and that delay is part of this regime.
    size_bytes : int or None
        Of what codecs encoded; None where there is none.

    Raises
    ------
    ConfigError
        A cutoff is not below half of `sample_rate`.
    AudioError
        `x` is not two-dimensional.
    """
    received = original = np.asarray(x, dtype=np.float32)
    if received.ndim != 2:
        raise AudioError(
            f"degradation: expected a signal of shape (channels, samples), received {received.shape}"
        )
    size_bytes = None
    for stage in degradation:
        if isinstance(stage, Codec):
            received, size = stage.coded(received, sample_rate)
            size_bytes = size + (size_bytes or 0)
        else:
            received = stage.apply(received, sample_rate)
        if isinstance(stage, Gain | Mono):
            original = stage.apply(original, sample_rate)
    return received, original, size_bytes


def lowpass_of(degradation: Degradation) -> Lowpass | None:
    """Return the low-pass of a degradation, if it has one."""
    return next((stage for stage in degradation if isinstance(stage, Lowpass)), None)
