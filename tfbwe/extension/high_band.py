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
from ..model.features import Normalisation
from ..model.manifest import Manifest
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


@dataclasses.dataclass(frozen=True)
class _Bands:
    """What follows from a cutoff alone."""

    cutoff_hz: float
    octave: slice
    """Bins of the octave under the cutoff."""
    first: int
    """The lowest bin that the coherent term changes; each term is computed from its first bin on."""
    coherent: FloatArray
    """Weight of the coherent term from that bin on."""
    lowest: int
    """The lowest bin of the diffuse term."""
    diffuse: FloatArray
    """Weight of the diffuse term from that bin on; empty where there is none."""
    edge: tuple[int, ...]
    """Bounds of the four bands around the cutoff, from `first` on."""


def _bands(frequencies: Hertz, cutoff_hz: float, highest_hz: float) -> _Bands:
    coherent, diffuse = fades(frequencies, cutoff_hz, highest_hz)
    first, lowest = int(np.argmax(coherent > 0)), int(np.argmax(diffuse > 0))
    if not np.any(diffuse):
        lowest = len(diffuse)
    highest = max(1, int(np.searchsorted(frequencies, cutoff_hz, "right")) - 1)
    octave_below = int(np.searchsorted(frequencies, frequencies[highest] / 2, "right")) - 1
    edges_hz = np.minimum(cutoff_hz * (1 + EDGE * np.array([-2, -1, 0, 1, 2])), highest_hz)
    edge = tuple(int(place) for place in np.searchsorted(frequencies[first:], edges_hz))
    octave = slice(max(0, octave_below), highest)
    return _Bands(cutoff_hz, octave, first, coherent[first:], lowest, diffuse[lowest:], edge)


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
        self._bands: _Bands | None = None
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
        bands = self._bands_at(cutoff_hz)
        first, lowest = bands.first, bands.lowest
        octave = magnitude[..., bands.octave]
        power = np.mean(octave * octave, axis=-1, keepdims=True)
        ceiling = np.float32(CEILING) * np.sqrt(power)
        gain = np.exp(_linked(heads.log_gain[..., first:], power))
        limit = ceiling / np.maximum(magnitude[..., first:], self.epsilon)
        gain = np.minimum(gain, np.maximum(limit, 1))
        out: ComplexArray = spectrum[..., first:] * ((gain - 1) * bands.coherent)
        if self.diffuse > 0 and bands.diffuse.size:
            magnitude, log_residual = magnitude[..., first:], heads.log_residual[..., first:]
            target: FloatArray = self.normalisation.raised(magnitude, log_residual)
            self._mend_edge(target, magnitude, bands.edge)
            target = target[..., lowest - first :]
            coherent = (gain * magnitude)[..., lowest - first :]
            weight = bands.diffuse * self.diffuse
            self.limited_frames += int(
                np.any((target > ceiling) & (ceiling > 0), axis=(1, 2))[:advance].sum()
            )
            missing = _missing(np.clip(target, 0, ceiling), coherent)
            missing = self._steady_image(missing, ceiling, lowest, advance)
            total = np.sqrt(coherent**2 + missing**2)
            out[..., lowest - first :] += missing * weight * phasors(lowest, total)
        return first, out

    def _bands_at(self, cutoff_hz: float) -> _Bands:
        """Where each term acts; kept until the cutoff changes, for small blocks would feel it."""
        if self._bands is None or self._bands.cutoff_hz != cutoff_hz:
            self._bands = _bands(self.frequencies, cutoff_hz, self.highest_hz)
        return self._bands

    def _mend_edge(self, target: FloatArray, magnitude: FloatArray, edge: tuple[int, ...]) -> None:
        """Hold target magnitudes just above the cutoff, in place, between those of the bands on both sides.

        There the received band may fall within a few bins, but what the network adds to it in nepers rises
        slowly: it raises the flank of the band, and leaves a gap behind it. So: no louder than the louder
        side, by root mean square; no fainter than the upper one typically is, less what was received there.
        """
        a, b, lowest, c, d = edge
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
