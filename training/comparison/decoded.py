"""What a model file makes of a received signal."""

import numpy as np
import numpy.typing as npt

from tfbwe.decoder import Decoder
from tfbwe.model.bundle import Bundle
from tfbwe.offline.received import measure, nothing_to_add
from tfbwe.stft import SAMPLE_RATE

from .measuring import Excerpt

FloatArray = npt.NDArray[np.float32]
AS_A_STREAM, CUTOFF_FOUND = "as a stream", "cutoff found"
"""How else a decoder may run than as for a file whose cutoff is given: without having measured the music
before its first sample, or with a cutoff of its own finding."""


def decoded(
    bundle: Bundle, received: FloatArray, cutoff_hz: float, diffuse: float, phase: str, setting: str = ""
) -> FloatArray:
    """Received signal extended by a model, its latency taken out.

    Parameters
    ----------
    bundle : Bundle
    received : (channels, samples) float32
        At 44.1 kHz.
    cutoff_hz : float
        Where the received band ends; unused with the setting `CUTOFF_FOUND`.
    diffuse, phase
        As for `Decoder`.
    setting : str
        `AS_A_STREAM` or `CUTOFF_FOUND`; else as `tfbwe extend --cutoff` does it.

    Returns
    -------
    (channels, samples) float32
    """
    moments = None
    found_hz: float | None = cutoff_hz
    if setting != AS_A_STREAM:
        known = measure([[received]], SAMPLE_RATE, None if setting == CUTOFF_FOUND else cutoff_hz)
        found_hz, moments = known.cutoff_hz, known.moments
        if setting == CUTOFF_FOUND and nothing_to_add(found_hz, known.why_none, bundle):
            return received
    decoder = Decoder(bundle, received.shape[0], found_hz, diffuse, phase, moments)
    y = np.concatenate([decoder.process(received), decoder.flush()], axis=1)
    return y[:, decoder.latency :]


def decoded_excerpt(x: Excerpt, bundle: Bundle, diffuse: float, phase: str, setting: str = "") -> FloatArray:
    """Return the output of `decoded`."""
    return decoded(bundle, x.received, x.cutoff_hz, diffuse, phase, setting)
