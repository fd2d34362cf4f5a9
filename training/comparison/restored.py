"""What a restoring network makes of a received signal: it raises what is left, and adds nothing."""

from pathlib import Path

import numpy as np

from tfbwe.restoration.statistics import EDGE_FRAMES, band_power, moments
from tfbwe.restoration.stream import RestoringStream
from tfbwe.stft import ComplexArray, FloatArray
from tfbwe.transform import TRANSFORMS, Phasors

from .predicted import network_of


def restored(run: Path, received: FloatArray, cutoff_hz: float, beforehand: bool = True) -> FloatArray:
    """Received signal with each frequency brought back to its level.

    Parameters
    ----------
    run : Path
        Run folder of a restoring network.
    received : (channels, samples) float32
        At 44.1 kHz.
    cutoff_hz : float
    beforehand : bool
        Whether the whole signal is measured before its first sample is changed, as a file can be; else it is
        a stream, of which only the past is known.

    Returns
    -------
    (channels, samples) float32
        The received signal itself where nothing weak is left above the cutoff.
    """
    network = network_of(run)

    def alter(spectrum: ComplexArray, phasors: Phasors) -> ComplexArray:
        frames = spectrum.swapaxes(0, 1)
        # An excerpt that is cut in mid-music has a click at both ends.
        inner = frames[EDGE_FRAMES:-EDGE_FRAMES] if len(frames) > 4 * EDGE_FRAMES else frames
        known = moments(band_power(inner))[1] if beforehand else None
        stream = RestoringStream(lambda read: np.asarray(network(read, training=False)), known)
        return spectrum * (stream.process(frames, cutoff_hz).gain - 1)

    added = TRANSFORMS["stft"].altered(received, alter)
    return np.asarray(received + added, np.float32) if added.any() else received
