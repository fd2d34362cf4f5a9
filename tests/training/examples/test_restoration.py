"""Examples for the restoring network."""

import functools
import shutil

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("keras")

from tests.helpers.batches import assert_same, drawn_in_parts
from tests.helpers.restoring import measured
from tests.helpers.smoke import music
from tfbwe.errors import ConfigError
from tfbwe.restoration.statistics import BANDS, CENTRES_HZ, ROUNDING_POWER
from training.degradation import responses
from training.degradation.filters import Lowpass
from training.degradation.responses import IMAGES, KEPT_OUT, KINDS, LOWEST_HZ, SMALLEST, drawn, log_gain_of
from training.examples import moments as kept
from training.examples.restoration import Examples, Recording, opened, played, received_moments
from training.music.manifest import MANIFEST_NAME, read_manifest


def song(seconds=6.0, moves=1.0):
    """Noise falling by 12 dB an octave, its level spread by so many nepers; (1, samples)."""
    rng = np.random.default_rng(0)
    samples = round(44100 * seconds)
    whole = np.fft.rfft(rng.standard_normal((1, samples)))
    x = np.fft.irfft(whole / (1 + (np.fft.rfftfreq(samples, 1 / 44100) / 1000) ** 2), samples)
    level = np.exp(moves * np.repeat(rng.standard_normal(samples // 2205), 2205))
    return (0.05 * x / x.std() * level[:samples]).astype(np.float32)


def spread_of(rows):
    return np.sqrt(np.maximum(rows[3] - rows[1] ** 2, 0))


@pytest.mark.parametrize("kind", [*KINDS, *KEPT_OUT, *IMAGES, "brickwall"])
def test_every_kind_of_filter_takes_and_does_not_give(kind):
    rng = np.random.default_rng(0)
    for _ in range(5):
        response = drawn(rng, kind)
        assert response.kind == kind
        assert np.isfinite(response.log_gain).all()
        assert (response.log_gain <= 0).all()
        assert (response.log_gain >= np.log(SMALLEST) - 1e-3).all()
        low = response.log_gain[0.3 * response.cutoff_hz > CENTRES_HZ]
        assert low.min() > (-0.3 if kind != "one-poles" else -1)


def test_kinds_that_are_kept_out_are_not_drawn():
    rng = np.random.default_rng(1)
    kinds = {drawn(rng).kind for _ in range(300)}
    assert kinds == {*KINDS, *IMAGES, "brickwall"}


def test_a_filter_acts_on_the_statistics_as_on_the_music():
    lowpass = Lowpass("butterworth", 8000.0, 4, phase="forward-backward")
    x = song()
    before, after = measured(x), measured(lowpass.apply(x, 44100))
    h = np.abs(lowpass.response(8192, 44100))
    amplitude = np.interp(CENTRES_HZ, np.arange(len(h)) * 44100 / 8192, h)
    near = (CENTRES_HZ > 1000) & (CENTRES_HZ < 12000)
    np.testing.assert_allclose(np.log(after[0] / before[0])[near], 2 * np.log(amplitude)[near], atol=0.15)
    np.testing.assert_allclose((after[1] - before[1])[near], 2 * np.log(amplitude)[near], atol=0.15)
    np.testing.assert_allclose(spread_of(after)[near], spread_of(before)[near], atol=0.15)


@pytest.mark.parametrize("kind", IMAGES)
def test_images_stand_in_the_statistics_where_they_stand_in_the_music(kind, monkeypatch):
    for limit in ("LOWEST_HZ", "HIGHEST_HZ"):
        monkeypatch.setattr(responses, limit, 6000.0)
    response = drawn(np.random.default_rng(0), kind)
    before, after = measured(song()), measured(Lowpass(kind, 6000.0).apply(song(), 44100))
    expected = before[0][response.source] * np.exp(2 * response.log_gain)
    first_image = (CENTRES_HZ > 6500) & (CENTRES_HZ < 10500)
    np.testing.assert_allclose(np.log(after[0])[first_image], np.log(expected)[first_image], atol=0.7)
    assert (response.source[CENTRES_HZ < 5900] == np.flatnonzero(CENTRES_HZ < 5900)).all()


def test_noise_acts_on_the_statistics_as_on_the_music():
    x = song()
    noise = 1e-3 * np.random.default_rng(3).standard_normal(x.shape)
    clean, noisy = measured(x), measured(x + noise)
    power = np.full(BANDS, 1e-6 * 1024, np.float32)
    found = received_moments(np.stack([*clean[:3], spread_of(clean)]), np.zeros(BANDS, np.float32), power)
    np.testing.assert_allclose(np.log(found[0]), np.log(noisy[0]), atol=0.15)
    np.testing.assert_allclose(found[1], noisy[1], atol=0.15)
    np.testing.assert_allclose(np.log(found[2]), np.log(noisy[2]), atol=0.1)
    np.testing.assert_allclose(spread_of(found), spread_of(noisy), atol=0.15)


@pytest.mark.parametrize("moves", [0.0, 1.0, 1.5])
@pytest.mark.parametrize(
    "lowpass",
    [
        Lowpass("butterworth", 8000.0, 6, phase="forward-backward"),
        Lowpass("chebyshev1", 8000.0, 12),
        Lowpass("gaussian", 8000.0),
    ],
    ids=lambda lowpass: lowpass.family,
)
def test_what_is_drawn_has_the_statistics_of_what_is_received(lowpass, moves):
    x, rounding = song(12.0, moves), np.full(BANDS, ROUNDING_POWER, np.float32)
    before, after = measured(x), measured(np.round(lowpass.apply(x, 44100) * 2**15) / 2**15)
    found = received_moments(np.stack([*before[:3], spread_of(before)]), log_gain_of(lowpass), rounding)
    heard = slice(0, 145)
    np.testing.assert_allclose(np.log(found[0])[heard], np.log(after[0])[heard], atol=0.4)  # clicks
    np.testing.assert_allclose(np.log(found[2])[heard], np.log(after[2])[heard], atol=0.15)
    np.testing.assert_allclose(found[1][heard], after[1][heard], atol=0.2)
    np.testing.assert_allclose(spread_of(found)[heard], spread_of(after)[heard], atol=0.25)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_music_that_is_played_faster_has_its_spectrum_higher(speed):
    x = song(12.0)
    found, faster = played(measured(x), speed), measured(soxr.resample(x.T, speed, 1.0).T)
    heard = (CENTRES_HZ > 1000) & (CENTRES_HZ < 14000)
    for row in (0, 2):
        np.testing.assert_allclose(np.log(found[row])[heard], np.log(faster[row])[heard], atol=0.4)
    np.testing.assert_allclose(found[1][heard], faster[1][heard], atol=0.4)
    np.testing.assert_allclose(played(found, 1.0), found)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    path = tmp_path_factory.mktemp("statistics") / "pieces.npy"
    np.save(path, np.stack([measured(song())] * 3))
    return [Recording(path, count, hz) for count, hz in ((3, 18000.0), (1, 12000.0))]


def test_batches_are_functions_of_seed_and_step(recordings):
    one, two = (Examples(recordings, 20, 8, (1, 0)) for _ in range(2))
    assert_same([one.batch(3)], [two.batch(3)])
    assert not np.array_equal(one.batch(3)["moments"], one.batch(4)["moments"])
    other = Examples(recordings, 20, 8, (1, 1))
    assert not np.array_equal(one.batch(3)["moments"], other.batch(3)["moments"])


def test_a_batch_is_what_the_objective_takes(recordings):
    batch = Examples(recordings, 50, 64, (0,)).batch(0)
    row = (64, BANDS)
    assert {name: array.shape for name, array in batch.items()} == {
        "moments": (64, 4, BANDS),
        "cutoff_hz": (64, 1),
        "log_gain": row,
        "weight": row,
        "original": row,
        "received": row,
    }
    assert all(np.isfinite(array).all() and array.dtype == np.float32 for array in batch.values())
    assert (batch["weight"] >= 0).all()
    assert (batch["weight"] <= 1).all()
    assert (batch["received"] <= batch["original"] * 1.001).all()
    assert (batch["cutoff_hz"] > 0.8 * LOWEST_HZ).all()  # whoever restores knows a cutoff


def test_statistics_are_computed_once_and_kept_beside_the_music(tmp_path, monkeypatch):
    data = shutil.copytree(music(), tmp_path / "music")
    found, hours = opened(data, "train")
    seconds = sum(track.seconds for track in read_manifest(data / MANIFEST_NAME) if track.split == "train")
    assert 0.5 * seconds < 3600 * hours <= seconds
    assert all(np.load(one.file).shape == (one.count, 4, BANDS) for one in found)
    monkeypatch.setattr(kept, "_measured", None)
    again, _ = opened(data, "train")
    assert again == found


def test_a_split_without_music_is_one_line(tmp_path):
    data = shutil.copytree(music(), tmp_path / "music")
    with pytest.raises(ConfigError, match="tracks of the split nothing"):
        opened(data, "nothing")


def test_rounding_is_the_quietest_of_noises_but_none():
    rng = np.random.default_rng(0)
    from training.examples.restoration import _noise

    levels = [float(_noise(rng).mean()) for _ in range(300)]
    assert {level < ROUNDING_POWER / 100 or level >= 0.9 * ROUNDING_POWER for level in levels} == {True}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 10**6), st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_what_processes_draw_for_themselves_is_the_batch_of_one(recordings, seed, step, sizes):
    draw = functools.partial(Examples(recordings, 3, sum(sizes), (1, seed)).batch, step)
    assert_same([drawn_in_parts(sizes, draw)], [draw()])
