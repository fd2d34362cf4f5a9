from __future__ import annotations

import dataclasses
import functools
import itertools
import os

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.batches import assert_same, drawn_in_parts
from tests.helpers.smoke import RATE, made_up_song, music

pytest.importorskip("keras")

from tfbwe.errors import AudioError, ConfigError
from training.examples import drawn as dataset
from training.examples.batches import Batches
from training.examples.drawn import (
    LOWEST_BANDWIDTH_HZ,
    Music,
    batch,
    decoded,
    example,
    fixed_set,
    is_silent,
)
from training.learning.presets import preset
from training.music.manifest import MANIFEST_NAME, Track, read_manifest, write_manifest

CONFIG = preset("stft", "smoke")


@pytest.fixture
def folder(tmp_path):
    """Return a maker of music folders with a hand-written manifest, from signals (channels, samples)."""

    def make(*songs, bandwidth_hz=20000.0, split="train"):
        rows = []
        for i, x in enumerate(songs):
            path = tmp_path / f"{i}.wav"
            soundfile.write(path, x.T, RATE, subtype="FLOAT")
            status = path.stat()
            rows.append(
                Track(
                    file=path.name,
                    track=path.stem,
                    split=split,
                    bandwidth_hz=bandwidth_hz,
                    sample_rate=RATE,
                    channels=len(x),
                    seconds=max(x.shape[1], 1) / RATE,
                    loudness_lufs=-20.0,
                    size_bytes=status.st_size,
                    mtime_ns=status.st_mtime_ns,
                )
            )
        write_manifest(tmp_path / MANIFEST_NAME, rows)
        return tmp_path

    return make


def first_batches(count, seed=0, first_step=0, workers=1):
    stream = Batches(functools.partial(batch, Music(music(), "train"), CONFIG, seed), first_step, workers)
    try:
        return list(itertools.islice(stream, count))
    finally:
        stream.close()


def test_batches_do_not_depend_on_the_number_of_workers():
    assert_same(first_batches(6, workers=1), first_batches(6, workers=4))


def test_a_resumed_run_gets_the_batches_it_would_have_got():
    assert_same(first_batches(6)[4:], first_batches(2, first_step=4))


def test_seeds_steps_and_places_in_the_batch_all_differ():
    waves = [wave for one in first_batches(2) + first_batches(1, seed=1) for wave in one["received"]]
    assert len({wave.tobytes() for wave in waves}) == 3 * CONFIG.batch_size


def test_a_batch_is_what_the_objective_takes():
    (found,) = first_batches(1)
    size = CONFIG.batch_size
    shapes = {name: array.shape for name, array in found.items()}
    wave = (size, CONFIG.crop_samples)
    numbers = dict.fromkeys(["cutoff_hz", "reach_hz", "bandwidth_hz"], (size, 1))
    assert shapes == {"received": wave, "original": wave, **numbers}
    assert all(array.dtype == np.float32 for array in found.values())
    assert all(np.isfinite(array).all() for array in found.values())
    assert (found["cutoff_hz"] < found["bandwidth_hz"]).all()
    assert (found["cutoff_hz"] <= found["reach_hz"]).all()


def test_closing_ends_the_stream():
    stream = Batches(functools.partial(batch, Music(music(), "train"), CONFIG, 0), 0, 2)
    next(stream)
    stream.close()
    stream.close()
    assert len(list(itertools.islice(stream, 50))) < 50


def test_an_error_while_drawing_is_not_the_end_of_the_stream(monkeypatch):
    def broken(*_):
        raise RuntimeError("broken")

    stream = Batches(functools.partial(batch, Music(music(), "train"), CONFIG, 0), 0, 1)
    monkeypatch.setattr(dataset, "example", broken)
    with pytest.raises(RuntimeError, match="broken"):
        list(itertools.islice(stream, 5))
    stream.close()


def test_tracks_are_open_no_longer_than_they_are_read(folder):
    """Ten thousand hours are more tracks than a process may have open files."""
    data = folder(*(made_up_song(i, 0.5) for i in range(40)))
    before = len(os.listdir("/proc/self/fd"))
    opened = Music(data, "train")
    crops = [opened.crop(np.random.default_rng(i), 4096)[0] for i in range(200)]
    del crops
    assert len(os.listdir("/proc/self/fd")) < before + len(opened.tracks) / 2


def test_splits_share_no_track():
    train, valid = (Music(music(), split) for split in ("train", "valid"))
    names = [{track.track for track, _ in part.tracks} for part in (train, valid)]
    assert not names[0] & names[1]
    rows = read_manifest(music() / MANIFEST_NAME)
    assert {split: len(n) for split, n in zip(("train", "valid"), names, strict=True)} == {
        split: sum(row.split == split for row in rows) for split in ("train", "valid")
    }


def test_held_out_examples_are_the_same_for_every_seed():
    held_out = Music(music(), "valid")
    a, b = fixed_set(held_out, CONFIG, 3), fixed_set(held_out, CONFIG, 5)
    assert_same([a], [{name: array[:3] for name, array in b.items()}])


def test_crops_avoid_silence(folder):
    x = made_up_song(0, 4.0)
    x[:, : 2 * RATE] = 0
    quiet = Music(folder(x), "train")
    crops = [quiet.crop(np.random.default_rng(i), 2048)[0] for i in range(60)]
    assert not any(is_silent(crop) for crop in crops)
    assert all(np.abs(crop).max() > 1e-3 for crop in crops)


