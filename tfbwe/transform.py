"""The transforms that models work on: `TRANSFORMS` says of each what the rest of the project asks of one."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .cqt import BINS_PER_OCTAVE, BLOCK_LENGTH, CQT, F_MAX, F_MIN
from .cqt.stream import BlockStream, default_overlap
from .phase import PHASES
from .phase.mirror import MEMORYLESS, mirrored, phasors, unit
from .stft import BIN_HZ, HOP_LENGTH, N_FFT, SAMPLE_RATE, ComplexArray, FloatArray, istft, stft

Phasors = Callable[[str, float, int], ComplexArray]
Alter = Callable[[ComplexArray, Phasors], ComplexArray]

_STFT_PARAMETERS = {
    "kind": "stft",
    "sample_rate": SAMPLE_RATE,
    "n_fft": N_FFT,
    "hop_length": HOP_LENGTH,
    "window": "sqrt_hann",
}
_CQT_PARAMETERS = {
    "kind": "cqt",
    "sample_rate": SAMPLE_RATE,
    "block_length": BLOCK_LENGTH,
    "overlap": default_overlap(BLOCK_LENGTH),
    "bins_per_octave": BINS_PER_OCTAVE,
    "f_min": F_MIN,
    "f_max": F_MAX,
}


class Transform(ABC):
    """What there is to know of a transform.

    Attributes
    ----------
    name : str
        ``kind`` in model files.
    caption : str
        For a reader of tables and model cards.
    parameters : dict
        As model files and data sets state them, ready for JSON; less ``bins``, which differs from network to
        network.
    phases : tuple of str
        Those of `tfbwe.phase.PHASES` that a decoder can give to the diffuse term.
    step_samples : int
        Samples of a signal from one run of the decoder's graph to the next.
    frame_s : float
        Seconds from frame to frame.
    frames : int or None
        Frames that a network takes at a time, each time anew; one after the other, with a memory, if None.
    frequencies : (bins,) float64
        Centres, in Hz and rising, of the bins that a network may read and predict: it takes the lowest.
    """

    name: str
    caption: str
    parameters: Mapping[str, Any]
    phases: tuple[str, ...]
    step_samples: int
    frame_s: float
    frames: int | None
    frequencies: npt.NDArray[np.float64]

    @abstractmethod
    def crop_samples(self, frames: int) -> int:
        """Samples of a signal that so many frames span; with `frames` of its own always those of one step."""

    @abstractmethod
    def altered(self, x: FloatArray, alter: Alter) -> FloatArray:
        """Send a whole signal through the transform, alter it there, and come back.

        Parameters
        ----------
        x : (channels, samples) float32
        alter : callable
            Given the spectrum of a piece, (channels, frames, bins) complex64, and a function that makes unit
            phasors for it, of a phase among `tfbwe.phase.mirror.MEMORYLESS`, a cutoff in Hz and a number of
            channels; returns another spectrum of the same shape.

        Returns
        -------
        (channels, samples) float32
        """


class _Stft(Transform):
    name = "stft"
    caption = f"short-time Fourier transform; a step graph, causal, of {HOP_LENGTH} samples"
    parameters = _STFT_PARAMETERS
    phases = tuple(PHASES)
    step_samples = HOP_LENGTH
    frame_s = HOP_LENGTH / SAMPLE_RATE
    frames = None
    frequencies = np.arange(N_FFT // 2 + 1, dtype=np.float64) * BIN_HZ

    def crop_samples(self, frames: int) -> int:
        return (frames - 1) * HOP_LENGTH + N_FFT

    def altered(self, x: FloatArray, alter: Alter) -> FloatArray:
        spectrum = stft(x)

        def phasors_of(phase: str, cutoff_hz: float, channels: int) -> ComplexArray:
            received = spectrum[:channels].swapaxes(0, 1)
            return phasors(received, 0, max(1, int(cutoff_hz / BIN_HZ)), phase).swapaxes(0, 1)

        return istft(alter(spectrum, phasors_of), x.shape[1])


class _ConstantQ(Transform):
    name = "cqt"
    caption = (
        f"invertible constant-Q transform of {BINS_PER_OCTAVE} bands an octave; "
        "a block graph, without a memory"
    )
    parameters = _CQT_PARAMETERS
    phases = MEMORYLESS  # the slopes of pghi are those of the STFT's window
    step_samples = BLOCK_LENGTH - default_overlap(BLOCK_LENGTH)

    @functools.cached_property
    def frames(self) -> int:  # type: ignore[override]
        return block_cqt().shape[0]

    @functools.cached_property
    def frame_s(self) -> float:  # type: ignore[override]
        return BLOCK_LENGTH / self.frames / SAMPLE_RATE

    @functools.cached_property
    def frequencies(self) -> npt.NDArray[np.float64]:  # type: ignore[override]
        return block_cqt().frequencies[block_cqt().constant_q]

    def crop_samples(self, frames: int) -> int:
        return BLOCK_LENGTH

    def altered(self, x: FloatArray, alter: Alter) -> FloatArray:
        cqt, count = block_cqt(), 0

        def altered_block(block: FloatArray) -> FloatArray:
            nonlocal count
            start = block_start(count, stream)
            count += 1
            spectrum = cqt.spectrum(block * stream.window)
            bands = cqt.bands(spectrum)

            def phasors_of(phase: str, cutoff_hz: float, channels: int) -> ComplexArray:
                if phase == "received":
                    return unit(bands[:channels, :, cqt.constant_q])
                return block_phasors(spectrum[:channels], start, cutoff_hz, cqt.constant_q)

            bands[..., cqt.constant_q] = alter(bands[..., cqt.constant_q], phasors_of)
            return cqt.inverse(bands)

        stream = BlockStream(BLOCK_LENGTH, x.shape[0], altered_block)
        return np.concatenate([stream.process(x), stream.flush()], axis=1)[:, stream.latency :]


@functools.cache
def block_cqt() -> CQT:
    """Return the constant-Q transform of the models' blocks."""
    return CQT()


def block_start(block: int, stream: BlockStream) -> int:
    """Where a block begins in its signal, in quarters of a block: the first a quarter before it."""
    return (block * stream.hop_length - stream.overlap) * 4 // BLOCK_LENGTH


def block_phasors(spectrum: ComplexArray, start: int, cutoff_hz: float, bands: slice) -> ComplexArray:
    """Unit phasors of a block that is folded about a cutoff.

    Parameters
    ----------
    spectrum : (channels, BLOCK_LENGTH // 2 + 1) complex64
        Of the received block, under its window, as from `CQT.spectrum`.
    start : int
        As from `block_start`.
    cutoff_hz : float
    bands : slice
        Those that are wanted.

    Returns
    -------
    (channels, frames, bands) complex64
    """
    cutoff_bin = max(1, int(cutoff_hz * BLOCK_LENGTH / SAMPLE_RATE))
    folded = mirrored(spectrum[None], np.array([start]), cutoff_bin, range(spectrum.shape[-1]))
    return unit(block_cqt().bands(folded[0], bands))


TRANSFORMS: dict[str, Transform] = {transform.name: transform for transform in (_Stft(), _ConstantQ())}
