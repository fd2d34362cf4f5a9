from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from tests.helpers import made_shards
from tests.helpers.batches import assert_same
from tests.helpers.made_shards import EXAMPLES, VARIANTS, copied, made, music, records

pytest.importorskip("tensorflow")

from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.cqt import BLOCK_LENGTH
from tfbwe.errors import ConfigError
from training.examples.shards import NUMBERS, Shards, differences, is_shards, read_index, shard_names

NAMES = ["received", "original", *NUMBERS]


def first_batches(count, batch_size=4, seed=0, first_example=0, split="train"):
    dataset = Shards(made(), split, verify=False).dataset(batch_size, seed, first_example)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def identities(batches):
    """Something that tells examples apart."""
    return [float(hz) for batch in batches for hz in batch["cutoff_hz"][:, 0]]


def test_a_batch_has_the_shapes_that_training_takes():
    (batch,) = first_batches(1)
    pair, single = (4, 2, 448, 400), (4, 1)
    assert {name: array.shape for name, array in batch.items()} == dict(
        zip(NAMES, [pair, pair, *[single] * len(NUMBERS)], strict=True)
    )
    assert all(array.dtype == np.float32 for array in batch.values())


def test_a_pass_gives_every_example_once():
    everything = sorted(feature["cutoff_hz"].float_list.value[0] for feature in records(made()))
    found = identities(first_batches(EXAMPLES["train"], 1)) + identities(
        first_batches(EXAMPLES["valid"], 1, split="valid")
    )
    assert sorted(found) == pytest.approx(everything)


def test_every_pass_and_every_seed_has_an_order_of_its_own():
    count = EXAMPLES["train"]
    two = identities(first_batches(2 * count, 1))
    other = identities(first_batches(count, 1, seed=1))
    assert sorted(two[:count]) == sorted(two[count:]) == sorted(other)
    assert len({tuple(two[:count]), tuple(two[count:]), tuple(other)}) == 3


@pytest.mark.parametrize("done", [1, 2, 3, 4, 9])
def test_a_resumed_run_gets_the_batches_it_would_have_got(done):
    whole = first_batches(12)
    assert_same(whole[done:], first_batches(12 - done, first_example=4 * done))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 200))
def test_reading_from_any_example_on_reads_what_follows_it(seed, first):
    source = Shards(made(), "train", verify=False)
    sizes = {str(made() / name): shard.examples for name, shard in read_index(made()).items()}

    def places(start):
        for path, skip in source._reading_order(seed, start):
            yield from ((path, place) for place in range(skip, sizes[path]))

    count = 2 * source.examples
    uninterrupted = list(itertools.islice(places(0), first + count))
    assert uninterrupted[first:] == list(itertools.islice(places(first), count))


def test_the_fixed_set_is_the_beginning_of_the_split():
    fixed = Shards(made(), "valid").fixed_set(5)
    stored = [
        feature for feature in records(made()) if feature["track"].bytes_list.value[0] == b"held out.wav"
    ]
    assert list(fixed) == NAMES
    for name in ("received", "original"):
        expected = np.stack([made_shards.spectrum(feature, name) for feature in stored[:5]])
        np.testing.assert_array_equal(fixed[name], expected.astype(np.float32))
    for name in NUMBERS:
        np.testing.assert_array_equal(
            fixed[name], np.float32([feature[name].float_list.value for feature in stored[:5]])
        )


def test_a_fixed_set_is_never_longer_than_the_split():
    assert len(Shards(made(), "valid").fixed_set(1000)["received"]) == EXAMPLES["valid"]


def test_fixed_batches_are_the_fixed_set_in_every_pass():
    shards = Shards(made(), "valid", verify=False)
    whole, batches = shards.fixed_set(1000), shards.fixed_batches(1000, 4)
    assert int(batches.cardinality()) == 2
    for _ in range(2):
        passed = list(batches.as_numpy_iterator())
        assert [len(batch["cutoff_hz"]) for batch in passed] == [4, EXAMPLES["valid"] - 4]
        assert_same([whole], [{name: np.concatenate([batch[name] for batch in passed]) for name in NAMES}])


def test_hours_count_music_and_not_variants():
    hours = EXAMPLES["train"] / VARIANTS * BLOCK_LENGTH / 44100 / 3600
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
    path = out / "train-00003-of-00005.tfrecord"
    damaged = bytearray(path.read_bytes())
    damaged[100_000] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ConfigError, match=r"train-00003-of-00005\.tfrecord: damaged, expected sha256"):
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
    with pytest.raises(ConfigError, match=r"5 shards.*1 of them still to be made, train-00001-of-00005"):
        Shards(out, "train")
    (out / "index.json").unlink()
    with pytest.raises(ConfigError, match="2 of them still to be made"):
        Shards(out, "valid")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("version", 1, "version is 1, not 2"),
        ("transform", {"kind": "stft"}, "transform.kind is stft, not cqt"),
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
    assert names[0] == "train-00000-of-12345.tfrecord"
