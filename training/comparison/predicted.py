"""What a run of the preset `paper` makes of a received signal; of a comparison only this needs Keras."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

from tfbwe.model.features import NORMALISATION
from tfbwe.network.run_folder import best_network, read_description
from tfbwe.stft import ComplexArray, FloatArray
from tfbwe.transform import TRANSFORMS, Phasors

from .systems import with_band


@functools.cache
def network_of(run: Path) -> Any:
    """Best network of a run folder, loaded once."""
    return best_network(run)


def predicted_magnitudes(run: Path, received: FloatArray, cutoff_hz: float) -> FloatArray:
    """Magnitudes that a run of the preset `paper` predicts, with the received phase (Miron & Davies 2018).

    Such a network uses later frames, so that it has no step graph and no model file.
    """
    transform = TRANSFORMS[read_description(run)["config"]["model"]]
    network = network_of(run)

    def alter(spectrum: ComplexArray, phasors: Phasors) -> ComplexArray:
        magnitudes = _predicted(network, np.abs(spectrum))
        phasor = phasors("received", cutoff_hz, len(spectrum))
        return with_band(transform, spectrum, magnitudes * phasor, cutoff_hz)

    return transform.altered(received, alter)


def _predicted(network: Any, magnitudes: FloatArray) -> FloatArray:
    """Magnitudes (channels, frames, bins) with those that the network predicts as it would have them."""
    low = magnitudes[..., : network.input_shape[-1]]
    out = magnitudes.copy()
    for y, x, features in zip(out, low, NORMALISATION.features(low), strict=True):
        residual = np.asarray(network(features[None], training=False))[0]
        y[..., : low.shape[-1]] = np.maximum(NORMALISATION.raised(x, residual), 0)
    return out
