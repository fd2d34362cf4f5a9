"""From the network's heads to the spectrum that is added to the received signal.

C = exp(g) * Y                         coherent: received coefficient times a learned gain, received phase
D = sqrt(max(M^2 - |C|^2, 0)) * e^{j phi}   diffuse: what is still missing, with a synthesised phase phi
added = (C - Y) + diffuse * D
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .bundle import Manifest
from .phase import phasors
from .stft import BIN_HZ, HOP_LENGTH, SAMPLE_RATE, ComplexArray, FloatArray

HEADS = ("log_gain", "log_residual")
CROSSOVER = 0.8
"""The coherent gain acts from this share of the cutoff on: a gentle low-pass takes something there too."""
CEILING = 10 ** (12 / 20)
"""Magnitudes are held below this multiple of the root mean square of the octave under the cutoff."""
FADE_HZ = 500.0
"""Width of the fade of the coherent term under the crossover, and of both terms at the upper end."""
IMAGE_S = 0.05
"""Time constant of the level differences between channels, so that the stereo image does not wander."""

_IMAGE_SMOOTHING = np.float32(np.exp(-HOP_LENGTH / SAMPLE_RATE / IMAGE_S))


@dataclasses.dataclass(frozen=True)
class Heads:
    """Output of the network for frames in a row, each (frames, channels, bins) float32, nepers."""

    log_gain: FloatArray
    log_residual: FloatArray


class HighBand:
    """Builds the added spectrum; remembers the level differences between channels.

    Parameters
    ----------
    manifest : Manifest
        Of the model that the heads come from.
    channels : int
    diffuse : float
        Weight of the diffuse term, 0..1.
    phase : str
        See `phase.phasors`.
    """

    def __init__(self, manifest: Manifest, channels: int, diffuse: float, phase: str) -> None:
        self.bins = int(manifest.transform["bins"])
        self.epsilon = np.float32(manifest.normalisation["epsilon"])
        self.highest_hz = manifest.highest_hz
        self.channels = channels
        self.diffuse = np.float32(diffuse)
        self.phase = phase
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.limited_frames = 0
        self._image = np.zeros((self.channels, self.bins), np.float32)

    def added(
        self, spectrum: ComplexArray, magnitude: FloatArray, heads: Heads, first_frame: int, cutoff_hz: float
    ) -> ComplexArray:
        """Return what is to be added to frames in a row.

        Parameters
        ----------
        spectrum : (frames, channels, bins) complex64
            The received signal's, all bins up to Nyquist.
        magnitude : (frames, channels, predicted bins) float32
            Its magnitude |Y|.
        heads : Heads
        first_frame : int
            Number of the first frame since the start of the stream.
        cutoff_hz : float

        Returns
        -------
        (frames, channels, bins) complex64
            Zero below 0.8 times the cutoff, less the fade, and above the model's highest frequency, plus the
            fade.
        """
        cutoff_bin = max(1, int(cutoff_hz / BIN_HZ))
        octave = magnitude[..., cutoff_bin // 2 : cutoff_bin]
        power = np.mean(octave * octave, axis=-1, keepdims=True)
        ceiling = np.float32(CEILING) * np.sqrt(power)
        coherent_fade, diffuse_fade = _fades(self.bins, cutoff_hz, self.highest_hz)
        # Each term is computed from the first bin on that it can change.
        first = int(np.argmax(coherent_fade > 0))
        gain = np.exp(_linked(heads.log_gain[..., first:], power))
        limit = ceiling / np.maximum(magnitude[..., first:], self.epsilon)
        gain = np.minimum(gain, np.maximum(limit, 1))
        out = np.zeros_like(spectrum)
        out[..., first : self.bins] = spectrum[..., first : self.bins] * ((gain - 1) * coherent_fade[first:])
        if self.diffuse > 0 and np.any(diffuse_fade):
            lowest = int(np.argmax(diffuse_fade > 0))
            magnitude = magnitude[..., lowest:]
            weight = diffuse_fade[lowest:] * self.diffuse
            coherent = gain[..., lowest - first :] * magnitude
            missing = self._missing(magnitude, heads.log_residual[..., lowest:], coherent, ceiling)
            missing = self._steady_image(missing, ceiling, lowest) * weight
            received = spectrum[..., : self.bins]
            unit = phasors(received, first_frame, cutoff_bin, self.phase, lowest)
            out[..., lowest : self.bins] += missing * unit
        return out

    def _missing(
        self, magnitude: FloatArray, log_residual: FloatArray, coherent: FloatArray, ceiling: FloatArray
    ) -> FloatArray:
        """Magnitude of the diffuse term from the cutoff on; exactly 0 for heads of 0."""
        ratio = np.minimum(np.exp(log_residual), np.float32(1e30))
        # (|Y| + epsilon) e^r - epsilon, but without its rounding.
        target = magnitude * ratio + self.epsilon * (ratio - 1)
        self.limited_frames += int(np.any((target > ceiling) & (ceiling > 0), axis=(1, 2)).sum())
        target = np.clip(target, 0, ceiling)
        power = np.maximum((target - coherent) * (target + coherent), 0)
        return np.asarray(np.sqrt(power), np.float32)

    def _steady_image(self, missing: FloatArray, ceiling: FloatArray, first_bin: int) -> FloatArray:
        """Smooth each channel's level relative to the mean of all; bins from the first on."""
        if self.channels == 1:
            return missing
        levels = np.log(missing + self.epsilon)
        changes = levels.mean(axis=1, keepdims=True) - levels
        image = self._image[:, first_bin:]
        for change in changes:
            image -= (1 - _IMAGE_SMOOTHING) * (change + image)
            change += image
        ratio = np.exp(changes)
        steady = missing * ratio + self.epsilon * (ratio - 1)
        return np.asarray(np.clip(steady, 0, ceiling), np.float32)


def _linked(log_gain: FloatArray, power: FloatArray) -> FloatArray:
    """One gain for all channels: their mean, weighted by power; (frames, 1, bins)."""
    weights = power + np.float32(1e-12)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray((log_gain * weights).sum(axis=1, keepdims=True), np.float32)


def _fades(bins: int, cutoff_hz: float, highest_hz: float) -> tuple[FloatArray, FloatArray]:
    """Weights of the coherent and of the diffuse term, each (bins,) float32 in [0, 1]."""
    frequencies = np.arange(bins) * BIN_HZ
    top = np.clip(1 - (frequencies - highest_hz) / FADE_HZ, 0, 1)
    crossover_hz = CROSSOVER * cutoff_hz
    coherent = np.clip((frequencies - crossover_hz) / FADE_HZ + 1, 0, 1) * top
    diffuse = (frequencies >= cutoff_hz) * top
    return coherent.astype(np.float32), diffuse.astype(np.float32)
