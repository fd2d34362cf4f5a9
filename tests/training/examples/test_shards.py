from __future__ import annotations

import functools
import json

import numpy as np
import pytest

from tests.helpers.batches import assert_same, drawn_in_parts
from tests.helpers.made_shards import EXAMPLES, VARIANTS, copied, made, music, records

pytest.importorskip("scipy")

from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.errors import ConfigError
from tfbwe.stft import SAMPLE_RATE
from training.examples.shards import (
    NUMBERS,
    PIECE_SAMPLES,
    SIGNALS,
    Shards,
    differences,
    is_shards,
    shard_names,
)
from training.learning.presets import PRESETS, FitConfig

NAMES = [*SIGNALS, *NUMBERS]
CROPS = sorted({config.crop_samples for config in PRESETS.values() if isinstance(config, FitConfig)})


def batches(steps, batch_size=4, seed=0, split="train", samples=PIECE_SAMPLES):
    opened = Shards(made(), split, verify=False)
    return [opened.batch(samples, batch_size, seed, step) for step in steps]


def identities(found):
    """What tells examples apart, whole pieces."""
    return [signal.tobytes() for batch in found for signal in batch["received"]]


@pytest.mark.parametrize("samples", [1, *CROPS, PIECE_SAMPLES])
def test_a_batch_has_the_shapes_that_training_takes(samples):
    (batch,) = batches([3], samples=samples)
    assert {name: array.shape for name, array in batch.items()} == {
        **dict.fromkeys(SIGNALS, (4, samples)),
        **dict.fromkeys(NUMBERS, (4, 1)),
    }
    assert all(array.dtype == np.float32 for array in batch.values())


@pytest.mark.parametrize("samples", CROPS)
def test_a_crop_is_cut_from_one_example_at_the_same_place_of_both_signals(samples):
    stored = records(made(), "train")
    starts = set()
    for batch in batches(range(3), samples=samples):
        for i in range(4):
            (example,) = (one for one in stored if _place(one["received"], batch["received"][i]) is not None)
            start = _place(example["received"], batch["received"][i])
            np.testing.assert_array_equal(batch["original"][i], example["original"][start : start + samples])
            assert all(batch[name][i] == example[name] for name in NUMBERS)
            starts.add(start)
    assert len(starts) > 6


def _place(piece, crop):
    """Where a crop begins in a piece; None where it is of another."""
    for start in np.flatnonzero(piece[: len(piece) - len(crop) + 1] == crop[0]):
        if np.array_equal(piece[start : start + len(crop)], crop):
            return int(start)
    return None


@pytest.mark.parametrize("split", EXAMPLES)
def test_a_pass_gives_every_example_once(split):
    everything = sorted(example["received"].tobytes() for example in records(made(), split))
    assert sorted(identities(batches(range(EXAMPLES[split]), 1, split=split))) == everything
    for seed in range(5):
        three = identities(batches(range(3), EXAMPLES[split], seed, split))
        assert sorted(three) == sorted(3 * everything)


def test_every_pass_and_every_seed_has_an_order_of_its_own():
    count = EXAMPLES["train"]
    two = identities(batches(range(2 * count), 1))
    other = identities(batches(range(count), 1, seed=1))
    assert sorted(two[:count]) == sorted(two[count:]) == sorted(other)
    assert len({tuple(two[:count]), tuple(two[count:]), tuple(other)}) == 3


@pytest.mark.parametrize("done", [1, 4, 9])
def test_a_resumed_run_gets_the_batches_it_would_have_got(done):
    whole = batches(range(12), samples=3000)
    assert_same(whole[done:], batches(range(done, 12), samples=3000))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.integers(1, 25))
def test_examples_do_not_depend_on_how_they_are_batched(seed, first, size):
    """Which ones: the places of the crops are drawn batch by batch."""
    opened = Shards(made(), "train", verify=False)
    alone = [
        opened.batch(PIECE_SAMPLES, 1, seed, n)["cutoff_hz"] for n in range(first * size, (first + 1) * size)
    ]
    np.testing.assert_array_equal(
        opened.batch(PIECE_SAMPLES, size, seed, first)["cutoff_hz"], np.concatenate(alone)
    )


