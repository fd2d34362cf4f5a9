"""What is watched while a decoder runs: samples, delay, low band, memory."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.reliability.programme import CHUNK, Samples, Segment
from tfbwe.stft import SAMPLE_RATE

LOUDEST = 100.0
"""Power of what is added over the loudest of the input just before, at most."""
LOW_BAND = 1e-8
"""Power of what is added over that of what was received, below half the cutoff, at most. A delay that is one
sample off gives 1e-2 or so. Nearer to the cutoff reach the skirts of what is restored, which goes by what the
music was up to half a minute ago: -41 dB below three quarters of it where a gentle filter became a wall."""
EVERY_CHUNKS = 20
"""The low band is looked at in one chunk of so many."""


class Watch:
    """Holds what comes out to what went in.

    Parameters
    ----------
    channels, latency : int
    problems : list of str
        What is wrong is added to it.

    Attributes
    ----------
    delayed : (channels, samples) float32
        What went in, late by the latency, of the last chunk.
    loudest, low_band : float
        Largest powers so far, as the limits above have them.
    windows : int
        Chunks whose low band was looked at.
    """

    def __init__(self, channels: int, latency: int, problems: list[str]) -> None:
        self._past = np.zeros((channels, latency), np.float32)
        self._problems = problems
        self._peaks = [0.0, 0.0, 0.0]
        self._steady, self._cutoff_hz = 0, None
        self._chunks = 0
        self.delayed = self._past
        self.loudest, self.low_band, self.windows = 0.0, 0.0, 0

    def see(self, x: Samples, y: Samples, segment: Segment, cutoff_hz: float | None) -> None:
        """Take a chunk that went in, what came out, and the cutoff that the decoder knows now."""
        line = np.concatenate([self._past, x], axis=1)
        self.delayed, self._past = line[:, : x.shape[1]], line[:, x.shape[1] :]
        if not np.isfinite(y).all():
            self._problems.append(f"NaN or infinite samples in {segment.kind}")
            return
        added = y - self.delayed
        self._peaks = [*self._peaks[1:], float(np.abs(x).max(initial=0))]
        peak = max(self._peaks)
        if peak > 1e-6:
            loud = (float(np.abs(added).max(initial=0)) / peak) ** 2
            self.loudest = max(self.loudest, loud)
            if loud > LOUDEST:
                self._problems.append(f"what is added is more than 10 times as loud in {segment.kind}")
        self._chunks += 1
        same = cutoff_hz == self._cutoff_hz and segment.kind == "song"
        self._steady, self._cutoff_hz = self._steady + 1 if same else 0, cutoff_hz
        if self._steady > 3 and self._chunks % EVERY_CHUNKS == 0 and cutoff_hz and x.shape[1] == CHUNK:
            self._see_low_band(added, 0.5 * cutoff_hz)

    def _see_low_band(self, added: Samples, below_hz: float) -> None:
        window = np.blackman(added.shape[1])
        used = int(below_hz * added.shape[1] / SAMPLE_RATE)
        spectra = [np.fft.rfft(signal * window)[:, 1:used] for signal in (added, self.delayed)]
        powers = [np.square(np.abs(spectrum)).sum() for spectrum in spectra]
        if powers[1] <= 1e-6:
            return
        self.windows += 1
        self.low_band = max(self.low_band, float(powers[0] / powers[1]))
        if self.low_band > LOW_BAND:
            self._problems.append("the low band is changed")


def level_differences_db(mine: Samples, others: Samples, cutoff_hz: float) -> float:
    """Largest difference of level in thirds of an octave above the cutoff, up to 18 kHz, in dB."""
    spectra = [np.square(np.abs(np.fft.rfft(x))).sum(axis=0) for x in (mine, others)]
    hertz = np.fft.rfftfreq(mine.shape[1], 1 / SAMPLE_RATE)
    edges = cutoff_hz * 2 ** (np.arange(int(3 * np.log2(18000 / cutoff_hz)) + 1) / 3)
    bands = [(hertz >= low) & (hertz < high) for low, high in pairwise(edges)]
    levels = [[10 * np.log10(power[band].sum() + 1e-20) for band in bands] for power in spectra]
    return float(np.abs(np.subtract(*levels)).max())


def state_bytes(thing: Any) -> int:
    """Bytes of all arrays, lists and numbers that a thing of ours holds, each counted once."""
    seen: set[int] = set()

    def size(one: Any) -> int:
        if id(one) in seen:
            return 0
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            return one.nbytes
        if isinstance(one, (list, tuple)):
            return 8 * len(one) + sum(size(each) for each in one)
        if isinstance(one, dict):
            return 8 * len(one) + sum(size(each) for each in one.values())
        if type(one).__module__.startswith("tfbwe.") and hasattr(one, "__dict__"):
            return size(vars(one))
        return 0

    return size(thing)


def resident_mb() -> float | None:
    """Memory that this process holds now, in MB of 2^20 bytes; ``None`` but on Linux."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
