"""Comparing batches of training examples."""

import numpy as np


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
