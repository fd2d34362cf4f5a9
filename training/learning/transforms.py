"""The spectra that networks read, of waveforms, in `keras.ops`: the STFT and the constant-Q transform."""

from typing import Any

import numpy as np
from keras import ops

from tfbwe.cqt import BLOCK_LENGTH
from tfbwe.cqt.stream import block_window, default_overlap
from tfbwe.model.features import NORMALISATION
from tfbwe.stft import BIN_HZ, HOP_LENGTH, N_FFT, window
from tfbwe.transform import TRANSFORMS, block_cqt

from . import cqt_ops

Spectrum = tuple[Any, Any]


class Stft:
    """Square-root Hann STFT.

    Parameters
    ----------
    bins : int
        Bins to keep, from 0 Hz up.

    Attributes
    ----------
    frequencies, reach_hz : (bins,) float32
        Hz; the centre of each bin, and how far beyond it its window reaches.
    """

    def __init__(self, bins: int) -> None:
        self.bins = bins
        self.frequencies = TRANSFORMS["stft"].frequencies[:bins].astype(np.float32)
        self.reach_hz = np.full(bins, 2 * BIN_HZ, np.float32)

    def __call__(self, x: Any) -> Spectrum:
        """Transform waveforms.

        Parameters
        ----------
        x : (batch, samples) float32

        Returns
        -------
        two tensors (batch, frames, bins) float32, frames = 1 + (samples - N_FFT) // HOP_LENGTH
            Real and imaginary part.
        """
        real, imaginary = ops.stft(
            x,
            sequence_length=N_FFT,
            sequence_stride=HOP_LENGTH,
            fft_length=N_FFT,
            window=window(),
            center=False,
        )
        return real[..., : self.bins], imaginary[..., : self.bins]


class ConstantQ:
    """Constant-Q transform of blocks, as the decoder cuts and windows them.

    Parameters and attributes as `Stft`; the lowest band is the lowest of constant Q.
    """

    def __init__(self, bins: int) -> None:
        self.cqt = block_cqt()
        self.window = block_window(BLOCK_LENGTH, default_overlap(BLOCK_LENGTH))
        first = self.cqt.constant_q.start
        self.bands = slice(first, first + bins)
        self.frequencies = TRANSFORMS["cqt"].frequencies[:bins].astype(np.float32)
        self.reach_hz = self.frequencies * np.float32(2 ** (1 / self.cqt.bins_per_octave) - 1)

    def __call__(self, x: Any) -> Spectrum:
        """Transform blocks (batch, BLOCK_LENGTH) float32; see `Stft`."""
        real, imaginary = cqt_ops.forward(self.cqt, x * self.window)
        return real[..., self.bands], imaginary[..., self.bands]


SPECTRA: dict[str, type[Stft] | type[ConstantQ]] = {"stft": Stft, "cqt": ConstantQ}
"""What computes the spectra of each transform in training, given the number of bins."""


def up_to(spectrum: Spectrum, frequencies: Any, reach_hz: Any) -> Spectrum:
    """Empty a spectrum (batch, frames, bins) above a reach (batch, 1, 1) in Hz: a network reads the rest."""
    read = ops.cast(frequencies <= reach_hz, "float32")
    return spectrum[0] * read, spectrum[1] * read


def log_magnitude(real: Any, imaginary: Any) -> Any:
    """log(|Y| + epsilon), same shape, nepers."""
    return NORMALISATION.log(magnitude(real, imaginary), ops)


def features(real: Any, imaginary: Any) -> Any:
    """Network input, same shape."""
    return NORMALISATION.features(magnitude(real, imaginary), ops)


def magnitude(real: Any, imaginary: Any) -> Any:
    """|Y|, same shape."""
    return ops.sqrt(real * real + imaginary * imaginary)
