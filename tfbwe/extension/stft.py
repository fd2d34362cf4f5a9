"""The high band of a stream by a model of the STFT: one frame in, one hop of high band out."""

from __future__ import annotations

from functools import partial
from itertools import groupby

import numpy as np

from ..model.step_model import StepModel
from ..phase.mirror import phasors
from ..phase.pghi import PhaseGradient
from ..stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, ComplexArray, FloatArray, analyse, synthesise
from .extension import NetworkExtension

_OVERLAP = N_FFT // HOP_LENGTH
_CHUNK_FRAMES = 32
FADE_STEP, FADE_STEPS, FORGET = SAMPLE_RATE // 100, 5, SAMPLE_RATE // 10
"""Of lost input: samples of a step of the fade, their number, and samples until the network forgets."""


class StftExtension(NetworkExtension):
    """Makes the high band, 2048 samples (46 ms) late; one memory of the network for each channel.

    Lost samples: the high band of frames that end in some fades in steps of 10 ms; after 100 ms the network's
    memory is cleared.
    """

    latency = N_FFT

    def __init__(
        self,
        model: StepModel,
        channels: int,
        cutoff_hz: float | None,
        diffuse: float,
        phase: str,
        known: FloatArray | None = None,
    ) -> None:
        super().__init__(model, channels, cutoff_hz, diffuse, phase, known)
        # One phase for all channels: with one for each the stereo image would fall apart.
        self._gradient = PhaseGradient(1, model.bins) if phase == "pghi" and diffuse > 0 else None
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        super().reset()
        if self._gradient is not None:
            self._gradient.reset()
        self._frame = 0
        self._input = np.zeros((self.channels, N_FFT - HOP_LENGTH), np.float32)
        self._lost_runs: list[int] = []
        self._overlap = np.zeros((self.channels, _OVERLAP - 1, HOP_LENGTH), np.float32)
        self._high = np.zeros((self.channels, HOP_LENGTH), np.float32)

    def process(self, x: FloatArray, lost: int) -> FloatArray:
        """Take in the next samples and return the high band of earlier ones; see `Extension`."""
        self._note_loss(x.shape[1], lost)
        self._input = np.concatenate([self._input, x], axis=1)
        pieces = [self._high]
        while self._input.shape[1] >= N_FFT:
            pieces.append(self._extend())
        self._high = np.concatenate(pieces, axis=1)
        count = x.shape[1]
        high, self._high = self._high[:, :count], self._high[:, count:]
        return high

    def _note_loss(self, count: int, lost: int) -> None:
        """Record for each hop that ends in these samples how many before its end were lost in a row."""
        pending = self._input.shape[1] - (N_FFT - HOP_LENGTH)
        ends = range(HOP_LENGTH - pending, count + 1, HOP_LENGTH)
        self._lost_runs += [lost - count + end if lost else 0 for end in ends]

    def _extend(self) -> FloatArray:
        """Turn complete frames, a chunk at most, into high band, a hop for each frame."""
        frames = min((self._input.shape[1] - N_FFT) // HOP_LENGTH + 1, _CHUNK_FRAMES)
        windows = np.lib.stride_tricks.sliding_window_view(self._input, N_FFT, axis=1)
        windows = windows[:, : frames * HOP_LENGTH : HOP_LENGTH].swapaxes(0, 1)
        spectrum = analyse(np.ascontiguousarray(windows))
        added = self._added(spectrum)
        hops = synthesise(added).reshape(frames, self.channels, _OVERLAP, HOP_LENGTH)
        # Contributions are summed oldest first, wherever a chunk ends: that keeps the bits the same.
        total = np.zeros((self.channels, frames + _OVERLAP - 1, HOP_LENGTH), np.float32)
        total[:, : _OVERLAP - 1] = self._overlap
        for part in reversed(range(_OVERLAP)):
            total[:, part : part + frames] += hops[:, :, part].swapaxes(0, 1)
        self._overlap = total[:, frames:].copy()
        self._input = self._input[:, frames * HOP_LENGTH :]
        self._lost_runs = self._lost_runs[frames:]
        self._frame += frames
        return total[:, :frames].reshape(self.channels, -1)

    def _added(self, spectrum: ComplexArray) -> ComplexArray:
        """Spectrum of what is added, (frames, channels, bins)."""
        out = np.zeros_like(spectrum)
        start = 0
        for cutoff_hz, group in groupby(self._cutoffs(spectrum)):
            rows = slice(start, start + len(list(group)))
            lost = self._lost_runs[rows]
            out[rows] = self._added_above(spectrum[rows], cutoff_hz, self._frame + start, lost)
            start = rows.stop
        runs = np.asarray(self._lost_runs[: len(spectrum)])
        if not runs.any():
            return out
        fade = np.maximum(0, 1 - (runs // FADE_STEP) / FADE_STEPS).astype(np.float32)
        return out * fade[:, None, None]

    def _added_above(
        self, spectrum: ComplexArray, cutoff_hz: float | None, first_frame: int, lost: list[int]
    ) -> ComplexArray:
        """Restore and extend frames of one cutoff, (frames, channels, bins); networks run in any case."""
        found = self._restoring.process(spectrum, cutoff_hz or 0.0, lost)
        received = spectrum[..., : self._model.bins]
        magnitude = np.sqrt(received.real**2 + received.imag**2)
        gain, missing = found.gain[:, None], found.missing[:, None, : self._model.bins]
        restored = magnitude * gain[..., : self._model.bins]
        read = self._high_band.read(restored, found.reach_hz)
        log_residual = self._run_network(self._normalisation.features(read), lost)
        if cutoff_hz is None or cutoff_hz > self._highest_cutoff_hz:
            if self._gradient is not None:
                self._integrated(received, magnitude[..., :0])
            return np.zeros_like(spectrum)
        added: ComplexArray = spectrum * (gain - 1)
        make = partial(self._phasors, received, first_frame, cutoff_hz)
        lowest, diffuse = self._high_band.added(restored, read, log_residual, missing, cutoff_hz, make)
        added[..., lowest : self._model.bins] += diffuse
        return added

    def _phasors(
        self, received: ComplexArray, first_frame: int, cutoff_hz: float, lowest: int, total: FloatArray
    ) -> ComplexArray:
        """Phases of the bins from `lowest` on."""
        if self._gradient is not None:
            return self._integrated(received[..., :lowest], total)
        cutoff_bin = max(1, int(cutoff_hz / BIN_HZ))
        return phasors(received, first_frame, cutoff_bin, self._phase, lowest)

    def _integrated(self, known: ComplexArray, total: FloatArray) -> ComplexArray:
        """Phases that fit the magnitudes `total` above the known bins, one channel for all."""
        assert self._gradient is not None
        power = np.concatenate([known.real**2 + known.imag**2, total**2], axis=-1)
        return self._gradient.process(
            np.sqrt(power.sum(axis=1, keepdims=True)), known.sum(axis=1, keepdims=True)
        )

    def _cutoffs(self, spectrum: ComplexArray) -> list[float | None]:
        """Cutoff of each frame."""
        if self._tracker is None:
            return [self._given_cutoff_hz] * len(spectrum)
        cutoffs = []
        for frame in spectrum:
            self._tracker.update(frame.real**2 + frame.imag**2)
            cutoffs.append(self._tracker.cutoff_hz)
        return cutoffs

    def _run_network(self, features: FloatArray, lost: list[int]) -> FloatArray:
        """Output for frames in a row, (frames, channels, bins)."""
        out = np.empty_like(features)
        for i, frame in enumerate(features):
            if lost[i] >= FORGET:
                self._model.reset()
            out[i] = self._model.step(frame)
        return out
