"""What is compared: models, and the systems without a network that tell what a model's figures are worth."""

import numpy as np
import numpy.typing as npt

from tfbwe.bundle import Bundle
from tfbwe.decoder import Decoder
from tfbwe.phase import phasors
from tfbwe.stft import BIN_HZ, istft, stft

FloatArray = npt.NDArray[np.float32]

HIGHEST_HZ = 16000.0
MIRROR_DB = -12.0


def mirror(received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Upper half of the received band folded about the cutoff again and again, 12 dB lower; it needs no network.

    Parameters and result: (channels, samples) float32 at 44.1 kHz.
    """
    spectrum = stft(received).swapaxes(0, 1)
    cutoff_bin = int(cutoff_hz / BIN_HZ)
    bins = np.arange(spectrum.shape[-1])
    high = (bins > cutoff_bin) & (bins * BIN_HZ <= HIGHEST_HZ)
    width = cutoff_bin // 2
    distance = (bins - cutoff_bin) % (2 * width)
    source = cutoff_bin - np.minimum(distance, 2 * width - distance)
    magnitude = np.abs(spectrum)[..., source] * 10 ** (MIRROR_DB / 20)
    spectrum = np.where(high, magnitude * phasors(spectrum, 0, cutoff_bin, "mirror"), spectrum)
    return istft(spectrum.swapaxes(0, 1).astype(np.complex64), received.shape[1])


def true_magnitudes(received: FloatArray, original: FloatArray, cutoff_hz: float, phase: str) -> FloatArray:
    """Original magnitudes above the cutoff with a phase that a receiver could have.

    It bounds what any network that predicts magnitudes can reach with that phase. (channels, samples) float32.
    """
    spectrum = stft(received).swapaxes(0, 1)
    truth = np.abs(stft(original).swapaxes(0, 1))
    cutoff_bin = int(cutoff_hz / BIN_HZ)
    bins = np.arange(spectrum.shape[-1])
    high = (bins > cutoff_bin) & (bins * BIN_HZ <= HIGHEST_HZ)
    spectrum = np.where(high, truth * phasors(spectrum, 0, cutoff_bin, phase), spectrum)
    return istft(spectrum.swapaxes(0, 1).astype(np.complex64), received.shape[1])


def decoded(bundle: Bundle, received: FloatArray, cutoff_hz: float, diffuse: float, phase: str) -> FloatArray:
    """Received signal extended by a model, its latency taken out; (channels, samples) float32."""
    decoder = Decoder(bundle, received.shape[0], cutoff_hz=cutoff_hz, diffuse=diffuse, phase=phase)
    y = np.concatenate([decoder.process(received), decoder.flush()], axis=1)
    return y[:, decoder.latency :]