def test_the_fixed_set_is_spread_over_the_split_and_cut_from_the_middle():
    stored = records(made(), "train")
    fixed = Shards(made(), "train").fixed_set(4, 30000)
    assert list(fixed) == NAMES
    start = (PIECE_SAMPLES - 30000) // 2
    for i, place in enumerate([0, 3, 6, 9]):
        for name in SIGNALS:
            np.testing.assert_array_equal(fixed[name][i], stored[name][place, start : start + 30000])
        assert all(fixed[name][i] == stored[name][place] for name in NUMBERS)


def test_a_fixed_set_is_never_longer_than_the_split():
    fixed = Shards(made(), "valid").fixed_set(1000, PIECE_SAMPLES)
    np.testing.assert_array_equal(fixed["received"], records(made(), "valid")["received"])


def test_what_is_read_can_be_written_to_and_leaves_the_shards_as_they_are():
    first, again = (batches([0])[0] for _ in range(2))
    first["received"][:] = 0
    assert_same([again], batches([0]))


def test_hours_count_music_and_not_variants():
    hours = EXAMPLES["train"] / VARIANTS * PIECE_SAMPLES / SAMPLE_RATE / 3600
    assert Shards(made(), "train").hours == pytest.approx(hours)


def test_a_folder_of_shards_is_told_from_a_folder_of_music(tmp_path):
    assert is_shards(made())
    assert not is_shards(music())
    assert not is_shards(tmp_path / "nowhere")


def test_a_folder_without_shards_is_an_error():
    with pytest.raises(ConfigError, match=r"expected shards.*training\.precompute"):
        Shards(music(), "train")


def test_an_unknown_split_is_an_error():
    with pytest.raises(ConfigError, match="received 'test'"):
        Shards(made(), "test")


def test_a_damaged_shard_is_named(tmp_path):
    out = copied(tmp_path / "out")
    path = out / "train-00003-of-00004.npy"
    damaged = bytearray(path.read_bytes())
    damaged[100_000] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ConfigError, match=r"train-00003-of-00004\.npy: damaged, expected sha256"):
        Shards(out, "train")
    Shards(out, "valid")
    path.write_bytes(damaged[:-1])
    with pytest.raises(ConfigError, match=r"train-00003.*bytes, it has"):
        Shards(out, "train", verify=False)
    path.unlink()
    with pytest.raises(ConfigError, match=r"train-00003.*there is none"):
        Shards(out, "train", verify=False)


def test_unfinished_shards_are_not_trained_on(tmp_path):
    out = copied(tmp_path / "out")
    rows = json.loads((out / "index.json").read_text())["shards"]
    (out / "index.json").write_text(json.dumps({"shards": rows[:1] + rows[2:]}))
    with pytest.raises(ConfigError, match=r"4 shards.*1 of them still to be made, train-00001-of-00004"):
        Shards(out, "train")
    (out / "index.json").unlink()
    with pytest.raises(ConfigError, match="2 of them still to be made"):
        Shards(out, "valid")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("version", 2, "version is 2, not 3"),
        ("sample_rate", 48000, "sample_rate is 48000, not 44100"),
        ("features", {}, "features.received is None, not"),
    ],
)
def test_shards_of_another_version_are_refused(tmp_path, key, value, said):
    out = copied(tmp_path / "out")
    schema = json.loads((out / "schema.json").read_text())
    (out / "schema.json").write_text(json.dumps({**schema, key: value}))
    with pytest.raises(ConfigError, match=said):
        Shards(out, "train")


def test_differences_name_every_value_that_differs():
    assert differences({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}) == []
    assert differences({"a": 1, "b": {"c": 2}}, {"a": 0, "b": {"c": 2, "e": 5}}) == [
        "a is 1, not 0",
        "b.e is None, not 5",
    ]


def test_names_of_shards_sort_in_their_order():
    names = shard_names("train", 12345)
    assert names == sorted(names)
    assert names[0] == "train-00000-of-12345.npy"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_what_processes_read_for_themselves_is_the_batch_of_one(seed, step, sizes):
    opened = Shards(made(), "train", verify=False)
    draw = functools.partial(opened.batch, 3000, sum(sizes), seed, step)
    assert_same([drawn_in_parts(sizes, draw)], [draw()])
