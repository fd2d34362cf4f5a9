"""The receiver: blocks of band-limited music in, the same blocks with a high band out.

Output = received signal, delayed by `latency`, plus the synthesised band. The received samples themselves are
never transformed. NumPy and a TFLite interpreter are all it needs.
"""

from __future__ import annotations

import os
from itertools import groupby

import numpy as np

from .bundle import Bundle, load_bundle
from .cutoff import CutoffTracker
from .errors import AudioError, ConfigError, ModelError
from .high_band import HEADS, Heads, HighBand
from .samples import float_samples
from .settings import MAX_CHANNELS, check_settings, whole_number
from .step_model import StepModel
from .stft import HOP_LENGTH, N_FFT, SAMPLE_RATE, ComplexArray, FloatArray, analyse, synthesise

_OVERLAP = N_FFT // HOP_LENGTH
_CHUNK_FRAMES = 16
_FADE_STEP = SAMPLE_RATE // 100
_FADE_STEPS = 5
_FORGET = SAMPLE_RATE // 10
_LOUDEST = np.float32(1e6)
"""The network hears no larger sample: its power would overflow, and what comes of that stay in its memory."""


class Decoder:
    """Puts the high band back, in blocks of any size.

    Parameters
    ----------
    model : str, Path or Bundle
        Name of a shipped model, or a model file.
    channels : int
        1 to 8.
    cutoff_hz : float, optional
        Where the received band ends, in (0, 22050); tracked in the stream if ``None``.
    diffuse : float
        Weight of the diffuse term, 0 (best SDR) to 1 (full spectrum).
    phase : {"mirror", "received"}
        Phase of the diffuse term.

    Attributes
    ----------
    latency : int
        Delay of the output in samples.
    limited_frames : int
        Frames so far whose high band was held below its ceiling.

    Raises
    ------
    ConfigError
        If a setting is outside its range.
    ModelError
        If the model cannot be loaded.

    Notes
    -----
    All samples are float32 at 44.1 kHz. The output does not depend on how the input is cut into blocks, to
    the bit.
    """

    latency = N_FFT

    def __init__(
        self,
        model: str | os.PathLike[str] | Bundle,
        channels: int,
        cutoff_hz: float | None = None,
        diffuse: float = 1.0,
        phase: str = "mirror",
    ) -> None:
        channels = whole_number("channels", channels)
        if not 1 <= channels <= MAX_CHANNELS:
            raise ConfigError(f"channels: expected 1 to {MAX_CHANNELS}, received {channels}")
        check_settings(SAMPLE_RATE, cutoff_hz, diffuse, phase)
        bundle = load_bundle(model)
        if bundle.manifest.heads != HEADS:
            raise ModelError(f"{bundle.name}: expected the heads {HEADS}, received {bundle.manifest.heads}")
        self.channels = channels
        self._given_cutoff_hz = cutoff_hz
        self._highest_cutoff_hz = bundle.cutoff_range_hz[1]
        self._normalisation = bundle.manifest.normalisation
        self._model = StepModel(bundle, channels)
        self._high_band = HighBand(bundle.manifest, channels, diffuse, phase)
        self.reset()

    def reset(self) -> None:
        """Start anew, as if just made."""
        self._model.reset()
        self._high_band.reset()
        self._tracker = CutoffTracker() if self._given_cutoff_hz is None else None
        self._frame = 0
        self._lost = 0
        self._input = np.zeros((self.channels, N_FFT - HOP_LENGTH), np.float32)
        self._lost_runs: list[int] = []
        self._overlap = np.zeros((self.channels, _OVERLAP - 1, HOP_LENGTH), np.float32)
        self._high = np.zeros((self.channels, HOP_LENGTH), np.float32)
        self._delayed = np.zeros((self.channels, self.latency), np.float32)

    @property
    def cutoff_hz(self) -> float | None:
        """Where the received band ends, in Hz; ``None`` while the stream has not shown it."""
        return self._given_cutoff_hz if self._tracker is None else self._tracker.cutoff_hz

    @property
    def limited_frames(self) -> int:
        """Frames so far whose high band was held below its ceiling."""
        return self._high_band.limited_frames

    def process(self, block: FloatArray | None, samples: int = 0) -> FloatArray:
        """Take in a block and return one of the same length, `latency` samples late.

        Parameters
        ----------
        block : (channels, samples) float32, or None
            Nominally in [-1, 1]; any length, 0 included. ``None`` stands for `samples` samples that were
            lost: they count as silence, the high band fades out in steps of 10 ms, and after 100 ms the
            network's memory is cleared.
        samples : int
            Number of lost samples; unused otherwise.

        Returns
        -------
        (channels, samples) float32

        Raises
        ------
        AudioError
            If the block has another shape, is not floating-point, or holds NaN or infinite values, or the
            number of lost samples is negative. The state is unchanged then.
        """
        lost = block is None
        if lost and samples < 0:
            raise AudioError(f"samples: expected a number of lost samples, received {samples}")
        x = np.zeros((self.channels, samples), np.float32) if block is None else self._checked(block)
        self._note_loss(x.shape[1], lost)
        self._input = np.concatenate([self._input, np.clip(x, -_LOUDEST, _LOUDEST)], axis=1)
        self._delayed = np.concatenate([self._delayed, x], axis=1)
        pieces = [self._high]
        while self._input.shape[1] >= N_FFT:
            pieces.append(self._extend())
        self._high = np.concatenate(pieces, axis=1)
        count = x.shape[1]
        y = self._delayed[:, :count] + self._high[:, :count]
        self._delayed = self._delayed[:, count:]
        self._high = self._high[:, count:]
        return y

    def flush(self) -> FloatArray:
        """Return the last `latency` samples, (channels, latency) float32, and start anew."""
        tail = self.process(np.zeros((self.channels, self.latency), np.float32))
        self.reset()
        return tail

    def _checked(self, block: FloatArray) -> FloatArray:
        x = float_samples(block, "block")
        if x.ndim != 2 or x.shape[0] != self.channels:
            raise AudioError(f"block: expected shape ({self.channels}, samples), received {x.shape}")
        if not np.isfinite(x).all():
            raise AudioError("block: expected finite samples, received NaN or infinite ones")
        return x

    def _note_loss(self, count: int, lost: bool) -> None:
        """Record for each hop that ends in these samples how many before its end were lost in a row."""
        pending = self._input.shape[1] - (N_FFT - HOP_LENGTH)
        ends = range(HOP_LENGTH - pending, count + 1, HOP_LENGTH)
        self._lost_runs += [self._lost + end if lost else 0 for end in ends]
        self._lost = (self._lost + count if lost else 0) if count else self._lost

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
        """Spectrum of the high band; (frames, channels, bins)."""
        bins = self._model.bins
        part = spectrum[..., :bins]
        magnitude = np.sqrt(part.real**2 + part.imag**2)
        epsilon, offset, scale = (
            np.float32(self._normalisation[key]) for key in ("epsilon", "offset", "scale")
        )
        heads = self._run_network((np.log(magnitude + epsilon) + offset) / scale)
        out = np.zeros_like(spectrum)
        start = 0
        for cutoff_hz, group in groupby(self._cutoffs(spectrum)):
            stop = start + len(list(group))
            if cutoff_hz is not None and cutoff_hz <= self._highest_cutoff_hz:
                some = Heads(heads[start:stop, 0], heads[start:stop, 1])
                rows = slice(start, stop)
                out[rows] = self._high_band.added(
                    spectrum[rows], magnitude[rows], some, self._frame + start, cutoff_hz
                )
            start = stop
        runs = np.asarray(self._lost_runs[: len(spectrum)])
        if not runs.any():
            return out
        fade = np.maximum(0, 1 - (runs // _FADE_STEP) / _FADE_STEPS).astype(np.float32)
        return out * fade[:, None, None]

    def _cutoffs(self, spectrum: ComplexArray) -> list[float | None]:
        """Cutoff of each frame."""
        if self._tracker is None:
            return [self._given_cutoff_hz] * len(spectrum)
        cutoffs = []
        for frame in spectrum:
            self._tracker.update(frame.real**2 + frame.imag**2)
            cutoffs.append(self._tracker.cutoff_hz)
        return cutoffs

    def _run_network(self, features: FloatArray) -> FloatArray:
        """Heads of frames in a row; (frames, heads, channels, bins)."""
        heads = np.empty((len(features), 2, *features.shape[1:]), np.float32)
        for i, frame in enumerate(features):
            if self._lost_runs[i] >= _FORGET:
                self._model.reset()
            heads[i] = self._model.step(frame)
        return heads
