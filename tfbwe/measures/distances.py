"""How close an estimate comes to a reference: signal-to-distortion ratios, log-spectral distances, levels.

Signals are (channels, samples), nominally in [-1, 1], reference and estimate aligned and of equal shape.
Figures are comparable with published ones at 44.1 and 48 kHz only: frames are counted in samples; resampling
is the caller's job. Long signals are read in slices; apart from the inputs, memory is a few numbers a frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import AudioError, ConfigError

N_FFT = 2048
HOP_LENGTH = 512
POWER_FLOOR = 1e-8
ACTIVE_DB = -60.0
TOP_HZ = 16000.0
"""Up to where the distance above the cutoff is measured, as published figures are."""
LIMIT_HZ = 20000.0
"""Up to where anything above a cutoff is measured."""
TOP_BAND_HZ = 17000.0
"""Music that does not reach up to there has no band above 16 kHz to be measured."""

_FRAMES_AT_ONCE = 128
_SAMPLES_AT_ONCE = 1 << 18
_ALL, _NONE = slice(0, N_FFT // 2 + 1), slice(0, 0)

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
    return _Distances(reference, estimate, {"lsd": _ALL}).mean("lsd")


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
    end_hz = min(TOP_HZ, sample_rate / 2)
    _check_cutoff(cutoff_hz, end_hz)
    return _Distances(reference, estimate, {"lsd_hf": _bins(sample_rate, cutoff_hz, end_hz)}).mean("lsd_hf")


def compare(
    reference: Signal,
    estimate: Signal,
    sample_rate: int,
    cutoff_hz: float | None,
    bandwidth_hz: float | None = None,
) -> dict[str, float | None]:
    """Return all of `tfbwe.measures.MEASURES` but the listener's score, by their names.

    ``lsd_top`` is `lsd` of the bins from 16 to 20 kHz, wherever the cutoff is. ``level_hf_db`` is the power
    of the estimate over that of the reference in the bins from the cutoff to 20 kHz, summed over all frames
    and channels. Both, and the distances above the cutoff, end where the reference itself does.

    Parameters
    ----------
    reference, estimate : (channels, samples) float
    sample_rate : int
        Hz.
    cutoff_hz : float or None
        Hz, in (0, min(20000, sample_rate / 2)); without one, what needs a band above it is None.
    bandwidth_hz : float or None
        Where the reference's own band ends, in Hz, more than 0; None: beyond all that is measured.

    Returns
    -------
    dict of str to float or None
        None for what has no bins: ``lsd_hf`` and ``lsd_hf_matched`` of a cutoff at 16 kHz or above,
        ``lsd_top`` where the band or half the rate ends below 17 kHz, and all above a cutoff at or above
        the bandwidth.

    Raises
    ------
    ConfigError
        If the cutoff or the bandwidth is outside its range, the shapes differ or are not (channels, samples),
        or the rate is not positive.
    AudioError
        If a value is NaN or infinite.
    """
    _check(reference, estimate, sample_rate)
    limit_hz = min(LIMIT_HZ, sample_rate / 2)
    if cutoff_hz is not None:
        _check_cutoff(cutoff_hz, limit_hz)
    if bandwidth_hz is not None and not bandwidth_hz > 0:
        raise ConfigError(f"bandwidth_hz: expected a frequency above 0 Hz or None, received {bandwidth_hz:g}")
    end_hz = limit_hz if bandwidth_hz is None else min(limit_hz, bandwidth_hz)
    bands, low, high = {"lsd": _ALL}, _NONE, _NONE
    if cutoff_hz is not None and cutoff_hz < end_hz:
        high = _bins(sample_rate, cutoff_hz, end_hz)
        low = slice(0, high.start)
        if cutoff_hz < TOP_HZ:
            bands["lsd_hf"] = _bins(sample_rate, cutoff_hz, min(TOP_HZ, end_hz))
    if end_hz >= TOP_BAND_HZ:
        bands["lsd_top"] = _bins(sample_rate, TOP_HZ, end_hz)
    distances = _Distances(reference, estimate, bands, (low, high))
    means = {name: distances.mean(name) for name in bands}
    (ref_low, est_low), (ref_high, est_high) = distances.energies
    matched = float("nan") if "lsd_hf" in bands else None
    if "lsd_hf" in bands and est_low > 0:
        only = {"lsd_hf": bands["lsd_hf"]}
        matched = _Distances(reference, estimate, only, gain=np.sqrt(ref_low / est_low)).mean("lsd_hf")
    return {
        "sdr_db": sdr_db(reference, estimate, sample_rate),
        "snr_db": snr_db(reference, estimate),
        "lsd": means["lsd"],
        "lsd_hf": means.get("lsd_hf"),
        "lsd_hf_matched": matched,
        "lsd_top": means.get("lsd_top"),
        "level_hf_db": None if high is _NONE else _ratio_db(est_high, ref_high),
    }


class _Distances:
    """Distances per frame in some bands of bins; energies of both signals in others, (sums, 2) float64."""

    def __init__(
        self,
        reference: Signal,
        estimate: Signal,
        bands: Mapping[str, slice],
        sums: Sequence[slice] = (_NONE,),
        gain: float = 1.0,
    ) -> None:
        self.energies = np.zeros((len(sums), 2))
        loudness: list[NDArray[np.float64]] = []
        distances: dict[str, list[NDArray[np.float64]]] = {name: [] for name in bands}
        for ref, est in zip(_power_slices(reference), _power_slices(estimate), strict=True):
            est *= gain * gain
            self.energies += [[power[..., bins].sum() for power in (ref, est)] for bins in sums]
            loudness.append(ref.sum(axis=-1))
            for name, band in bands.items():
                difference = _log_power(ref[..., band]) - _log_power(est[..., band])
                distances[name].append(np.sqrt(np.square(difference).mean(axis=-1)))
        self._loudness = np.concatenate(loudness, axis=1)
        self._distances = {name: np.concatenate(parts, axis=1) for name, parts in distances.items()}

    def mean(self, band: str) -> float:
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


def _bins(sample_rate: int, start_hz: float, end_hz: float) -> slice:
    """Bins from one frequency to another, both included, at least one."""
    bin_hz = sample_rate / N_FFT
    last = int(end_hz / bin_hz)
    return slice(min(int(np.ceil(start_hz / bin_hz)), last), last + 1)


def _check_cutoff(cutoff_hz: float, limit_hz: float) -> None:
    if not 0 < cutoff_hz < limit_hz:
        raise ConfigError(
            f"cutoff_hz: expected a frequency between 0 and {limit_hz:g} Hz (the measured band ends there), "
            f"received {cutoff_hz:g}; give the cutoff of the received signal"
        )


def _energies(reference: Signal, estimate: Signal) -> tuple[float, float]:
    ref = np.asarray(reference, dtype=np.float64)
    return float(np.sum(np.square(ref))), float(np.sum(np.square(ref - estimate)))


def _ratio_db(power: float, other: float) -> float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(10 * np.log10(np.float64(power) / np.float64(other)))


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
