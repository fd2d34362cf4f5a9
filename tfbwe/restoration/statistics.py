"""Long-term statistics of a received spectrum: what a condition's frequency response is identified from.

A condition changes how loud each frequency is in the long run, and leaves how it moves from frame to frame as
it was. So four moments of the power in each of 155 bands, of any second of music or of an hour, say nearly
all that can be known of the response.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ConfigError
from ..stft import BIN_HZ, HOP_LENGTH, LOUDEST, N_FFT, FloatArray, inner_frames, window

BANDS = 155
BAND_BINS = 6
"""Bins of the STFT in a band: 129 Hz. All bands together reach 20 kHz."""
USED = BANDS * BAND_BINS
CENTRES_HZ = ((np.arange(BANDS) + 0.5) * BAND_BINS - 0.5) * BIN_HZ
"""Of the bands, (155,) float64."""
FEATURES = 6
"""Values for each band that the network reads."""
FARTHEST = 4.0
"""Places of bands are held within it, and all features where they have 8 bits."""
MOMENTS = ("mean", "mean of logarithm", "mean of square root", "mean of squared logarithm")
FLOOR = 1e-9
"""Added to a power before its logarithm: a hundredth of the noise that 16-bit rounding leaves in a bin."""
SILENT_POWER = 1e-5
"""A frame whose loudest band has no more power than this tells nothing, and is left out."""
EDGE_FRAMES = N_FFT // HOP_LENGTH
"""Frames next to silence that are not measured: music that is cut begins and ends with a click in all
bands."""
_FRAMES_AT_ONCE = 64
NOISE_SPREAD, NOISE_BIAS = 0.5, -0.117
"""Of white noise: spread of the logarithm of a band's power, and its mean over the logarithm of the mean."""
ROUNDING_POWER = float(2.0**-30 / 12 * 1024)
"""Power that rounding to 16 bits leaves in a bin: (2^-15)^2 / 12 times the sum of the squared window."""


def _side_lobes() -> FloatArray:
    """Share of a band's power that one so many bands away receives through the window's side lobes, (155,).

    Computed for white noise within a band.
    """
    fine = 8
    lobes = np.abs(np.fft.rfft(window(), fine * N_FFT)) ** 2
    lobes = np.concatenate([lobes[:0:-1], lobes])
    middle = len(lobes) // 2
    share = np.zeros(BANDS)
    bins = np.arange(BAND_BINS)
    sources = np.arange(BAND_BINS * fine) / fine - 0.5
    for distance in range(BANDS):
        places = fine * (bins[:, None] + distance * BAND_BINS - sources)
        share[distance] = lobes[middle + np.clip(places.astype(int), -middle, middle)].mean()
    return np.asarray(share / (share[0] + 2 * share[1:].sum()), np.float32)


SIDE_LOBES = _side_lobes()
_APART = np.abs(np.arange(BANDS)[:, None] - np.arange(BANDS))
LEAKAGE = np.where(_APART, SIDE_LOBES[_APART], np.float32(0))
"""Row b holds the shares of each band's power that band b receives of the others, (155, 155) float32."""


def bin_power(spectrum: Any) -> FloatArray:
    """Mean power of all channels in the bins that bands are made of.

    Parameters
    ----------
    spectrum : (frames, channels, bins) complex64
        Of the STFT, at least 930 bins.

    Returns
    -------
    (frames, 930) float32
    """
    used = spectrum[..., :USED]
    power: FloatArray = (used.real**2 + used.imag**2).mean(axis=1)
    return power


def in_bands(power: FloatArray) -> FloatArray:
    """Mean of the bins (frames, 930) of each band; (frames, 155) float32."""
    means: FloatArray = power.reshape(-1, BANDS, BAND_BINS).mean(axis=-1)
    return means


def band_power(spectrum: Any) -> FloatArray:
    """Mean power of each band of a spectrum (frames, channels, bins); (frames, 155) float32."""
    return in_bands(bin_power(spectrum))


