"""How close an estimate comes to a reference: signal-to-distortion ratios and log-spectral distances.

Signals are (channels, samples), nominally in [-1, 1], reference and estimate aligned and of equal shape.
Figures are comparable with published ones at 44.1 and 48 kHz only: frames are counted in samples, so
resampling is the caller's job. Long signals are read in slices; apart from the two inputs, memory is a few
numbers per frame.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..band import HIGHEST_HZ
from ..errors import AudioError, ConfigError

N_FFT = 2048
HOP_LENGTH = 512
POWER_FLOOR = 1e-8
ACTIVE_DB = -60.0
TOP_HZ = HIGHEST_HZ

_FRAMES_AT_ONCE = 128
_SAMPLES_AT_ONCE = 1 << 18

Signal = NDArray[np.floating]


def snr_db(reference: Signal, estimate: Signal) -> float:
    """Return the ratio of the energy of the reference to that of the difference, over the whole signal.

    Parameters
    ----------
    reference, estimate : (channels, samples) float

    Returns
    -------
    float
        dB; inf for equal signals, -inf for a silent reference, nan if both are silent or empty.

    Raises
    ------
    ConfigError
        If the shapes differ or are not (channels, samples).
    AudioError
        If a value is NaN or infinite.
    """
    _check(reference, estimate)
    samples = reference.shape[1]
    slices = [slice(start, start + _SAMPLES_AT_ONCE) for start in range(0, samples, _SAMPLES_AT_ONCE)]
    energies = [_energies(reference[:, part], estimate[:, part]) for part in slices]
    return _ratio_db(sum(e[0] for e in energies), sum(e[1] for e in energies))


def sdr_db(reference: Signal, estimate: Signal, sample_rate: int) -> float:
    """Return the signal-to-distortion ratio of museval, version 4, images mode, for a single source.

    With one source, any distortion counts in full, so the ratio of a frame is its signal-to-noise ratio.
    Frames are 1 s long and do not overlap; an incomplete last frame is left out unless it is the only one. As
    in museval, a frame whose channels sum to zero throughout, in the reference or the estimate, is silent and
    does not count.

    Parameters
    ----------
    reference, estimate : (channels, samples) float
    sample_rate : int
        Hz.

    Returns
    -------
    float
        Median over frames in dB; nan if all frames are silent.

    Raises
    ------
    ConfigError
        If the shapes differ or are not (channels, samples), or the rate is not positive.
    AudioError
        If a value is NaN or infinite.

    Notes
    -----
    Stöter, Liutkus, Ito: "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018.
    """
    _check(reference, estimate, sample_rate)
    samples = reference.shape[1]
    length = int(sample_rate)
    ratios = []
    for frame in range(max(1, samples // length)):
        part = slice(0, samples) if samples < length else slice(frame * length, (frame + 1) * length)
        ref, est = reference[:, part], estimate[:, part]
        signal, distortion = _energies(ref, est)
        if np.any(ref.sum(axis=0)) and np.any(est.sum(axis=0)):
            ratios.append(_ratio_db(signal, distortion))
    return float(np.median(ratios)) if ratios else float("nan")


def lsd(reference: Signal, estimate: Signal, sample_rate: int) -> float:
    """Return the log-spectral distance over all bins.

    The power |X|^2 of an unnormalised STFT (periodic Hann window of 2048, hop 512, no padding) is clamped at
    1e-8; the difference of its common logarithms is taken as root mean square over bins, mean over active
    frames, mean over channels. A frame is active where its power in the reference is above -60 dB of the
    loudest frame of any channel.

    Parameters
    ----------
    reference, estimate : (channels, samples) float
        A signal shorter than a frame is padded with zeros to one.
    sample_rate : int
        Hz.

    Returns
    -------
    float
        Decades of power, 0 for equal signals; nan for a silent reference.

    Raises
    ------
    ConfigError
        If the shapes differ or are not (channels, samples), or the rate is not positive.
    AudioError
        If a value is NaN or infinite.
    """
    _check(reference, estimate, sample_rate)
    return _Distances(reference, estimate, [slice(0, N_FFT // 2 + 1)]).mean(0)


def lsd_hf(reference: Signal, estimate: Signal, sample_rate: int, cutoff_hz: float) -> float:
    """Return the log-spectral distance of the bins from the cutoff to 16 kHz, both included.

    Parameters
    ----------
    reference, estimate : (channels, samples) float
    sample_rate : int
        Hz.
    cutoff_hz : float
        Hz, in (0, min(16000, sample_rate / 2)).

    Returns
    -------
    float
        Decades of power, as in `lsd`.

    Raises
    ------
    ConfigError
        If the cutoff is outside its range, the shapes differ or are not (channels, samples), or the rate is
        not positive.
    AudioError
        If a value is NaN or infinite.
    """
    _check(reference, estimate, sample_rate)
    return _Distances(reference, estimate, [_high_band(sample_rate, cutoff_hz)]).mean(0)


def compare(
    reference: Signal, estimate: Signal, sample_rate: int, cutoff_hz: float | None
) -> dict[str, float | None]:
    """Return all of `tfbwe.measures.MEASURES` but the listener's score, by their names.

    Parameters
    ----------
    reference, estimate : (channels, samples) float
    sample_rate : int
        Hz.
    cutoff_hz : float or None
        Hz, in (0, min(16000, sample_rate / 2)); without one, what needs a band above it is None.

    Returns
    -------
    dict of str to float or None

    Raises
    ------
    ConfigError
        If the cutoff is outside its range, the shapes differ or are not (channels, samples), or the rate is
        not positive.
    AudioError
        If a value is NaN or infinite.
    """
    _check(reference, estimate, sample_rate)
    bands = [slice(0, N_FFT // 2 + 1)]
    if cutoff_hz is not None:
        bands.append(_high_band(sample_rate, cutoff_hz))
    distances = _Distances(reference, estimate, bands)
    found: dict[str, float | None] = {
        "sdr_db": sdr_db(reference, estimate, sample_rate),
        "snr_db": snr_db(reference, estimate),
        "lsd": distances.mean(0),
        "lsd_hf": None,
        "lsd_hf_matched": None,
    }
    if cutoff_hz is not None:
        matched = float("nan")
        if distances.low_energies[1] > 0:
            gain = float(np.sqrt(distances.low_energies[0] / distances.low_energies[1]))
            matched = _Distances(reference, estimate, bands[1:], gain).mean(0)
        found |= {"lsd_hf": distances.mean(1), "lsd_hf_matched": matched}
    return found


class _Distances:
    """Distances per frame in each band of bins, and the energies of both signals below the last band."""

    def __init__(self, reference: Signal, estimate: Signal, bands: list[slice], gain: float = 1.0) -> None:
        self.low_energies = np.zeros(2)
        loudness, distances = [], []
        lowest, highest = min(band.start for band in bands), max(band.stop for band in bands)
        for ref, est in zip(_power_slices(reference), _power_slices(estimate), strict=True):
            est *= gain * gain
            self.low_energies += [p[..., : bands[-1].start].sum() for p in (ref, est)]
            loudness.append(ref.sum(axis=-1))
            squares = np.square(_log_power(ref[..., lowest:highest]) - _log_power(est[..., lowest:highest]))
            parts = [squares[..., band.start - lowest : band.stop - lowest] for band in bands]
            distances.append([np.sqrt(part.mean(axis=-1)) for part in parts])
        self._loudness = np.concatenate(loudness, axis=1)
        self._distances = np.concatenate(distances, axis=-1)

    def mean(self, band: int) -> float:
        active = self._loudness > self._loudness.max() * 10 ** (ACTIVE_DB / 10)
        channels = [d[a].mean() for d, a in zip(self._distances[band], active, strict=True) if a.any()]
        return float(np.mean(channels)) if channels else float("nan")


def _power_slices(x: Signal) -> Iterator[NDArray[np.float64]]:
    """Yield the power spectrum of a few frames at a time, (channels, frames, bins) float64."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    if x.shape[1] < N_FFT:
        x = np.pad(x, ((0, 0), (0, N_FFT - x.shape[1])))
    frames = np.lib.stride_tricks.sliding_window_view(x, N_FFT, axis=1)[:, ::HOP_LENGTH]
    for start in range(0, frames.shape[1], _FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[:, start : start + _FRAMES_AT_ONCE] * window, axis=-1)
        yield np.square(spectrum.real) + np.square(spectrum.imag)


