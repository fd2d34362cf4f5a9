"""From the network's heads to the spectrum that is added to the received signal.

C = exp(g) * Y                         coherent: received coefficient times a learned gain, received phase
D = sqrt(max(M^2 - |C|^2, 0)) * e^{j phi}   diffuse: what is still missing, with a synthesised phase phi
added = (C - Y) + diffuse * D
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..band import Hertz, fades
from ..model.bundle import Manifest
from ..model.features import Normalisation
from ..stft import ComplexArray, FloatArray

CEILING = 10 ** (12 / 20)
"""Magnitudes are held below this multiple of the root mean square of the octave under the cutoff."""
EDGE = 0.08
"""The network finds the place where the received band ends to this share of the cutoff, not to a bin."""
IMAGE_S = 0.05
"""Time constant of the level differences between channels, so that the stereo image does not wander."""


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
    frequencies : (bins,) float64
        Of the predicted bins, in Hz, rising: the same for any transform.
    frame_s : float
        From a frame to the next, in seconds.
    channels : int
    diffuse : float
        Weight of the diffuse term, 0..1.
    image_frames : int
        Frames in a group that shares its level differences between channels.
    """

    def __init__(
        self,
        manifest: Manifest,
        frequencies: Hertz,
        frame_s: float,
        channels: int,
        diffuse: float,
        image_frames: int = 1,
    ) -> None:
        self.normalisation = Normalisation(**manifest.normalisation)
        self.epsilon = np.float32(self.normalisation.epsilon)
        self.highest_hz = manifest.highest_hz
        self.frequencies = frequencies
        self.channels = channels
        self.diffuse = np.float32(diffuse)
        self.image_frames = image_frames
        self._image_smoothing = np.float32(np.exp(-image_frames * frame_s / IMAGE_S))
        self.reset()

    def reset(self) -> None:
        """Forget the past."""
        self.limited_frames = 0
        self._image = np.zeros((self.channels, self.frequencies.size), np.float32)

    def added(
        self,
        spectrum: ComplexArray,
        magnitude: FloatArray,
        heads: Heads,
        cutoff_hz: float,
        phasors: Callable[[int, FloatArray], ComplexArray],
        advance: int | None = None,
    ) -> tuple[int, ComplexArray]:
        """Return what is to be added to frames in a row.

        Parameters
        ----------
        spectrum : (frames, channels, bins) complex64
            The received signal's.
        magnitude : (frames, channels, bins) float32
            Its magnitude |Y|.
        heads : Heads
        cutoff_hz : float
        phasors : callable
            Given the lowest bin of the diffuse term and the magnitudes of both terms together from there on,
            (frames, channels, bins from there on) float32, returns the phases of the diffuse term: complex64
            of magnitude 1 in the same shape, or with one channel for all.
        advance : int, optional
            Frames, whole groups of them, after which the next call's begin; all by default. Those beyond
            come again then, and leave nothing behind.

        Returns
        -------
        first : int
            The lowest bin that changes: at 0.8 times the cutoff, less the fade.
        (frames, channels, bins from there on) complex64
            Zero above the model's highest frequency, plus the fade.
        """
        advance = len(spectrum) if advance is None else advance
        octave = magnitude[..., self._octave(cutoff_hz)]
        power = np.mean(octave * octave, axis=-1, keepdims=True)
        ceiling = np.float32(CEILING) * np.sqrt(power)
        coherent_fade, diffuse_fade = fades(self.frequencies, cutoff_hz, self.highest_hz)
        # Each term is computed from the first bin on that it can change.
        first = int(np.argmax(coherent_fade > 0))
        gain = np.exp(_linked(heads.log_gain[..., first:], power))
        limit = ceiling / np.maximum(magnitude[..., first:], self.epsilon)
        gain = np.minimum(gain, np.maximum(limit, 1))
        out: ComplexArray = spectrum[..., first:] * ((gain - 1) * coherent_fade[first:])
        if self.diffuse > 0 and np.any(diffuse_fade):
            lowest = int(np.argmax(diffuse_fade > 0))
            magnitude, log_residual = magnitude[..., first:], heads.log_residual[..., first:]
            target: FloatArray = self.normalisation.raised(magnitude, log_residual)
            self._mend_edge(target, magnitude, self.frequencies[first:], cutoff_hz)
            target = target[..., lowest - first :]
            coherent = (gain * magnitude)[..., lowest - first :]
            weight = diffuse_fade[lowest:] * self.diffuse
            self.limited_frames += int(
                np.any((target > ceiling) & (ceiling > 0), axis=(1, 2))[:advance].sum()
            )
            missing = _missing(np.clip(target, 0, ceiling), coherent)
            missing = self._steady_image(missing, ceiling, lowest, advance)
            total = np.sqrt(coherent**2 + missing**2)
            out[..., lowest - first :] += missing * weight * phasors(lowest, total)
        return first, out

    def _octave(self, cutoff_hz: float) -> slice:
        """The bins of the octave under the cutoff."""
        highest = max(1, int(np.searchsorted(self.frequencies, cutoff_hz, "right")) - 1)
        lowest = int(np.searchsorted(self.frequencies, self.frequencies[highest] / 2, "right")) - 1
        return slice(max(0, lowest), highest)

    def _mend_edge(
        self, target: FloatArray, magnitude: FloatArray, frequencies: Hertz, cutoff_hz: float
    ) -> None:
        """Hold target magnitudes just above the cutoff, in place, between those of the bands on both sides.

        There the received band may fall within a few bins, but what the network adds to it in nepers rises
        slowly: it raises the flank of the band, and leaves a gap behind it. So: no louder than the louder
        side, by root mean square; no fainter than the upper one typically is, less what was received there.
        """
        edges_hz = cutoff_hz * (1 + EDGE * np.array([-2, -1, 0, 1, 2]))
        a, b, lowest, c, d = np.searchsorted(frequencies, np.minimum(edges_hz, self.highest_hz))
        if not (a < b <= lowest < c < d):
            return
        below, flank, above = target[..., a:b], target[..., lowest:c], target[..., c:d]
        loudest = np.maximum(_rms(below), _rms(above))
        faintest = self._typical(above) - self._typical(magnitude[..., c:d])
        np.minimum(flank, loudest, out=flank)
        np.maximum(flank, faintest, out=flank)

    def _typical(self, magnitude: FloatArray) -> FloatArray:
        """Geometric mean over bins, (frames, channels, 1)."""
        log_magnitude = self.normalisation.log(np.maximum(magnitude, 0))
        return np.asarray(np.exp(log_magnitude.mean(axis=-1, keepdims=True)) - self.epsilon, np.float32)

    def _steady_image(
        self, missing: FloatArray, ceiling: FloatArray, first_bin: int, advance: int
    ) -> FloatArray:
        """Smooth each channel's level relative to the mean of all; bins from the first on."""
        if self.channels == 1:
            return missing
        levels = np.log(missing + self.epsilon)
        changes = levels.mean(axis=1, keepdims=True) - levels
        groups = changes.reshape(-1, self.image_frames, *changes.shape[1:])
        image = self._image[:, first_bin:].copy()
        for i, change in enumerate(groups.mean(axis=1), 1):
            image -= (1 - self._image_smoothing) * (change + image)
            groups[i - 1] += image
            if i * self.image_frames == advance:
                self._image[:, first_bin:] = image
        ratio = np.exp(groups).reshape(missing.shape)
        steady = missing * ratio + self.epsilon * (ratio - 1)
        return np.asarray(np.clip(steady, 0, ceiling), np.float32)


def _rms(magnitude: FloatArray) -> FloatArray:
    """Root mean square over bins, (frames, channels, 1)."""
    return np.asarray(np.sqrt(np.mean(magnitude * magnitude, axis=-1, keepdims=True)), np.float32)


def _missing(target: FloatArray, coherent: FloatArray) -> FloatArray:
    """Magnitude of the diffuse term; exactly 0 for heads of 0."""
    power = np.maximum((target - coherent) * (target + coherent), 0)
    return np.asarray(np.sqrt(power), np.float32)


def _linked(log_gain: FloatArray, power: FloatArray) -> FloatArray:
    """One gain for all channels: their mean, weighted by power; (frames, 1, bins)."""
    weights = power + np.float32(1e-12)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.asarray((log_gain * weights).sum(axis=1, keepdims=True), np.float32)
