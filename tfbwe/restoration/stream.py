"""Restoring frame by frame: statistics that run along, a gain that follows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..band import crossover
from ..stft import BIN_HZ, HOP_LENGTH, SAMPLE_RATE, ComplexArray, FloatArray
from .gain import GATE, GATE_RUNNING, SMOOTHED_FRAMES, Predict, at_bins, identified, smoothed, wiener
from .statistics import (
    BANDS,
    EDGE_FRAMES,
    MOMENTS,
    SILENT_POWER,
    USED,
    bin_power,
    in_bands,
    moments,
)

UPDATE_FRAMES = 24
"""Frames between two runs of the network, and of the fade from one curve to the next: 0.28 s."""
FIRST_FRAMES = 48
"""Frames that are heard before the network runs at all, about half a second: until then nothing is raised."""
REMEMBERED_FRAMES = round(30 * SAMPLE_RATE / HOP_LENGTH)
"""The statistics are those of the last 30 s, more or less: older frames weigh less and less."""
PAUSE_FRAMES = round(0.5 * SAMPLE_RATE / HOP_LENGTH)
"""Half a second of silence ends a piece of music: the next one is measured anew."""
STEEP, NEW_MUSIC = 1.0, 100.0
"""Where most bands that are raised by more than so many nepers become so many times as powerful as they were
in the long run up to the last update, another piece of music has begun: it is measured anew, too."""
LOUDEST = 100.0
"""Power of what is restored, over that of the long run, at most: a click is not to be raised."""
FOR_GOOD = 1e30
"""Count of frames of statistics that were measured beforehand: no frame changes them."""
_HERTZ = np.arange(USED) * BIN_HZ


@dataclasses.dataclass(frozen=True)
class Restored:
    """What restoring makes of frames in a row, the same for all channels.

    Attributes
    ----------
    gain : (frames, bins) float32
        1 or more, below 1 where images are taken away; 1 everywhere where nothing weak is left above the
        cutoff.
    missing : (frames, bins) float32
        Share of each bin, 0..1, that remains to be synthesised: what the Wiener weight leaves; 1 where
        nothing is restored.
    reach_hz : (frames,) float32
        Up to where the received band, restored, is music and not noise: the cutoff, or above.
    """

    gain: FloatArray
    missing: FloatArray
    reach_hz: FloatArray


class RestoringStream:
    """The gain of each bin of a stream's frames; the same for all channels.

    Parameters
    ----------
    predict : callable
        The network; see `gain.Predict`.
    known : (4, 155) float32, optional
        Moments of all the music, measured beforehand, as `statistics.LongTerm` has them. They stay; else
        those of the last half minute are followed.
    """

    def __init__(self, predict: Predict, known: FloatArray | None = None) -> None:
        self._predict, self._known = predict, known
        self.reset()

    def reset(self) -> None:
        """Start anew, with what was known beforehand."""
        self._count = 0.0 if self._known is None else FOR_GOOD
        self._moments = np.zeros((len(MOMENTS), BANDS), np.float32) if self._known is None else self._known
        self._from = self._to = np.zeros(BANDS, np.float32)
        self._from_hz = self._to_hz = 0.0
        self._recent = self._before = np.zeros(BANDS, np.float32)
        self._floor = 0.0
        self._frame = 0
        self._silent, self._edge = 0, EDGE_FRAMES
        self._past = np.zeros((SMOOTHED_FRAMES - 1, USED), np.float32)

    def process(self, spectrum: ComplexArray, cutoff_hz: float, lost: Sequence[int] = ()) -> Restored:
        """Return the gains of frames in a row.

        Parameters
        ----------
        spectrum : (frames, channels, bins) complex64
            Of the STFT, all its bins.
        cutoff_hz : float
            Where the received band ends; 0 where it is not known.
        lost : sequence of int or bool
            For each frame, whether samples were lost up to its end, or how many in a row; none, if it is
            empty. Such frames say nothing of the music.

        Returns
        -------
        Restored
        """
        power = bin_power(spectrum)
        smooth, bands = self._smoothed(power), in_bands(power)
        curves = np.empty((len(power), BANDS), np.float32)
        usual = np.empty((len(power), BANDS), np.float32)
        floors, reach_hz = np.empty((len(power), 1), np.float32), np.empty(len(power), np.float32)
        for i in range(len(power)):
            self._hear(bands[i : i + 1], bool(lost) and lost[i] > 0)
            if self._frame % UPDATE_FRAMES == 0:
                self._update(cutoff_hz)
            share = np.float32((self._frame % UPDATE_FRAMES + 1) / UPDATE_FRAMES)
            self._frame += 1
            curves[i] = 0 if self._edge else self._from + (self._to - self._from) * share
            usual[i], floors[i] = self._moments[2] ** 2, self._floor
            reach_hz[i] = max(min(self._from_hz, self._to_hz), cutoff_hz)
        gain, missing = np.ones((2, len(spectrum), spectrum.shape[-1]), np.float32)
        here = curves.any(axis=1)
        if here.any():
            curve, smooth = at_bins(curves[here]), smooth[here]
            loudest = at_bins(usual[here]) * np.exp(2 * curve) * np.float32(LOUDEST)
            limit = np.sqrt(loudest / np.maximum(smooth, 1e-20))
            certain = wiener(smooth, floors[here])
            raised = np.maximum(np.minimum(np.exp(curve) * certain, limit), 1)
            weight = crossover(_HERTZ, cutoff_hz).astype(np.float32)
            gain[here, :USED] += (raised * np.exp(np.minimum(curve, 0)) - 1) * weight
            missing[here, :USED] -= certain * (curve > 0)
        return Restored(gain, missing, reach_hz)

    def _smoothed(self, power: FloatArray) -> FloatArray:
        """Power of frames smoothed over the last ones too, those of earlier calls among them."""
        window = np.concatenate([self._past, power])
        self._past = window[len(power) :]
        return smoothed(window)

    def _hear(self, power: FloatArray, lost: bool) -> None:
        """Take a frame into the statistics."""
        if lost or power.max() <= SILENT_POWER:
            self._silent, self._edge = self._silent + 1, EDGE_FRAMES
            if self._silent >= PAUSE_FRAMES:
                self._begin()
            return
        if self._edge:
            self._edge -= 1
            return
        if self._count == FOR_GOOD:
            return
        self._silent = 0
        self._count = min(self._count + 1, REMEMBERED_FRAMES)
        self._moments = self._moments + (moments(power)[1] - self._moments) / np.float32(self._count)
        self._recent = self._recent + (power[0] - self._recent) / np.float32(UPDATE_FRAMES)
        steep = self._to > STEEP
        if 2 * np.sum(self._recent[steep] > NEW_MUSIC * self._before[steep]) > steep.sum():
            self._begin()

    def _begin(self) -> None:
        """Measure what comes anew, and restore nothing until then."""
        if self._count != FOR_GOOD:
            self._count = 0.0
            self._from, self._to = np.zeros((2, BANDS), np.float32)
            self._from_hz = self._to_hz = 0.0

    def _update(self, cutoff_hz: float) -> None:
        """Run the network, and set out for its curve."""
        self._from, self._to = self._to, np.zeros(BANDS, np.float32)
        self._from_hz, self._to_hz = self._to_hz, 0.0
        self._before = self._moments[0]
        if self._count < FIRST_FRAMES or cutoff_hz <= 0:
            return
        gate = GATE if self._count == FOR_GOOD else GATE_RUNNING
        self._to, self._to_hz, self._floor = identified(self._moments, self._predict, cutoff_hz, gate)
        if self._count == FOR_GOOD:  # what was measured beforehand is there from the first frame on
            self._from, self._from_hz = self._to, self._to_hz
