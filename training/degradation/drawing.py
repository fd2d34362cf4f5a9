"""Which degradation an example of training goes through: drawn at random, from what music really meets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tfbwe.band import HIGHEST_CUTOFF_HZ, LOWEST_CUTOFF_HZ
from tfbwe.errors import ConfigError

from .codecs import CODECS, FALLBACK_RATE, Codec, at_rate
from .degrade import Degradation, Gain, Mix, Stage
from .edges import EDGE_POWER, edge_hz
from .filters import FAMILIES, GUARD_SAMPLES, LowCut, Lowpass
from .rounding import DITHERS, Rounding


@dataclass(frozen=True)
class Drawing:
    """What training draws a degradation from.

    Attributes
    ----------
    lowest_hz, highest_hz : float
        Cutoffs, log-uniform between.
    sharp : float
        Share of brick walls and resamplers; the rest are gentle, recursive filters.
    sharp_families : tuple of (str, float)
        Family of a sharp one, and probability.
    zero_phase : float
        Of the gentle ones, how many run forward and backward: there a coherent gain has something to win.
    gentle_filters : tuple of (str, int, float)
        Family, order and probability; the gentlest leave most to win.
    low_cut : float
        Share that has no bass, from some place in `low_cuts_hz` down: what comes out of a telephone.
    rounded : float
        Share that is rounded: to 16 bits, or, for `coarse` of them, to one of `coarse_bits`.
    dithered : float
        Of the rounded ones, how many are dithered before.
    coded : float
        Share that goes through a codec. Coding takes as long as all the rest: so `training.precompute`.
    codecs : tuple of (str, float)
        Codec and probability.
    low_passed : float
        Of the coded ones, how many had no high band before either.
    stereo : float
        Of those of two channels, how many are mixed down only afterwards.
    constant : float
        Of those that have both modes, how many are of constant rate.
    constant_kbps : tuple of int
        Constant bit rates, of both channels together or of one.
    rates : tuple of (int, float)
        Sample rate at which is coded, and probability.
    gains_db : tuple of two floats
    """

    lowest_hz: float = LOWEST_CUTOFF_HZ
    highest_hz: float = HIGHEST_CUTOFF_HZ
    sharp: float = 0.5
    sharp_families: tuple[tuple[str, float], ...] = (
        ("brickwall", 0.7),
        ("resample", 0.2),
        ("linear", 0.06),
        ("hold", 0.04),
    )
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
    low_cut: float = 0.03
    low_cuts_hz: tuple[float, float] = (150.0, 400.0)
    rounded: float = 0.7
    coarse: float = 0.1
    coarse_bits: tuple[int, ...] = (8, 10, 12, 14)
    dithered: float = 0.3
    coded: float = 0.4
    codecs: tuple[tuple[str, float], ...] = (("mp3", 0.7), ("vorbis", 0.15), ("opus", 0.05), ("aac", 0.1))
    low_passed: float = 0.15
    stereo: float = 0.6
    constant: float = 0.85
    constant_kbps: tuple[int, ...] = (24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160)
    rates: tuple[tuple[int, float], ...] = (
        (44100, 0.6),
        (48000, 0.1),
        (32000, 0.1),
        (24000, 0.1),
        (22050, 0.1),
    )
    gains_db: tuple[float, float] = (-13.0, 2.0)


DRAWING = Drawing()


def description() -> dict[str, Any]:
    """All that decides what `draw` draws and what that does to a signal, as JSON holds it."""
    parts = {
        "drawing": dataclasses.asdict(DRAWING),
        "families": {name: dataclasses.asdict(family) for name, family in FAMILIES.items()},
        "codecs": {name: dataclasses.asdict(CODECS[name]) for name, _ in DRAWING.codecs},
        "left_out": [name for name, _ in DRAWING.codecs if not CODECS[name].found],
        "codec_fallback_rate": FALLBACK_RATE,
        "edge_power": EDGE_POWER,
        "guard_samples": GUARD_SAMPLES,
    }
    found: dict[str, Any] = json.loads(json.dumps(parts))
    return found


def draw(rng: np.random.Generator, highest_hz: float, channels: int = 1) -> Degradation:
    """Draw a degradation at random, as `DRAWING` says.

    Parameters
    ----------
    rng : numpy.random.Generator
        The same state gives the same degradation, where the same codecs are installed.
    highest_hz : float
        Highest cutoff worth drawing in Hz, usually a little below the bandwidth of the track; at least 3500.
    channels : int
        Of the music.

    Returns
    -------
    Degradation
        Gain, a mix of the channels, a low-pass or a codec or both, mostly rounding. The cutoff, that of a
        low-pass log-uniform, lies between 3.5 kHz and the lower of 17.5 kHz and `highest_hz`.

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
    gain, mix = Gain(float(rng.uniform(*its.gains_db))), _draw_mix(rng, channels)
    stereo = channels == 2 and rng.random() < its.stereo
    codec = _draw_codec(rng, top_hz, channels if stereo else 1) if rng.random() < its.coded else None
    stages: list[Stage] = []
    if codec is None:
        stages = [_draw_lowpass(rng, top_hz)]
    elif rng.random() < its.low_passed:
        stages = [Lowpass("brickwall", _draw_cutoff_hz(rng, top_hz)), codec]
    else:
        stages = [codec]
    if rng.random() < its.low_cut:
        stages.insert(0, LowCut(float(rng.uniform(*its.low_cuts_hz))))
    stages.insert(len(stages) if codec and stereo else 0, mix)
    if rng.random() < its.rounded:
        stages.append(_draw_rounding(rng))
    return (gain, *stages)


