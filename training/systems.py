"""What is compared: models, and the systems without a network that tell what a model's figures are worth."""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tfbwe.band import HIGHEST_HZ
from tfbwe.bundle import Bundle
from tfbwe.decoder import Decoder
from tfbwe.errors import ConfigError
from tfbwe.phase import phasors
from tfbwe.stft import BIN_HZ, EPSILON, FEATURE_OFFSET, FEATURE_SCALE, istft, stft

FloatArray = npt.NDArray[np.float32]

MIRROR_DB = -12.0


def _with_high_band(received: FloatArray, magnitudes: FloatArray, cutoff_hz: float, phase: str) -> FloatArray:
    """Replace magnitudes (channels, frames, bins) and phase above the cutoff; back to (channels, samples)."""
    spectrum = stft(received).swapaxes(0, 1)
    cutoff_bin = int(cutoff_hz / BIN_HZ)
    bins = np.arange(spectrum.shape[-1])
    high = (bins > cutoff_bin) & (bins * BIN_HZ <= HIGHEST_HZ)
    made_up = magnitudes.swapaxes(0, 1) * phasors(spectrum, 0, cutoff_bin, phase)
    spectrum = np.where(high, made_up, spectrum).astype(np.complex64)
    return istft(spectrum.swapaxes(0, 1), received.shape[1])


def mirror(received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Upper half of the received band folded about the cutoff, again and again, 12 dB lower: no network.

    Parameters and result: (channels, samples) float32 at 44.1 kHz.
    """
    magnitudes = np.abs(stft(received))
    cutoff_bin = int(cutoff_hz / BIN_HZ)
    width = cutoff_bin // 2
    distance = (np.arange(magnitudes.shape[-1]) - cutoff_bin) % (2 * width)
    source = cutoff_bin - np.minimum(distance, 2 * width - distance)
    folded = magnitudes[..., source] * np.float32(10 ** (MIRROR_DB / 20))
    return _with_high_band(received, folded, cutoff_hz, "mirror")


def true_magnitudes(received: FloatArray, original: FloatArray, cutoff_hz: float, phase: str) -> FloatArray:
    """Original magnitudes above the cutoff with a phase that a receiver could have.

    It bounds what any network that predicts magnitudes can reach with that phase.
    (channels, samples) float32.
    """
    return _with_high_band(received, np.abs(stft(original)), cutoff_hz, phase)


@functools.cache
def _network(run: Path) -> Any:
    """Best network of a run folder, in float32, with the number of its bins."""
    from .run import best_network, read_config

    config = read_config(run).network
    if config.heads != ("log_residual",):
        raise ConfigError(f"{run}: a network of two heads is compared as a model file; export it first")
    return best_network(run), config.bins


def predicted_magnitudes(run: Path, received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Magnitudes that a run of the preset `paper` predicts, with the received phase (Miron & Davies 2018).

    Such a network looks ahead, so that it has no step graph and no model file.
    """
    network, bins = _network(run)
    log_magnitude = np.log(np.abs(stft(received)) + EPSILON)
    features = (log_magnitude[..., :bins] + FEATURE_OFFSET) / FEATURE_SCALE
    residual = network.predict(features, batch_size=1, verbose=0)["log_residual"]
    log_magnitude[..., :bins] += residual
    magnitudes = np.maximum(np.exp(log_magnitude) - EPSILON, 0)
    return _with_high_band(received, magnitudes, cutoff_hz, "received")


def decoded(bundle: Bundle, received: FloatArray, cutoff_hz: float, diffuse: float, phase: str) -> FloatArray:
    """Received signal extended by a model, its latency taken out; (channels, samples) float32."""
    decoder = Decoder(bundle, received.shape[0], cutoff_hz=cutoff_hz, diffuse=diffuse, phase=phase)
    y = np.concatenate([decoder.process(received), decoder.flush()], axis=1)
    return y[:, decoder.latency :]
