"""The constant-Q transform of `tfbwe.cqt` in `keras.ops`, from the same tables, on TensorFlow and on JAX.

Complex tensors are pairs of a real and an imaginary part, as `keras.ops` has them.
"""

from typing import Any

import numpy as np
from keras import ops

from tfbwe.cqt import CQT


def forward(cqt: CQT, blocks: Any) -> tuple[Any, Any]:
    """Coefficients of blocks, those of `CQT.forward`.

    Parameters
    ----------
    cqt : CQT
    blocks : (batch, block_length) float32

    Returns
    -------
    two tensors (batch, frames, bands) float32
        Real and imaginary part.
    """
    frames, bands = cqt.shape
    table = cqt.tables
    # A gather for every place, most of them weighted by zero, instead of a scatter: faster on a GPU.
    bins = np.zeros(bands * frames, np.int32)
    bins[table.slots] = table.bins
    window = np.zeros(bands * frames, np.float32)
    window[table.slots] = table.window / frames
    real, imaginary = (
        ops.reshape(ops.take(part, bins, axis=1) * window, (-1, bands, frames)) for part in ops.rfft(blocks)
    )
    # The inverse FFT is the conjugate of the FFT of the conjugate.
    real, imaginary = ops.fft((real, -imaginary))
    return ops.transpose(real, (0, 2, 1)), ops.transpose(-imaginary, (0, 2, 1))


def inverse(cqt: CQT, real: Any, imaginary: Any) -> Any:
    """Blocks of coefficients, those of `CQT.inverse`.

    Parameters
    ----------
    cqt : CQT
    real, imaginary : (batch, frames, bands) float32

    Returns
    -------
    (batch, block_length) float32
    """
    frames, bands = cqt.shape
    table = cqt.tables
    # Row j of `slots` and `dual` holds the few places that add up to bin j, the rest weighted by zero.
    counts = np.diff(table.starts, append=len(table.dual))
    rank = np.arange(len(table.dual)) - np.repeat(table.starts, counts)
    slots = np.zeros((len(counts), counts.max()), np.int32)
    slots[table.inverse_bins, rank] = table.inverse_slots
    dual = np.zeros(slots.shape, np.float32)
    dual[table.inverse_bins, rank] = table.dual / frames
    spectra = ops.fft((ops.transpose(real, (0, 2, 1)), ops.transpose(imaginary, (0, 2, 1))))
    spectrum = tuple(
        ops.sum(ops.take(ops.reshape(part, (-1, bands * frames)), slots, axis=1) * dual, axis=-1)
        for part in spectra
    )
    return ops.irfft(spectrum, fft_length=cqt.block_length)
