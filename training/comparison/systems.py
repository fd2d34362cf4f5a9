"""The systems without a network that a model's figures are held against."""

import numpy as np
import numpy.typing as npt

from tfbwe.band import HIGHEST_HZ
from tfbwe.offline.received import measure
from tfbwe.restoration.stream import RestoringStream
from tfbwe.stft import BIN_HZ, SAMPLE_RATE
from tfbwe.transform import TRANSFORMS, Phasors, Transform

from ..degradation import ffmpeg
from ..degradation.degrade import lowpass_of
from ..degradation.filters import Lowpass
from ..degradation.responses import log_gain_of
from .measuring import Excerpt

FloatArray = npt.NDArray[np.float32]
ComplexArray = npt.NDArray[np.complex64]

MIRROR_DB = -12.0
INVERSE_BOUND_DB = 50.0
"""Attenuation that the inverse filter takes back at most: the best of 20 to 60 dB on ten training tracks."""
INVERSE_TAPS = 16384


def with_band(
    transform: Transform, spectrum: ComplexArray, made_up: ComplexArray, cutoff_hz: float
) -> ComplexArray:
    """Spectrum (..., bins) with another one above the cutoff, up to where a high band is measured."""
    high = (transform.frequencies > cutoff_hz) & (transform.frequencies <= HIGHEST_HZ)
    return np.where(high, made_up, spectrum).astype(np.complex64)


def mirror(received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Upper half of the received band folded about the cutoff, again and again, 12 dB lower: no network.

    Parameters and result: (channels, samples) float32 at 44.1 kHz.
    """
    transform = TRANSFORMS["stft"]
    cutoff_bin = int(cutoff_hz / BIN_HZ)
    width = cutoff_bin // 2
    distance = (np.arange(len(transform.frequencies)) - cutoff_bin) % (2 * width)
    source = cutoff_bin - np.minimum(distance, 2 * width - distance)

    def alter(spectrum: ComplexArray, phasors: Phasors) -> ComplexArray:
        folded = np.abs(spectrum)[..., source] * np.float32(10 ** (MIRROR_DB / 20))
        made_up = folded * phasors("mirror", cutoff_hz, len(spectrum))
        return with_band(transform, spectrum, made_up, cutoff_hz)

    return transform.altered(received, alter)


def inverse_filter(received: FloatArray, lowpass: Lowpass) -> FloatArray:
    """What somebody who knows the filter can undo: conj(H) / max(|H|^2, bound^2).

    The phase that a causal filter turned is turned back, too. (channels, samples) float32. Only for gentle
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


def restored_with(received: FloatArray, lowpass: Lowpass, cutoff_hz: float) -> FloatArray:
    """What restoring does with the filter known in place of the network that identifies it.

    It bounds what a better network can reach: gate, weights by the noise floor and limits are the decoder's.
    (channels, samples) float32.
    """
    curve = -log_gain_of(lowpass)[None]
    stream = RestoringStream(lambda read: curve, measure([[received]], SAMPLE_RATE, cutoff_hz).moments)

    def alter(spectrum: ComplexArray, phasors: Phasors) -> ComplexArray:
        return spectrum * stream.process(spectrum.swapaxes(0, 1), cutoff_hz).gain

    return TRANSFORMS["stft"].altered(received, alter)


def exciter(received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Harmonics of the received band by ffmpeg's ``aexciter``, as it is set by default.

    (channels, samples) float32; `AudioError` if ffmpeg fails.
    """
    channels, samples = received.shape
    raw = ffmpeg.raw(SAMPLE_RATE, channels)
    settings = f"aexciter=freq={min(max(cutoff_hz, 2000), 12000):g}:ceil={HIGHEST_HZ:g}"
    arguments = [*raw, "-i", "-", "-af", settings, *raw, "-"]
    sound = ffmpeg.piped(arguments, ffmpeg.sound_of(received), "its exciter to run")
    y = ffmpeg.samples_of(sound, channels)[:, :samples]
    return np.pad(y, ((0, 0), (0, samples - y.shape[1])))


def true_magnitudes(
    transform: Transform, received: FloatArray, original: FloatArray, cutoff_hz: float, phase: str
) -> FloatArray:
    """Original magnitudes above the cutoff with a phase that a receiver could have.

    It bounds what any network that predicts magnitudes of this transform can reach with that phase.
    (channels, samples) float32; `phase` is one of `tfbwe.phase.mirror.MEMORYLESS`.
    """
    channels = len(received)

    def alter(spectrum: ComplexArray, phasors: Phasors) -> ComplexArray:
        made_up = np.abs(spectrum[channels:]) * phasors(phase, cutoff_hz, channels)
        spectrum[:channels] = with_band(transform, spectrum[:channels], made_up, cutoff_hz)
        return spectrum

    return transform.altered(np.concatenate([received, original]), alter)[:channels]


# What a comparison calls: functions of a module, not closures, for they travel to other processes.


def received(x: Excerpt) -> FloatArray:
    """Return what was received."""
    return x.received


def mirrored_band(x: Excerpt) -> FloatArray:
    """Return the output of `mirror`."""
    return mirror(x.received, x.cutoff_hz)


def inverse(x: Excerpt) -> FloatArray:
    """Return the output of `inverse_filter`, which knows the filter."""
    lowpass = lowpass_of(x.degradation)
    assert lowpass is not None
    return inverse_filter(x.received, lowpass)


def known_filter(x: Excerpt) -> FloatArray:
    """Return the output of `restored_with`, which knows the filter."""
    lowpass = lowpass_of(x.degradation)
    assert lowpass is not None
    return restored_with(x.received, lowpass, x.cutoff_hz)


def excited(x: Excerpt) -> FloatArray:
    """Return the output of `exciter`."""
    return exciter(x.received, x.cutoff_hz)


def true(x: Excerpt, transform: str, phase: str) -> FloatArray:
    """Return the output of `true_magnitudes`."""
    return true_magnitudes(TRANSFORMS[transform], x.received, x.original, x.cutoff_hz, phase)
