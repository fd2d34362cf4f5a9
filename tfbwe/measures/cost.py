"""What extending costs: time, memory, arithmetic, bytes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..decoder import Decoder
from ..model.bundle import Bundle
from ..stft import HOP_LENGTH, SAMPLE_RATE

CUTOFF_HZ = 8000.0
BLOCK_SAMPLES = 4096
PIECE_S = 5.0


def measure_cost(bundle: Bundle, phase: str = "mirror", seconds: float = 20.0) -> dict[str, Any]:
    """Run a decoder over made-up music and measure what it takes.

    The music is stereo, unless the model's graph was made for mono.

    Parameters
    ----------
    bundle : Bundle
        The model.
    phase : str
        Of the diffuse term, which is there in full.
    seconds : float
        Length of the music.

    Returns
    -------
    dict
        ``rtf`` (processor time / audio time, one thread, the best of pieces of 5 s), ``peak_rss_mb`` of the
        whole process, ``latency_samples`` at 44.1 kHz, ``macs_per_s`` of both networks for
        mono, ``size_bytes`` of the graph that runs; ``None`` where unknown.

    Raises
    ------
    ConfigError
        If the model does not know the phase.
    """
    channels = int(bundle.manifest.graph.get("channels", 2))
    decoder = Decoder(bundle, channels, CUTOFF_HZ, 1.0, phase)
    x = made_up_music(PIECE_S)[:channels]
    blocks = np.split(x, range(BLOCK_SAMPLES, x.shape[1], BLOCK_SAMPLES), axis=1)
    for block in blocks:
        decoder.process(block)
    decoder.reset()
    pieces = max(1, round(seconds / PIECE_S))
    # Time of the processor, not of the clock, and of the quickest piece: other work on the machine only adds.
    times_s = []
    for _ in range(pieces):
        before = time.process_time()
        for block in blocks:
            decoder.process(block)
        times_s.append(time.process_time() - before)
    return {
        "rtf": min(times_s) / PIECE_S,
        "peak_rss_mb": peak_rss_mb(),
        "latency_samples": int(decoder.latency),
        "macs_per_s": bundle.manifest.mono_macs_per_s,
        "size_bytes": decoder.bundle.manifest.size_bytes,
    }


def measure_hops(bundle: Bundle, phase: str = "mirror", seconds: float = 10.0) -> dict[str, Any]:
    """Run a decoder hop by hop, as a receiver does, and measure each call.

    Parameters
    ----------
    bundle : Bundle
        The model.
    phase : str
        Of the diffuse term, which is there in full.
    seconds : float
        Length of the music.

    Returns
    -------
    dict
        ``graph``, ``channels``, ``quantisation``; ``hop_ms``, ``hop_ms_p99``, median and 99th percentile of
        the time of a call with 512 samples; ``hop_rtf``, processor time / audio time of all calls.
    """
    channels = int(bundle.manifest.graph.get("channels", 2))
    decoder = Decoder(bundle, channels, CUTOFF_HZ, 1.0, phase)
    manifest = decoder.bundle.manifest
    x = made_up_music(seconds)[:channels]
    hops = np.split(x, range(HOP_LENGTH, x.shape[1], HOP_LENGTH), axis=1)
    times_s = []
    before = time.process_time()
    for hop in hops:
        start = time.perf_counter()
        decoder.process(hop)
        times_s.append(time.perf_counter() - start)
    used_s = time.process_time() - before
    return {
        "graph": manifest.graph["kind"],
        "channels": channels,
        "quantisation": manifest.quantisation,
        "hop_ms": 1e3 * float(np.median(times_s)),
        "hop_ms_p99": 1e3 * float(np.percentile(times_s, 99)),
        "hop_rtf": used_s / seconds,
    }


def made_up_music(seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Return decaying harmonic notes over noise, nothing above 8 kHz.

    Parameters
    ----------
    seconds : float
        Length.
    seed : int
        Of the notes.

    Returns
    -------
    (2, samples) float32
        At 44.1 kHz, peak 0.5.
    """
    rng = np.random.default_rng(seed)
    samples = round(seconds * SAMPLE_RATE)
    x = 0.01 * rng.standard_normal((2, samples))
    length = SAMPLE_RATE // 2
    t = np.arange(length) / SAMPLE_RATE
    for start in range(0, samples, length // 2):
        f_0 = 110 * 2 ** (rng.integers(0, 36) / 12)
        partials = np.arange(1, int(CUTOFF_HZ / f_0) + 1)
        note = (np.sin(2 * np.pi * f_0 * partials[:, None] * t) / partials[:, None]).sum(axis=0)
        note *= np.exp(-6 * t) * np.minimum(1, t * 200)
        room = min(length, samples - start)
        x[:, start : start + room] += rng.uniform(0.3, 1.0, (2, 1)) * note[:room]
    spectrum = np.fft.rfft(x)
    spectrum[:, np.fft.rfftfreq(samples, 1 / SAMPLE_RATE) > CUTOFF_HZ] = 0
    x = np.fft.irfft(spectrum, samples)
    return np.asarray(0.5 * x / np.abs(x).max(), dtype=np.float32)


def weakened_noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    """Return noise in bursts that falls from 8 kHz on by 24 dB an octave: something to be restored.

    Parameters
    ----------
    shape : (channels, samples)
    seed : int

    Returns
    -------
    (channels, samples) float32
        At 44.1 kHz, peak 0.5.
    """
    noise = np.random.default_rng(seed).standard_normal(shape)
    noise *= 0.02 + np.exp(-8 * (np.arange(shape[1]) / SAMPLE_RATE % 0.4))
    hertz = np.fft.rfftfreq(shape[1], 1 / SAMPLE_RATE)
    x = np.fft.irfft(np.fft.rfft(noise) / (1 + (hertz / CUTOFF_HZ) ** 4) / (1 + hertz / 500), shape[1])
    return np.asarray(0.5 * x / np.abs(x).max(), dtype=np.float32)


def peak_rss_mb_of(process: int | str) -> float | None:
    """Return the most memory that a running process has held, in MB of 2^20 bytes; ``None`` but on Linux."""
    try:
        for line in Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return None


def peak_rss_mb() -> float | None:
    """Return the most memory that this process has held, in MB of 2^20 bytes; ``None`` where unknown."""
    # On Linux `getrusage` also counts what the process that started this one held.
    found = peak_rss_mb_of("self")
    if found is not None:
        return found
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)