def test_a_track_of_silence_alone_is_no_endless_search(folder):
    silent = Music(folder(np.zeros((2, RATE), np.float32)), "train")
    crop, _ = silent.crop(np.random.default_rng(0), 2048)
    assert crop.shape == (2, 2048)
    assert is_silent(crop)


@pytest.mark.parametrize("samples", [1, 500, CONFIG.crop_samples - 1])
def test_a_track_shorter_than_the_crop_is_padded(folder, samples):
    x = np.full((2, samples), 0.5, np.float32)
    crop, _ = Music(folder(x), "train").crop(np.random.default_rng(1), CONFIG.crop_samples)
    assert crop.shape == (2, CONFIG.crop_samples)
    np.testing.assert_array_equal(crop[:, :samples], x)
    assert not crop[:, samples:].any()
    one = example(Music(folder(x), "train"), CONFIG, (0, 0))
    assert one["received"].shape == (CONFIG.crop_samples,)


def test_longer_tracks_are_drawn_from_more_often(folder):
    short, long = (np.full((1, n), level, np.float32) for n, level in ((2 * 4096, 0.1), (8 * 4096, 0.9)))
    both = Music(folder(short, long), "train")
    levels = [both.crop(np.random.default_rng(i), 256)[0][0, 0] for i in range(400)]
    assert np.mean(np.array(levels) > 0.5) == pytest.approx(0.8, abs=0.08)


def test_a_track_too_narrow_for_any_cutoff_is_left_out_and_said_so(folder, capsys):
    path = folder(made_up_song(0, 1.0), made_up_song(1, 1.0))
    rows = read_manifest(path)
    write_manifest(
        path / MANIFEST_NAME, [rows[0], dataclasses.replace(rows[1], bandwidth_hz=LOWEST_BANDWIDTH_HZ - 1)]
    )
    assert [track.file for track, _ in Music(path, "train").tracks] == ["0.wav"]
    assert capsys.readouterr().err.startswith("left out: 1.wav: bandwidth 3683 Hz")


def test_the_narrowest_track_that_is_kept_gives_examples(folder):
    narrow = Music(folder(made_up_song(0, 1.0), bandwidth_hz=LOWEST_BANDWIDTH_HZ), "train")
    for i in range(20):
        one = example(narrow, CONFIG, (0, i))
        assert one["cutoff_hz"] < one["bandwidth_hz"]


def test_narrow_tracks_alone_are_an_error(folder):
    path = folder(made_up_song(0, 1.0), bandwidth_hz=3600.0)
    with pytest.raises(ConfigError, match="split train"):
        Music(path, "train")


def test_a_split_without_tracks_is_an_error(folder):
    with pytest.raises(ConfigError, match="split valid"):
        Music(folder(made_up_song(0, 1.0)), "valid")


def test_a_track_is_decoded_once(folder, monkeypatch):
    x = made_up_song(0, 1.0)
    path = folder(x)
    (track,) = read_manifest(path)
    np.testing.assert_array_equal(decoded(path, track), x.T)
    monkeypatch.setattr(soundfile, "read", None)
    np.testing.assert_array_equal(decoded(path, track), x.T)


def test_a_track_that_changed_is_decoded_anew(folder):
    path = folder(made_up_song(0, 1.0))
    (track,) = read_manifest(path)
    decoded(path, track)
    x = made_up_song(1, 1.0)
    soundfile.write(path / track.file, x.T, RATE, subtype="FLOAT")
    np.testing.assert_array_equal(decoded(path, dataclasses.replace(track, mtime_ns=1)), x.T)


def test_another_rate_is_resampled(folder):
    path = folder(made_up_song(0, 1.0))
    (track,) = read_manifest(path)
    soundfile.write(path / track.file, np.full((48000, 2), 0.25), 48000)
    music = decoded(path, track)
    assert music.shape == (44100, 2)
    np.testing.assert_allclose(music[2000:-2000], 0.25, atol=1e-4)


def test_an_interrupted_decoding_leaves_nothing_behind(folder, monkeypatch):
    path = folder(made_up_song(0, 1.0))
    (track,) = read_manifest(path)
    save = np.save

    def interrupted(file, x):
        save(file, x[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decoded(path, track)
    assert not list((path / dataset.DECODED).iterdir())
    monkeypatch.undo()
    assert len(decoded(path, track)) == RATE


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_music_that_is_not_finite_is_an_error(folder, bad):
    x = made_up_song(0, 1.0)
    x[0, 500] = bad
    path = folder(x)
    with pytest.raises(AudioError, match=r"0\.wav.*NaN or infinite"):
        Music(path, "train")


@pytest.mark.parametrize("content", [None, b"not sound", b""], ids=["missing", "rubbish", "empty"])
def test_a_file_that_cannot_be_read_is_named(folder, content):
    path = folder(made_up_song(0, 1.0))
    if content is None:
        (path / "0.wav").unlink()
    else:
        (path / "0.wav").write_bytes(content)
    with pytest.raises(AudioError, match=r"0\.wav"):
        Music(path, "train")


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 10**6), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_what_processes_draw_for_themselves_is_the_batch_of_one(seed, step, sizes):
    config = dataclasses.replace(CONFIG, batch_size=sum(sizes))
    its = Music(music(), "train")
    parts = drawn_in_parts(sizes, functools.partial(batch, its, config, seed, step))
    assert_same([parts], [batch(its, config, seed, step)])
