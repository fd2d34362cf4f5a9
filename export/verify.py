"""Whether an exported graph still does what the trained network does, on music that neither has seen."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt

from tfbwe.errors import ModelError
from tfbwe.model.bundle import Bundle
from tfbwe.model.step_model import StepModel

FloatArray = npt.NDArray[np.float32]

MAX_RMS_NEPERS = {"none": 1e-4, "float16": 1e-2, "dynamic": 0.15, "int8": 0.15}
"""Largest root mean square difference of the heads.

0.15 nepers are 1.3 dB, a fifth of what the network itself is off.
"""


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
    heads = network.predict(features, batch_size=4, verbose=0)
    expected = np.stack([heads[name] for name in bundle.manifest.heads], axis=1)
    model = StepModel(bundle, 1)
    received = np.stack([_run(model, excerpt) for excerpt in features])
    limit = MAX_RMS_NEPERS[bundle.manifest.quantisation]
    difference = received - expected
    rms = float(np.sqrt(np.mean(difference**2)))
    if not rms <= limit:  # a NaN is not
        raise ModelError(
            f"{bundle.name}: expected the trained network's output within {limit} nepers rms, "
            f"the difference is {rms:.4g}"
        )
    return {
        "excerpts": features.shape[0],
        "frames": features.shape[1],
        "rms_nepers": round(rms, 6),
        "max_nepers": round(float(np.abs(difference).max()), 6),
        "limit_rms_nepers": limit,
    }


def _run(model: StepModel, excerpt: FloatArray) -> FloatArray:
    """Heads of an excerpt, (heads, frames, bins)."""
    model.reset()
    if not model.manifest.states:
        return model.step(excerpt[None])[:, 0]
    return np.concatenate([model.step(frame[None]) for frame in excerpt], axis=1)
