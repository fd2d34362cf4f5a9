"""Comparing batches of training examples."""

import numpy as np


def assert_same(a, b):
    assert len(a) == len(b)
    for mine, its in zip(a, b, strict=True):
        assert mine.keys() == its.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], its[name])
