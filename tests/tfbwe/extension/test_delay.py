from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tfbwe.extension.delay import Delay


@given(
    delay=st.integers(1, 50),
    sizes=st.lists(st.integers(0, 120), max_size=8),
    value=st.sampled_from([0.0, 1.0]),
)
def test_samples_come_out_late_whatever_the_blocks_and_the_value_comes_first(delay, sizes, value):
    x = np.random.default_rng(0).standard_normal((2, sum(sizes))).astype(np.float32)
    kept = x.copy()
    line = Delay(2, delay, value)
    parts = [line.process(x[:, a:b]) for a, b in pairwise(np.cumsum([0, *sizes]))]
    assert [part.shape[1] for part in parts] == sizes
    y = np.concatenate([np.zeros((2, 0), np.float32), *parts], axis=1)
    expected = np.concatenate([np.full((2, delay), value, np.float32), x], axis=1)[:, : x.shape[1]]
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(x, kept)
