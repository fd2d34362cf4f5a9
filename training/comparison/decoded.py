"""What a model file makes of a received signal."""

import numpy as np
import numpy.typing as npt

from tfbwe.decoder import Decoder
from tfbwe.model.bundle import Bundle

from .measuring import Excerpt

FloatArray = npt.NDArray[np.float32]


def decoded(bundle: Bundle, received: FloatArray, cutoff_hz: float, diffuse: float, phase: str) -> FloatArray:
    """Received signal extended by a model, its latency taken out; (channels, samples) float32."""
    decoder = Decoder(bundle, received.shape[0], cutoff_hz, diffuse, phase)
    y = np.concatenate([decoder.process(received), decoder.flush()], axis=1)
    return y[:, decoder.latency :]


def decoded_excerpt(x: Excerpt, bundle: Bundle, diffuse: float, phase: str) -> FloatArray:
    """Return the output of `decoded`."""
    return decoded(bundle, x.received, x.cutoff_hz, diffuse, phase)