def moments(power: FloatArray) -> tuple[int, FloatArray]:
    """Moments of frames that are not silent, and how many these are.

    Parameters
    ----------
    power : (frames, 155) float32
        As `band_power` returns it.

    Returns
    -------
    count : int
    (4, 155) float32
        As `MOMENTS` names them; zeros where the count is 0.
    """
    heard = power[power.max(axis=-1, initial=0) > SILENT_POWER]
    if not len(heard):
        return 0, np.zeros((len(MOMENTS), BANDS), np.float32)
    log = np.log(heard + np.float32(FLOOR))
    rows = [heard.mean(axis=0), log.mean(axis=0), np.sqrt(heard).mean(axis=0), (log * log).mean(axis=0)]
    return len(heard), np.asarray(rows, np.float32)


def checked_moments(moments: Any) -> FloatArray:
    """Return moments as (4, 155) float32; `ConfigError` for anything else."""
    found = np.asarray(moments)
    if found.shape != (len(MOMENTS), BANDS) or found.dtype.kind != "f" or not np.isfinite(found).all():
        raise ConfigError(
            f"known: expected finite statistics of shape {(len(MOMENTS), BANDS)}, "
            f"received {found.shape} {found.dtype}"
        )
    return found.astype(np.float32)


class LongTerm:
    """Moments of all the music there is, piece by piece.

    Attributes
    ----------
    count : int
        Frames so far that are not silent.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sums = np.zeros((len(MOMENTS), BANDS))
        self._begin()

    def _begin(self) -> None:
        """Begin a piece. Silence lies before it, and behind: see `_add`."""
        self._rest: FloatArray | None = None
        self._power = np.zeros((EDGE_FRAMES, BANDS), np.float32)

    def update(self, x: FloatArray) -> None:
        """Take in the next samples of a piece, (channels, samples) float32 at 44.1 kHz."""
        x = np.clip(x, -LOUDEST, LOUDEST)
        x = x if self._rest is None else np.concatenate([self._rest, x], axis=1)
        frames = max(0, (x.shape[1] - N_FFT) // HOP_LENGTH + 1)
        self._rest = x[:, frames * HOP_LENGTH :]
        for start in range(0, frames, _FRAMES_AT_ONCE):
            part = x[:, start * HOP_LENGTH :][:, : (_FRAMES_AT_ONCE - 1) * HOP_LENGTH + N_FFT]
            self._add(np.concatenate([self._power, band_power(inner_frames(part))]))

    def end(self) -> None:
        """End a piece."""
        self._begin()

    def _add(self, power: FloatArray) -> None:
        """Take in frames with some before and behind; near silence they may hold the click of a cut."""
        self._power = power[-2 * EDGE_FRAMES :]
        if len(power) <= 2 * EDGE_FRAMES:
            return
        silent = power.max(axis=-1) <= SILENT_POWER
        near = np.lib.stride_tricks.sliding_window_view(silent, 2 * EDGE_FRAMES + 1).any(axis=-1)
        count, rows = moments(power[EDGE_FRAMES:-EDGE_FRAMES][~near])
        self.count += count
        self._sums += count * rows.astype(np.float64)

    @property
    def moments(self) -> FloatArray | None:
        """As `MOMENTS` names them, (4, 155) float32; None where there was no sound."""
        return np.asarray(self._sums / self.count, np.float32) if self.count else None


def features(moments: Any, cutoff_hz: Any, xp: Any = np) -> Any:
    """Return what the restoring network reads.

    Parameters
    ----------
    moments : (..., 4, 155) array or tensor
    cutoff_hz : (..., 1) array or tensor
        Where the received band ends.
    xp : module
        `numpy` or `keras.ops`.

    Returns
    -------
    (..., 155, 6)
        Three levels in units of 2.5 nepers, the spread of the logarithm, and the distance of the band from
        the cutoff, in units of 2 kHz and in octaves, each within `FARTHEST`.
    """
    mean, log, root = moments[..., 0, :], moments[..., 1, :], moments[..., 2, :]
    spread = xp.sqrt(xp.maximum(moments[..., 3, :] - log * log, 0.0))
    levels = [xp.log(mean + FLOOR), log, 2 * xp.log(root + FLOOR**0.5)]
    centres = np.asarray(CENTRES_HZ, np.float32)
    distance = (centres - cutoff_hz) / 2000.0
    octaves = np.log2(centres).astype(np.float32) - xp.log(xp.maximum(cutoff_hz, 1.0)) / float(np.log(2))
    place = [xp.clip(0.0 * mean + one, -FARTHEST, FARTHEST) for one in (distance, octaves)]
    return xp.stack([*((level + 6.0) / 5.0 for level in levels), spread, *place], axis=-1)
