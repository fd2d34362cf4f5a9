"""Whether an exported graph still does what the trained network does, on music that neither has seen."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from tfbwe.errors import ModelError
from tfbwe.extension import EXTENSIONS, WaveExtension
from tfbwe.measures.cost import made_up_music, weakened_noise
from tfbwe.model.bundle import Bundle
from tfbwe.model.step_model import StepModel
from tfbwe.model.wave_model import WaveModel

FloatArray = npt.NDArray[np.float32]

MAX_RMS_NEPERS = {"none": 1e-4, "float16": 1e-2, "dynamic": 0.15, "int8": 0.15}
"""Largest root mean square difference of what a network returns.

0.15 nepers are 1.3 dB, a fifth of what the network itself is off.
"""


LEAST_BELOW_ADDED_DB = {"none": 80.0, "dynamic": 20.0}
"""Smallest distance of a wave graph from the decoder in float32, in dB below the band that it adds."""
VERIFIED_S = 6.0


def verify(network: keras.Model, bundle: Bundle, features: FloatArray) -> dict[str, float]:
    """Run a bundle's graph, frame by frame or block by block, against the network over whole excerpts.

    Parameters
    ----------
    network : keras.Model
    bundle : Bundle
    features : (excerpts, frames, bins) float32
        Of held-out music.

    Returns
    -------
    dict
        ``excerpts``, ``frames``, ``rms_nepers``, ``max_nepers`` and ``limit_rms_nepers``.

    Raises
    ------
    ModelError
        If a value is not finite, or the difference exceeds `MAX_RMS_NEPERS`.
    """
    model = StepModel(bundle, 1)
    received = np.stack([_run(model, excerpt) for excerpt in features])
    rms, largest = _difference(bundle, received, network.predict(features, batch_size=4, verbose=0))
    return {
        "excerpts": features.shape[0],
        "frames": features.shape[1],
        "rms_nepers": rms,
        "max_nepers": largest,
        "limit_rms_nepers": MAX_RMS_NEPERS[bundle.manifest.quantisation],
    }


def verify_restoring(restorer: keras.Model, bundle: Bundle, statistics: FloatArray) -> dict[str, float]:
    """Run the restoring network of a bundle's graph against the trained one.

    Parameters
    ----------
    restorer : keras.Model
    bundle : Bundle
    statistics : (excerpts, 155, 6) float32
        Of held-out music.

    Returns
    -------
    dict
        ``restoring_rms_nepers`` and ``restoring_max_nepers``.

    Raises
    ------
    ModelError
        As `verify`.
    """
    model = StepModel(bundle, 1)
    received = np.concatenate([model.restoring(one[None]) for one in statistics])
    rms, largest = _difference(bundle, received, restorer.predict(statistics, verbose=0))
    return {"restoring_rms_nepers": rms, "restoring_max_nepers": largest}


def _difference(bundle: Bundle, received: FloatArray, expected: FloatArray) -> tuple[float, float]:
    """Root mean square and largest difference, nepers; refuses one that is too large."""
    limit = MAX_RMS_NEPERS[bundle.manifest.quantisation]
    difference = received - expected
    rms = float(np.sqrt(np.mean(difference**2)))
    if not rms <= limit:  # a NaN is not
        raise ModelError(
            f"{bundle.name}: expected the trained network's output within {limit} nepers rms, "
            f"the difference is {rms:.4g}"
        )
    return round(rms, 6), round(float(np.abs(difference).max()), 6)


def _run(model: StepModel, excerpt: FloatArray) -> FloatArray:
    """Output for an excerpt, (frames, bins)."""
    model.reset()
    if not model.manifest.states:
        block: FloatArray = model.step(excerpt[None])[0]
        return block
    return np.concatenate([model.step(frame[None]) for frame in excerpt])


def verify_wave(bundle: Bundle, reference: Bundle) -> dict[str, float]:
    """Run a graph from wave to wave against the decoder with the step graph of the same network in float32.

    Parameters
    ----------
    bundle : Bundle
        Of the graph.
    reference : Bundle
        Of the step graph.

    Returns
    -------
    dict
        ``seconds`` of made-up music, ``below_added_db``, the difference below the added band, in dB, and
        ``limit_below_added_db``.

    Raises
    ------
    ModelError
        If the difference exceeds `LEAST_BELOW_ADDED_DB`, or is not finite.
    """
    channels = bundle.manifest.graph["channels"]
    x = made_up_music(VERIFIED_S)[:channels]
    received, expected = (_added(one, x) for one in (bundle, reference))
    error = float(np.sum(np.square(received - expected), dtype=np.float64))
    below_db = 10 * np.log10(float(np.sum(np.square(expected), dtype=np.float64)) / max(error, 1e-30))
    least_db = LEAST_BELOW_ADDED_DB[bundle.manifest.quantisation]
    if not below_db >= least_db:  # a NaN is not
        raise ModelError(
            f"{bundle.name}: expected the decoder's high band to {least_db} dB, the difference is "
            f"{below_db:.1f} dB below it"
        )
    return {"seconds": VERIFIED_S, "below_added_db": round(below_db, 1), "limit_below_added_db": least_db}


def _added(bundle: Bundle, x: FloatArray) -> FloatArray:
    """What a model adds to music for two cutoffs and weights, and where a weak band is left to be restored.

    Neither cutoff lies below the end of the music: where target and coherent magnitude are nearly equal, what
    is missing hangs on their rounding, and the steadying of the stereo image carries it on.
    """
    channels = len(x)
    parts = []
    weak = weakened_noise((channels, x.shape[1]))
    for signal, cutoff_hz, diffuse in ((x, 8000.0, 1.0), (x, 11025.0, 0.5), (weak, 8000.0, 0.5)):
        settings = (channels, cutoff_hz, diffuse, "mirror")
        if bundle.manifest.graph["kind"] == "wave":
            high_band = WaveExtension(WaveModel(bundle, channels), *settings).process(signal, 0)
        else:
            high_band = EXTENSIONS["stft"](StepModel(bundle, channels), *settings).process(signal, 0)
        parts.append(high_band)
    return np.concatenate(parts, axis=1)
