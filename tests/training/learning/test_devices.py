"""How a batch and the held-out examples are divided among processes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

keras = pytest.importorskip("keras")

from tfbwe.errors import ConfigError  # noqa: E402
from training.learning.devices import Devices, alone  # noqa: E402
from training.learning.presets import PRESETS  # noqa: E402


def shared(processes, each):
    """All processes of a run, with as many devices each."""
    names = [f"cpu:{i}" for i in range(processes * each)]
    return [Devices(names, process, processes) for process in range(processes)]


SHARED = st.builds(shared, st.integers(1, 6), st.integers(1, 4))


@given(SHARED, st.integers(1, 20))
def test_the_rows_of_all_processes_are_the_batch_each_once(processes, times):
    size = times * len(processes[0].names)
    rows = [one.rows(size) for one in processes]
    assert list(itertools.chain(*rows)) == list(range(size))
    assert len({len(own) for own in rows}) == 1


@given(SHARED, st.integers(1, 20), st.integers(1, 20))
def test_all_held_out_examples_count_once_in_whole_batches_that_divide(processes, held_out, times):
    devices = len(processes[0].names)
    count, size = held_out * devices, times * devices
    examples = {"cutoff_hz": np.arange(count, dtype=np.float32)[:, None]}
    given_ = [one.held_out(examples, size) for one in processes]
    (own_batch,) = {batch for _, batch in given_}
    whole = own_batch * len(processes)
    assert whole <= size
    if devices == 1:
        assert given_[0][0] is examples
        return
    assert whole % devices == count % whole == 0
    # Batch by batch, one process after the other: the order of a single process.
    own = [np.reshape(its["cutoff_hz"], (-1, own_batch)) for its, _ in given_]
    np.testing.assert_array_equal(np.concatenate(own, axis=1).ravel(), np.arange(count))


@given(SHARED, st.integers(1, 100))
def test_what_does_not_divide_is_refused_in_words(processes, count):
    devices = len(processes[0].names)
    if count % devices == 0:
        return
    with pytest.raises(ConfigError, match=f"{devices} devices cannot share the batch of {count} equally"):
        processes[0].rows(count)
    with pytest.raises(ConfigError, match="--set valid_crops"):
        processes[0].held_out({"x": np.zeros((count, 1), np.float32)}, devices)


@pytest.mark.parametrize("devices", [1, 2, 4, 8])
def test_presets_divide_among_the_usual_numbers_of_devices(devices):
    for (_, name), config in PRESETS.items():
        if name != "smoke":
            assert config.batch_size % devices == config.valid_crops % devices == 0


def test_the_line_says_which_devices_and_what_more_there_is():
    assert str(Devices(["gpu:0"])) == "gpu:0"
    assert str(Devices(["gpu:0"], unused=7)) == "gpu:0, of 8 devices (--devices 8 takes all)"
    assert str(Devices(["gpu:0", "gpu:1"])) == "gpu:0, gpu:1"
    one, two = shared(2, 2)
    assert str(one) == "cpu:0, cpu:1, process 0 of 2, 4 devices in all"
    assert str(two) == "cpu:2, cpu:3, process 1 of 2, 4 devices in all"
    assert [one.chief, two.chief] == [True, False]


def fail_without(other):
    assert keras.distribution.distribution() is not other
    raise OSError("no room on the disk")


def test_alone_puts_the_distribution_back_after_an_error_too():
    before = keras.distribution.distribution()
    other = object()
    keras.distribution.set_distribution(other)
    try:
        with pytest.raises(OSError, match="disk"), alone():
            fail_without(other)
        assert keras.distribution.distribution() is other
    finally:
        keras.distribution.set_distribution(before)
