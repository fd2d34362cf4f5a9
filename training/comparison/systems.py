"""What is compared: models, and the systems without a network that tell what a model's figures are worth."""

import functools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tfbwe.band import HIGHEST_HZ
from tfbwe.cqt import BLOCK_LENGTH, CQT
from tfbwe.cqt.stream import BlockStream
from tfbwe.errors import AudioError, ConfigError
from tfbwe.model.bundle import Bundle
from tfbwe.phase.mirror import mirrored, phasors, unit
from tfbwe.stft import BIN_HZ, EPSILON, FEATURE_OFFSET, FEATURE_SCALE, SAMPLE_RATE, istft, stft

from ..degradation.filters import Lowpass

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]

MIRROR_DB = -12.0
INVERSE_BOUND_DB = 50.0
"""Attenuation that the inverse filter takes back at most: the best of 20 to 60 dB on ten training tracks."""
INVERSE_TAPS = 16384


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


def inverse_filter(received: FloatArray, lowpass: Lowpass) -> FloatArray:
    """What somebody who knows the filter can undo: conj(H) / max(|H|^2, bound^2).

    The phase that a causal filter turned is turned back, too. (channels, samples) float32. Only for recursive
    filters: of a sharp one nothing is left to be raised.
    """
    from scipy.signal import oaconvolve

    response = lowpass.response(INVERSE_TAPS, SAMPLE_RATE)
    bound = 10 ** (-INVERSE_BOUND_DB / 20)
    inverse = np.conj(response) / np.maximum(np.abs(response), bound) ** 2
    middle = INVERSE_TAPS // 2
    taps = np.roll(np.fft.irfft(inverse), middle)
    y = oaconvolve(received, taps[None], axes=1)
    return np.asarray(y[:, middle : middle + received.shape[1]], np.float32)


def exciter_found() -> str | None:
    """Where ffmpeg, which has an exciter, is installed, if it is."""
    return shutil.which("ffmpeg")


