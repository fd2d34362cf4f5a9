"""Spectrograms under each other, to see what was lost and what was put back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConfigError
from .picture import save_picture

N_FFT = 2048
COLUMNS = 1800
RANGE_DB = 90.0
_FRAMES_AT_ONCE = 128


def save_spectrograms(
    path: str | os.PathLike[str],
    pictures: Sequence[tuple[str, NDArray[np.float32]]],
    sample_rate: int,
    cutoff_hz: float | None = None,
    force: bool = False,
) -> None:
    """Write a PNG of spectrograms under each other, with one colour scale and the cutoff drawn in.

    Parameters
    ----------
    path : str or Path
        Picture to write, named ``.png``.
    pictures : sequence of (str, (channels, samples) float32)
        Title and signal of each; channels are averaged in power.
    sample_rate : int
        Of all signals, in Hz.
    cutoff_hz : float, optional
        Drawn as a line.
    force : bool
        Replace an existing file.

    Raises
    ------
    ConfigError
        If matplotlib is missing, or there is nothing to draw.
    AudioError
        If the picture cannot be written.
    """
    if not pictures:
        raise ConfigError("picture: expected at least one signal, received none")
    size = (10.0, 0.7 + 2.7 * len(pictures))
    save_picture(path, size, lambda figure: _draw(figure, pictures, sample_rate, cutoff_hz), force)


def levels_db(x: NDArray[np.float32], columns: int = COLUMNS) -> NDArray[np.float32]:
    """Return a spectrogram of at most a number of columns, whatever the length.

    Parameters
    ----------
    x : (channels, samples) float32
        The signal.
    columns : int
        Frames at most; of a long signal frames are left out between.

    Returns
    -------
    (bins, frames) float32
        Mean power over the channels in dB; a full-scale sine is 0 dB.
    """
    samples = x.shape[1]
    hop_length = max(256, -(-samples // columns))
    starts = np.arange(0, max(samples, 1), hop_length)
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    picture = np.empty((N_FFT // 2 + 1, len(starts)), dtype=np.float32)
    inside = np.arange(N_FFT) - N_FFT // 2
    for first in range(0, len(starts), _FRAMES_AT_ONCE):
        at = starts[first : first + _FRAMES_AT_ONCE, None] + inside
        frames = (
            x[:, np.clip(at, 0, max(samples - 1, 0))] if samples else np.zeros((1, *at.shape), np.float32)
        )
        frames = frames * ((at >= 0) & (at < samples)) * window
        power = np.square(np.abs(np.fft.rfft(frames)) * (2 / window.sum())).mean(axis=0)
        picture[:, first : first + _FRAMES_AT_ONCE] = 10 * np.log10(power.T + 1e-14)
    return picture


def _draw(
    figure: Any,
    pictures: Sequence[tuple[str, NDArray[np.float32]]],
    sample_rate: int,
    cutoff_hz: float | None,
) -> None:
    levels = [levels_db(x) for _, x in pictures]
    top = max(-60.0, *(float(np.percentile(level, 99.9)) for level in levels))
    axes = figure.subplots(len(pictures), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axis, (title, x), level in zip(axes, pictures, levels, strict=True):
        image = axis.imshow(
            level,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=top - RANGE_DB,
            vmax=top,
            extent=(0, max(x.shape[1], 1) / sample_rate, 0, sample_rate / 2000),
            interpolation="nearest",
        )
        axis.set_title(title, loc="left", fontsize=11, fontweight="bold", parse_math=False)
        axis.set_ylabel("kHz")
        if cutoff_hz is not None:
            axis.axhline(cutoff_hz / 1000, color="white", linewidth=1, linestyle=(0, (4, 4)), alpha=0.9)
            axis.annotate(
                f"cutoff {cutoff_hz / 1000:.1f} kHz",
                (1, cutoff_hz / 1000),
                xycoords=("axes fraction", "data"),
                xytext=(-6, 4),
                textcoords="offset points",
                ha="right",
                color="white",
                fontsize=9,
            )
    axes[-1].set_xlabel("seconds")
    figure.colorbar(image, ax=list(axes), label="dB", pad=0.01, fraction=0.03)
