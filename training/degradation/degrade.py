"""Narrow conditions that music goes through: gain, mix, low-pass, lossy codec, rounding, one after another.

A degradation is a tuple of stages, each a frozen dataclass with a method `apply`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import numpy as np
import numpy.typing as npt

from tfbwe.errors import AudioError, ConfigError

from .codecs import Codec
from .edges import edge_hz
from .filters import LowCut, Lowpass, Signal
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
class Mix:
    """A mix of all channels, of original and received signal alike: by `weights`, or their mean."""

    weights: tuple[float, ...] = ()

    def apply(self, x: Signal, sample_rate: float) -> Signal:
        """Mix a signal (channels, samples) float32 down to (1, samples)."""
        if not self.weights:
            return np.asarray(x.mean(axis=0, keepdims=True), np.float32)
        return np.asarray(np.array(self.weights, np.float32) @ x, np.float32)[None]


Stage = Gain | Mix | LowCut | Lowpass | Codec | Rounding
STAGES: tuple[type, ...] = get_args(Stage)
"""Every kind of stage."""
Degradation = tuple[Stage, ...]


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
        if isinstance(stage, Gain | Mix):
            original = stage.apply(original, sample_rate)
    return received, original, size_bytes


def cutoff_hz_of(degradation: Degradation, channels: int) -> float:
    """Where the received band of (channels, samples) ends: at a low-pass, or where a codec ends it, in Hz."""
    ends = [math.inf]
    for stage in degradation:
        if isinstance(stage, Lowpass):
            ends.append(stage.cutoff_hz)
        elif isinstance(stage, Codec):
            ends.append(edge_hz(stage, channels))
        elif isinstance(stage, Mix):
            channels = 1
    return min(ends)


def lowpass_of(degradation: Degradation) -> Lowpass | None:
    """Return the low-pass of a degradation, if it has one."""
    return next((stage for stage in degradation if isinstance(stage, Lowpass)), None)