def _log_power(power: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log10(np.maximum(power, POWER_FLOOR)))


def _high_band(sample_rate: int, cutoff_hz: float) -> slice:
    limit_hz = min(TOP_HZ, sample_rate / 2)
    if not 0 < cutoff_hz < limit_hz:
        raise ConfigError(
            f"cutoff_hz: expected a frequency between 0 and {limit_hz:g} Hz (the measured band ends there), "
            f"received {cutoff_hz:g}; give the cutoff of the received signal"
        )
    bin_hz = sample_rate / N_FFT
    last = int(limit_hz / bin_hz)
    return slice(min(int(np.ceil(cutoff_hz / bin_hz)), last), last + 1)


def _energies(reference: Signal, estimate: Signal) -> tuple[float, float]:
    ref = np.asarray(reference, dtype=np.float64)
    return float(np.sum(np.square(ref))), float(np.sum(np.square(ref - estimate)))


def _ratio_db(signal: float, distortion: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(10 * np.log10(np.float64(signal) / np.float64(distortion)))


def _check(reference: Signal, estimate: Signal, sample_rate: int = 1) -> None:
    if reference.ndim != 2 or reference.shape[0] == 0 or reference.shape != estimate.shape:
        raise ConfigError(
            "compare: expected two signals of one shape (channels, samples), "
            f"received {reference.shape} and {estimate.shape}; align and cut them first"
        )
    if sample_rate <= 0:
        raise ConfigError(f"sample_rate: expected a positive rate in Hz, received {sample_rate}")
    for name, x in (("reference", reference), ("estimate", estimate)):
        for start in range(0, x.shape[1], _SAMPLES_AT_ONCE):
            if not np.isfinite(x[:, start : start + _SAMPLES_AT_ONCE]).all():
                raise AudioError(
                    f"{name}: expected finite samples, received NaN or infinity; repair the signal first"
                )
