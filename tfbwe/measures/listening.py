"""Predicted listening quality: ViSQOL in audio mode, by the package `visqol-python`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from ..errors import ConfigError

VISQOL_RATE = 48000


def visqol(reference: npt.NDArray[np.float32], estimate: npt.NDArray[np.float32], sample_rate: int) -> float:
    """Mean opinion score of an estimate as ViSQOL predicts it.

    Parameters
    ----------
    reference, estimate : (channels, samples) float32
        Of equal shape; 8-10 s are what the measure is made for. Channels are mixed down.
    sample_rate : int
        In Hz.

    Returns
    -------
    float
        From 1 (bad) to about 4.7 (equal).

    Raises
    ------
    ConfigError
        If the shapes differ, or `visqol-python` is not installed.

    References
    ----------
    Chinen et al., "ViSQOL v3: an open source production ready objective speech and audio metric", QoMEX 2020.
    """
    if reference.shape != estimate.shape:
        raise ConfigError(f"visqol: expected equal shapes, received {reference.shape} and {estimate.shape}")
    try:
        from visqol import VisqolApi
    except ImportError:
        raise ConfigError("ViSQOL is not installed; pip install 'tfbwe[visqol]'") from None
    api = VisqolApi()
    api.create(mode="audio")
    mono = [soxr.resample(x.mean(axis=0), sample_rate, VISQOL_RATE) for x in (reference, estimate)]
    return float(api.measure_from_arrays(mono[0], mono[1], VISQOL_RATE).moslqo)
