"""From the network's output to the spectrum that is synthesised above what was restored.

C is the restored spectrum, M the magnitude that the network predicts, phi a synthesised phase.

D = sqrt(max(M^2 - |C|^2, 0)) * e^{j phi}     what is still missing, less where restoring is certain
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from ..band import Hertz, diffuse_weight
from ..model.features import Normalisation
from ..model.manifest import Manifest
from ..stft import ComplexArray, FloatArray

CEILING = 10 ** (12 / 20)
"""Magnitudes are held below this multiple of the root mean square of the octave under the cutoff."""
IMAGE_S = 0.05
"""Time constant of the level differences between channels, so that the stereo image does not wander."""


@dataclasses.dataclass(frozen=True)
class _Bands:
    """What follows from a cutoff alone."""

    cutoff_hz: float
    octave: slice
    """Bins of the octave under the cutoff."""
    lowest: int
    """The lowest bin of the diffuse term."""
    weight: FloatArray
    """Weight of the diffuse term from that bin on; empty where there is none."""


def _bands(frequencies: Hertz, cutoff_hz: float, highest_hz: float) -> _Bands:
    weight = diffuse_weight(frequencies, cutoff_hz, highest_hz).astype(np.float32)
    lowest = int(np.argmax(weight > 0)) if weight.any() else len(weight)
    highest = max(1, int(np.searchsorted(frequencies, cutoff_hz, "right")) - 1)
    octave_below = int(np.searchsorted(frequencies, frequencies[highest] / 2, "right")) - 1
    return _Bands(cutoff_hz, slice(max(0, octave_below), highest), lowest, weight[lowest:])


class HighBand:
    """Builds the synthesised spectrum; remembers the level differences between channels.

    Parameters
    ----------
    manifest : Manifest
        Of the model that the residuals come from.
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

    def read(self, restored: FloatArray, reach_hz: FloatArray) -> FloatArray:
        """Return what the network reads of a restored spectrum: nothing above the reach.

        Parameters
        ----------
        restored : (frames, channels, bins) float32
            Magnitudes |C|.
        reach_hz : (frames,) float32

        Returns
        -------
        (frames, channels, bins) float32
            Magnitudes.
        """
        return np.where(self.frequencies <= reach_hz[:, None, None], restored, np.float32(0))

    def added(
        self,
        restored: FloatArray,
        read: FloatArray,
        log_residual: FloatArray,
        missing: FloatArray,
        cutoff_hz: float,
        phasors: Callable[[int, FloatArray], ComplexArray],
        advance: int | None = None,
    ) -> tuple[int, ComplexArray]:
        """Return what is to be synthesised in frames in a row.

        Parameters
        ----------
        restored, read : (frames, channels, bins) float32
            Magnitudes |C|, and those that the network read.
        log_residual : (frames, channels, bins) float32
            What it returned, nepers.
        missing : (frames, 1, bins) float32
            Share of each bin, 0..1, that is to be synthesised.
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
        lowest : int
            The lowest bin of the diffuse term: the first at the cutoff or above.
        (frames, channels, bins from there on) complex64
            Zero above the model's highest frequency, plus the fade.
        """
        advance = len(restored) if advance is None else advance
        bands = self._bands_at(cutoff_hz)
        lowest = bands.lowest
        if not (self.diffuse > 0 and bands.weight.size):
            return lowest, np.zeros((*restored.shape[:2], bands.weight.size), np.complex64)
        octave = restored[..., bands.octave]
        ceiling = np.float32(CEILING) * np.sqrt(np.mean(octave * octave, axis=-1, keepdims=True))
        coherent = restored[..., lowest:]
        target: FloatArray = self.normalisation.raised(read[..., lowest:], log_residual[..., lowest:])
        self.limited_frames += int(np.any((target > ceiling) & (ceiling > 0), axis=(1, 2))[:advance].sum())
        diffuse = _missing(np.clip(target, 0, ceiling), coherent) * missing[..., lowest:]
        diffuse = self._steady_image(diffuse, ceiling, lowest, advance)
        total = np.sqrt(coherent**2 + diffuse**2)
        return lowest, diffuse * (bands.weight * self.diffuse) * phasors(lowest, total)

    def _bands_at(self, cutoff_hz: float) -> _Bands:
        """Where each term acts; kept until the cutoff changes, for small blocks would feel it."""
        if self._bands is None or self._bands.cutoff_hz != cutoff_hz:
            self._bands = _bands(self.frequencies, cutoff_hz, self.highest_hz)
        return self._bands

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


def _missing(target: FloatArray, coherent: FloatArray) -> FloatArray:
    """Magnitude of the diffuse term; exactly 0 where a target is what is there."""
    power = np.maximum((target - coherent) * (target + coherent), 0)
    return np.asarray(np.sqrt(power), np.float32)
