"""Short-time Fourier transform of the model: 2048-point frames, hop 512, square-root Hann on both sides.

The transform is not normalised, as `tf.signal.stft`: a full-scale sine has a magnitude of about 650. With
frames that overlap by three quarters the squared window sums to two, so analysis, synthesis and a division by
two give the signal back exactly.
"""

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 44100
N_FFT = 2048
HOP_LENGTH = 512
BIN_HZ = SAMPLE_RATE / N_FFT
LOUDEST = np.float32(1e6)
"""Whatever reads spectra is given no larger sample: their power would overflow, and what comes of that would
stay in its memory."""

_OVERLAP = N_FFT // HOP_LENGTH
_WINDOW_POWER = _OVERLAP / 2.0

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]


def window() -> FloatArray:
    """Periodic square-root Hann window, float32, shape (N_FFT,)."""
    return np.sin(np.pi * np.arange(N_FFT) / N_FFT).astype(np.float32)


_WINDOW = window()
_SYNTHESIS_WINDOW = (_WINDOW / _WINDOW_POWER).astype(np.float32)


def analyse(frames: FloatArray) -> ComplexArray:
    """Spectra of windowed frames.

    Parameters
    ----------
    frames : (..., N_FFT) float32, in [-1, 1]

    Returns
    -------
    (..., N_FFT // 2 + 1) complex64
    """
    return np.fft.rfft(frames * _WINDOW, axis=-1).astype(np.complex64, copy=False)


def inner_frames(x: FloatArray) -> ComplexArray:
    """Spectra of the frames that lie in a signal (channels, samples) whole; (frames, channels, bins)."""
    windows = np.lib.stride_tricks.sliding_window_view(x, N_FFT, axis=1)[:, ::HOP_LENGTH]
    return analyse(windows.swapaxes(0, 1))


def synthesise(spectra: ComplexArray) -> FloatArray:
    """Windowed frames to be overlapped and added; the inverse of `analyse` once four of them overlap.

    Parameters
    ----------
    spectra : (..., N_FFT // 2 + 1) complex64

    Returns
    -------
    (..., N_FFT) float32
    """
    frames = np.fft.irfft(spectra, n=N_FFT, axis=-1).astype(np.float32, copy=False)
    return frames * _SYNTHESIS_WINDOW


def stft(x: FloatArray) -> ComplexArray:
    """Transform a whole signal; frame m covers the samples from (m - 3) * HOP_LENGTH on.

    The signal is padded with zeros so that every sample lies in four frames: `istft` is exact at the edges
    too.

    Parameters
    ----------
    x : (..., samples) float32

    Returns
    -------
    (..., frames, bins) complex64, frames = ceil(samples / HOP_LENGTH) + 3
    """
    samples = x.shape[-1]
    hops = -(-samples // HOP_LENGTH)
    lead = (_OVERLAP - 1) * HOP_LENGTH
    padding = [(0, 0)] * (x.ndim - 1) + [(lead, (hops + _OVERLAP - 1) * HOP_LENGTH - samples)]
    padded = np.pad(np.asarray(x, np.float32), padding)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=-1)[..., ::HOP_LENGTH, :]
    return analyse(frames)


def istft(spectra: ComplexArray, samples: int) -> FloatArray:
    """Invert `stft` by weighted overlap-add.

    Parameters
    ----------
    spectra : (..., frames, bins) complex64, as `stft` returns it
    samples : int
        Length of the signal.

    Returns
    -------
    (..., samples) float32
    """
    frames = synthesise(spectra)
    count = frames.shape[-2]
    hops = frames.reshape(*frames.shape[:-1], _OVERLAP, HOP_LENGTH)
    out = np.zeros((*frames.shape[:-2], count + _OVERLAP - 1, HOP_LENGTH), np.float32)
    for part in range(_OVERLAP):
        out[..., part : part + count, :] += hops[..., part, :]
    lead = (_OVERLAP - 1) * HOP_LENGTH
    return out.reshape(*out.shape[:-2], -1)[..., lead : lead + samples]