def _draw_mix(rng: np.random.Generator, channels: int) -> Mix:
    """One of the channels, the mean of all, or a random mix."""
    kind = rng.random()
    weights = np.eye(channels)[rng.integers(channels)] if kind < 0.4 else np.ones(channels)
    if kind >= 0.7:
        weights = rng.uniform(-0.3, 1.0, channels)
        if abs(weights.sum()) < 0.2:  # what is in the middle, nearly everything, would cancel
            weights = np.ones(channels)
    return Mix(tuple(float(weight) for weight in weights / max(1.0, float(np.abs(weights).sum()))))


def _draw_cutoff_hz(rng: np.random.Generator, top_hz: float) -> float:
    lowest_hz = DRAWING.lowest_hz
    return float(min(lowest_hz * (top_hz / lowest_hz) ** rng.random(), top_hz))


def _draw_lowpass(rng: np.random.Generator, top_hz: float) -> Lowpass:
    its, cutoff_hz = DRAWING, _draw_cutoff_hz(rng, top_hz)
    if rng.random() < its.sharp:
        return Lowpass(_chosen(rng, its.sharp_families), cutoff_hz)
    probabilities = [probability for *_, probability in its.gentle_filters]
    family, order, _ = its.gentle_filters[rng.choice(len(probabilities), p=probabilities)]
    phase = "forward-backward" if rng.random() < its.zero_phase else "causal"
    return Lowpass(family, cutoff_hz, order, phase)


def _draw_codec(rng: np.random.Generator, top_hz: float, channels: int) -> Codec | None:
    """A codec whose band ends between the lowest cutoff and `top_hz`; None after some vain tries."""
    its = DRAWING
    installed = [(name, share) for name, share in its.codecs if CODECS[name].found]
    for _ in range(16):
        name, rate = _chosen(rng, installed), _chosen(rng, its.rates)
        form = CODECS[name]
        rate = rate if rate in form.rates else form.rates[-1]
        if form.variable and not (form.constant and rng.random() < its.constant):
            codec = Codec(name, round(float(rng.uniform(*form.variable)), _DIGITS[name]), sample_rate=rate)
        else:
            try:
                codec = at_rate(name, float(rng.choice(its.constant_kbps)), rate)
            except ConfigError:  # no such rate at this sample rate
                continue
        if its.lowest_hz <= edge_hz(codec, channels) <= top_hz:
            return codec
    return None


_DIGITS = {"mp3": 1, "vorbis": 2, "opus": 3}
"""Of a level of variable rate: a few settings, so that the edge of each is measured once."""


def _draw_rounding(rng: np.random.Generator) -> Rounding:
    its = DRAWING
    bits = int(rng.choice(its.coarse_bits)) if rng.random() < its.coarse else 16
    dither = str(rng.choice(DITHERS[1:])) if rng.random() < its.dithered else "none"
    return Rounding(bits, dither, int(rng.integers(1 << 31)))


_Choice = TypeVar("_Choice")


def _chosen(rng: np.random.Generator, choices: Sequence[tuple[_Choice, float]]) -> _Choice:
    shares = np.array([share for _, share in choices])
    return choices[rng.choice(len(choices), p=shares / shares.sum())][0]
