"""What a network sees of a waveform: the STFT or the constant-Q transform, in `keras.ops`."""

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from tfbwe.cqt import BLOCK_LENGTH, CQT
from tfbwe.cqt.stream import block_window, default_overlap
from tfbwe.errors import ConfigError
from tfbwe.stft import BIN_HZ, EPSILON, FEATURE_OFFSET, FEATURE_SCALE, HOP_LENGTH, N_FFT, window

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
        self.frequencies = (np.arange(bins) * BIN_HZ).astype(np.float32)
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
        self.cqt = CQT()
        self.window = block_window(BLOCK_LENGTH, default_overlap(BLOCK_LENGTH))
        first = self.cqt.constant_q.start
        self.bands = slice(first, first + bins)
        self.frequencies: npt.NDArray[np.float32] = self.cqt.frequencies[self.bands].astype(np.float32)
        self.reach_hz = self.frequencies * np.float32(2 ** (1 / self.cqt.bins_per_octave) - 1)

    def __call__(self, x: Any) -> Spectrum:
        """Transform blocks (batch, BLOCK_LENGTH) float32; see `Stft`."""
        real, imaginary = cqt_ops.forward(self.cqt, x * self.window)
        return real[..., self.bands], imaginary[..., self.bands]


def transform(kind: str, bins: int) -> Stft | ConstantQ:
    """Return the transform of a kind of model, ``stft`` or ``cqt``."""
    if kind == "stft":
        return Stft(bins)
    if kind == "cqt":
        return ConstantQ(bins)
    raise ConfigError(f"transform: expected stft or cqt, received {kind!r}")


def spectrum_of(own: Stft | ConstantQ, x: Any) -> Spectrum:
    """Transform waveforms (batch, samples); take spectra (batch, 2, frames, bins) apart into their parts."""
    return (x[:, 0], x[:, 1]) if len(x.shape) == 4 else own(x)


def log_magnitude(real: Any, imaginary: Any) -> Any:
    """log(|Y| + EPSILON), same shape, nepers."""
    return ops.log(ops.sqrt(real * real + imaginary * imaginary) + EPSILON)


def normalise(log_magnitudes: Any) -> Any:
    """Network input for log-magnitudes in nepers, same shape."""
    return (log_magnitudes + FEATURE_OFFSET) / FEATURE_SCALE
