"""What restoring leaves of an example."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from tfbwe.stft import BIN_HZ, stft
from training.degradation import degrade, drawing
from training.degradation.filters import FAMILIES, Lowpass
from training.examples import restored as restoring
from training.examples.drawn import degraded
from training.examples.restored import found_cutoff_hz, restored

CUTOFF_HZ = 6000.0
GENTLE = [
    Lowpass("butterworth", CUTOFF_HZ, 4, phase="forward-backward"),
    Lowpass("butterworth", CUTOFF_HZ, 6, phase="forward-backward"),
    Lowpass("bessel", CUTOFF_HZ, 6, phase="forward-backward"),
]
SHARP = [Lowpass(family, CUTOFF_HZ) for family, own in FAMILIES.items() if not own.gentle]


def song(seconds=3.0):
    """Noise whose level moves, as that of music does; (1, samples) float32."""
    draw = np.random.default_rng(0)
    samples = round(44100 * seconds)
    whole = np.fft.rfft(draw.standard_normal((1, samples)))
    x = np.fft.irfft(whole / (1 + np.fft.rfftfreq(samples, 1 / 44100) / 1000), samples)
    x *= np.exp(0.5 * np.repeat(draw.standard_normal(samples // 2205 + 1), 2205)[:samples])
    return (0.05 * x / x.std()).astype(np.float32)


def rng():
    return np.random.default_rng(7)


def received(x, lowpass):
    """Music that went through a filter and was rounded to 16 bits, and the original in step with it."""
    return degrade.apply(x, 44100, (lowpass, degrade.Rounding(16)))


def level(x, low_hz, high_hz):
    """Root mean square of the STFT between two frequencies, away from the ends."""
    bins = slice(int(low_hz / BIN_HZ), int(high_hz / BIN_HZ))
    return np.sqrt(np.mean(np.abs(stft(x)[:, 10:-10, bins]) ** 2))


@pytest.mark.parametrize("lowpass", GENTLE, ids=str)
def test_it_brings_an_example_of_a_gentle_filter_nearer_to_the_original(lowpass):
    y, x = received(song(), lowpass)
    made, reach_hz = restored(rng(), y, lowpass, CUTOFF_HZ)
    assert made.shape == y.shape
    assert made.dtype == np.float32
    assert reach_hz > CUTOFF_HZ + 300
    near = (CUTOFF_HZ, CUTOFF_HZ + 800)
    assert level(made - x, *near) < 0.7 * level(y - x, *near)
    assert level(made - x, 0, 20000) < level(y - x, 0, 20000)
    assert level(y, *near) < level(made, *near) < 1.3 * level(x, *near)


@pytest.mark.parametrize("lowpass", GENTLE, ids=str)
def test_it_leaves_what_lies_well_below_the_cutoff_and_does_not_raise_mere_noise(lowpass):
    y, x = received(song(), lowpass)
    made, _ = restored(rng(), y, lowpass, CUTOFF_HZ)
    assert level(made - y, 0, 0.65 * CUTOFF_HZ) < 0.01 * level(y, 0, 0.65 * CUTOFF_HZ)
    assert level(made, 17000, 20000) < 1.5 * max(level(y, 17000, 20000), level(x, 17000, 20000))


@pytest.mark.parametrize("lowpass", SHARP, ids=str)
def test_it_leaves_an_example_of_a_sharp_filter_to_the_bit(lowpass):
    y, _ = received(song(), lowpass)
    made, reach_hz = restored(rng(), y, lowpass, CUTOFF_HZ)
    np.testing.assert_array_equal(made, y)
    assert reach_hz == CUTOFF_HZ


def test_the_filter_is_known_with_an_error_that_differs_from_example_to_example():
    y, x = received(song(), GENTLE[0])
    made = [restored(np.random.default_rng(seed), y, GENTLE[0], CUTOFF_HZ)[0] for seed in range(6)]
    assert len({one.tobytes() for one in made}) == 6
    near = (CUTOFF_HZ, CUTOFF_HZ + 800)
    levels = np.array([level(one, *near) for one in made]) / level(x, *near)
    assert 0.01 < levels.std() < 0.5


def test_without_errors_the_level_comes_back(monkeypatch):
    monkeypatch.setattr(restoring, "CURVE_ERROR", 0.0)
    y, x = received(song(), GENTLE[0])
    made, _ = restored(rng(), y, GENTLE[0], CUTOFF_HZ)
    near = (CUTOFF_HZ, CUTOFF_HZ + 800)
    assert level(made, *near) == pytest.approx(level(x, *near), rel=0.05)
    assert level(made - x, *near) < 0.2 * level(y - x, *near)


def test_a_cutoff_is_given_or_found_with_a_small_error():
    draw = rng()
    found = np.array([found_cutoff_hz(draw, CUTOFF_HZ) for _ in range(2000)]) / CUTOFF_HZ
    given = found == 1.0
    assert given.mean() == pytest.approx(0.5, abs=0.05)
    assert np.log(found[~given]).std() == pytest.approx(restoring.CUTOFF_ERROR, rel=0.1)


@pytest.mark.parametrize("lowpass", [GENTLE[1], SHARP[0]], ids=str)
def test_an_example_is_restored_only_for_networks_that_read_what_was_restored(lowpass, monkeypatch):
    monkeypatch.setattr(drawing, "draw", lambda *_: (lowpass, degrade.Rounding(16)))
    y, x = received(song(), lowpass)
    plain = degraded(rng(), song(), 15000.0, restores=False)
    np.testing.assert_array_equal(plain["received"], y[0])
    assert plain["reach_hz"] == [22050]
    assert plain["cutoff_hz"] == [CUTOFF_HZ]
    made = degraded(rng(), song(), 15000.0, restores=True)
    np.testing.assert_array_equal(made["original"], x[0])
    assert made["cutoff_hz"] == pytest.approx(CUTOFF_HZ, rel=0.1)
    gentle = FAMILIES[lowpass.family].gentle
    assert (made["received"] != y[0]).any() == gentle
    assert (made["reach_hz"] > made["cutoff_hz"]) == gentle
    for example in (plain, made):
        assert {array.dtype for array in example.values()} == {np.dtype(np.float32)}


def test_what_is_drawn_for_a_filter_does_not_hang_on_what_is_restored():
    """The same degradation, whether it is undone or not: both kinds of network learn on the same music."""
    plain, made = (degraded(rng(), song(1.0), 15000.0, restores) for restores in (False, True))
    np.testing.assert_array_equal(plain["original"], made["original"])
    assert made["cutoff_hz"] == pytest.approx(plain["cutoff_hz"], rel=0.1)
