"""The two transforms that models work on, as model files and data sets state them."""

from __future__ import annotations

from typing import Any

from .cqt import BINS_PER_OCTAVE, BLOCK_LENGTH, F_MAX, F_MIN
from .cqt.stream import default_overlap
from .stft import HOP_LENGTH, N_FFT, SAMPLE_RATE


def transform_parameters(kind: str) -> dict[str, Any]:
    """Parameters of the transform of a kind of model, ready for JSON.

    Parameters
    ----------
    kind : {"stft", "cqt"}
    """
    if kind == "stft":
        own = {"n_fft": N_FFT, "hop_length": HOP_LENGTH, "window": "sqrt_hann"}
    else:
        own = {
            "block_length": BLOCK_LENGTH,
            "overlap": default_overlap(BLOCK_LENGTH),
            "bins_per_octave": BINS_PER_OCTAVE,
            "f_min": F_MIN,
            "f_max": F_MAX,
        }
    return {"kind": kind, "sample_rate": SAMPLE_RATE, **own}
