"""Comparing batches of training examples; draws for processes of their own, which must be importable."""

import os
import sys
import time

import numpy as np

from tfbwe.errors import AudioError


def assert_same(a, b):
    assert len(a) == len(b)
    for mine, its in zip(a, b, strict=True):
        assert mine.keys() == its.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], its[name])


def drawn_in_parts(sizes, draw):
    """A batch of parts of these sizes, each drawn by itself: `draw` takes the places in the batch."""
    ends = np.cumsum(sizes).tolist()
    parts = [draw(rows=range(end - size, end)) for size, end in zip(sizes, ends, strict=True)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def drawn_here(step):
    """A batch that says which process drew it, and whether Keras or TensorFlow is loaded there."""
    time.sleep(0.02)
    loaded = [name in sys.modules for name in ("keras", "tensorflow")]
    return {"process": np.array([os.getpid()]), "keras": np.array(loaded), "step": np.array([step])}


def refused(step):
    raise AudioError("song.wav: expected music, received none")