def exciter(received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Harmonics of the received band by ffmpeg's ``aexciter``, as it is set by default.

    (channels, samples) float32; `AudioError` if ffmpeg fails.
    """
    channels, samples = received.shape
    raw = ["-f", "f32le", "-ar", str(SAMPLE_RATE), "-ac", str(channels)]
    settings = f"aexciter=freq={min(max(cutoff_hz, 2000), 12000):g}:ceil={HIGHEST_HZ:g}"
    command = [exciter_found() or "ffmpeg", "-nostdin", "-v", "error", *raw, "-i", "-", "-af", settings]
    sound = np.ascontiguousarray(received.T, "<f4").tobytes()
    try:
        done = subprocess.run([*command, *raw, "-"], input=sound, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", b"").decode(errors="replace").strip() or error
        raise AudioError(f"ffmpeg: expected its exciter to run: {reason}") from None
    y = np.frombuffer(done.stdout, "<f4").reshape(-1, channels).T[:, :samples]
    return np.pad(y, ((0, 0), (0, samples - y.shape[1]))).astype(np.float32)


def true_magnitudes(received: FloatArray, original: FloatArray, cutoff_hz: float, phase: str) -> FloatArray:
    """Original magnitudes above the cutoff with a phase that a receiver could have.

    It bounds what any network that predicts magnitudes can reach with that phase.
    (channels, samples) float32.
    """
    return _with_high_band(received, np.abs(stft(original)), cutoff_hz, phase)


@functools.cache
def _cqt() -> CQT:
    return CQT()


def _altered_blocks(x: FloatArray, alter: Callable[[FloatArray, int], FloatArray]) -> FloatArray:
    """Send a signal through overlapping blocks.

    `alter` gets a windowed block and where it begins in the signal, in quarters of a block.
    """
    count = 0

    def next_block(block: FloatArray) -> FloatArray:
        nonlocal count
        start = (count * stream.hop_length - stream.overlap) * 4 // BLOCK_LENGTH
        count += 1
        return alter(block * stream.window, start)

    stream = BlockStream(BLOCK_LENGTH, x.shape[0], next_block)
    return np.concatenate([stream.process(x), stream.flush()], axis=1)[:, stream.latency :]


def _block_with_high_band(
    spectrum: ComplexArray, magnitudes: FloatArray, cutoff_hz: float, phase: str, start: int
) -> FloatArray:
    """Block (channels, BLOCK_LENGTH) with other magnitudes (channels, frames, bands) above the cutoff."""
    cqt = _cqt()
    coefficients = cqt.bands(spectrum)
    if phase == "mirror":
        cutoff_bin = max(1, int(cutoff_hz * BLOCK_LENGTH / SAMPLE_RATE))
        folded = mirrored(spectrum[None], np.array([start]), cutoff_bin, range(spectrum.shape[-1]))
        phasor = unit(cqt.bands(folded[0]))
    else:
        phasor = unit(coefficients)
    high = (cqt.frequencies > cutoff_hz) & (cqt.frequencies <= HIGHEST_HZ)
    return cqt.inverse(np.where(high, magnitudes * phasor, coefficients).astype(np.complex64))


def true_cqt_magnitudes(
    received: FloatArray, original: FloatArray, cutoff_hz: float, phase: str
) -> FloatArray:
    """`true_magnitudes` on the constant-Q transform of overlapping blocks."""
    channels = len(received)

    def alter(block: FloatArray, start: int) -> FloatArray:
        spectrum = _cqt().spectrum(block)
        magnitudes = np.abs(_cqt().bands(spectrum[channels:]))
        y = np.zeros_like(block)
        y[:channels] = _block_with_high_band(spectrum[:channels], magnitudes, cutoff_hz, phase, start)
        return y

    return _altered_blocks(np.concatenate([received, original]), alter)[:channels]


@functools.cache
def _network(run: Path) -> tuple[Any, str, int]:
    """Best network of a run folder, in float32, its kind and the number of its bins."""
    from ..learning.run import best_network, read_config

    config = read_config(run)
    if config.network.heads != ("log_residual",):
        raise ConfigError(f"{run}: a network of two heads is compared as a model file; export it first")
    return best_network(run), config.model, config.network.bins


def predicted_magnitudes(run: Path, received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Magnitudes that a run of the preset `paper` predicts, with the received phase (Miron & Davies 2018).

    Such a network looks ahead, so that it has no step graph and no model file.
    """
    network, kind, bins = _network(run)
    if kind == "stft":
        magnitudes = _predicted(network, np.abs(stft(received)), slice(0, bins))
        return _with_high_band(received, magnitudes, cutoff_hz, "received")
    first = _cqt().constant_q.start

    def alter(block: FloatArray, start: int) -> FloatArray:
        spectrum = _cqt().spectrum(block)
        magnitudes = np.abs(_cqt().bands(spectrum))
        magnitudes = _predicted(network, magnitudes, slice(first, first + bins))
        return _block_with_high_band(spectrum, magnitudes, cutoff_hz, "received", start)

    return _altered_blocks(received, alter)


def _predicted(network: Any, magnitudes: FloatArray, bins: slice) -> FloatArray:
    """Magnitudes (channels, frames, bins) with those in `bins` as the network would have them."""
    log_magnitude = np.log(magnitudes + EPSILON)
    features = (log_magnitude[..., bins] + FEATURE_OFFSET) / FEATURE_SCALE
    for x, row in zip(features, log_magnitude, strict=True):
        row[..., bins] += np.asarray(network(x[None], training=False)["log_residual"])[0]
    return np.asarray(np.maximum(np.exp(log_magnitude) - EPSILON, 0), np.float32)


def decoded(bundle: Bundle, received: FloatArray, cutoff_hz: float, diffuse: float, phase: str) -> FloatArray:
    """Received signal extended by a model, its latency taken out; (channels, samples) float32."""
    from tfbwe.offline.files import make_decoder

    decoder = make_decoder(bundle, received.shape[0], cutoff_hz, diffuse, phase)
    y = np.concatenate([decoder.process(received), decoder.flush()], axis=1)
    return y[:, decoder.latency :]
