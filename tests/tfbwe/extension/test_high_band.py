import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.high_band import (
    CUTOFF_BIN,
    CUTOFF_HZ,
    EPSILON,
    FLAT,
    HZ,
    MANIFEST,
    PREDICTED,
    add,
    ceilings,
    high_band,
    random_residuals,
    received,
    residuals,
)
from tfbwe.band import FADE_HZ
from tfbwe.extension.high_band import CEILING, HighBand
from tfbwe.phase.mirror import MEMORYLESS, phasors


@pytest.mark.parametrize("phase", MEMORYLESS)
@pytest.mark.parametrize("channels", [1, 2, 5, 8])
@pytest.mark.parametrize("above", [3.0, 1e-5])
@pytest.mark.parametrize("reach_hz", [CUTOFF_HZ, 22050.0])
def test_residuals_of_zero_add_nothing(channels, phase, above, reach_hz):
    spectrum = received(channels=channels, above=above)
    out = add(spectrum, residuals(spectrum), phase=phase, reach_hz=reach_hz)
    assert np.abs(out).max() < 1e-9  # the mean of five equal levels is rounded
    if channels < 3:
        assert not out.any()


def test_the_diffuse_term_brings_the_magnitude_to_the_target_in_the_folded_phase():
    spectrum = received()
    log_residual = 3.0
    diffuse = add(spectrum, residuals(spectrum, log_residual), first_frame=0)
    magnitude = np.abs(spectrum)
    target = (magnitude + EPSILON) * np.exp(log_residual) - EPSILON
    expected = np.sqrt(target**2 - magnitude**2)
    np.testing.assert_allclose(np.abs(diffuse)[..., FLAT], expected[..., FLAT], rtol=1e-3)
    unit = phasors(spectrum, 0, CUTOFF_BIN, "mirror")
    assert np.abs(diffuse - np.abs(diffuse) * unit).max() < 1e-3 * np.abs(diffuse).max()
    power = magnitude**2 + np.abs(diffuse) ** 2
    np.testing.assert_allclose(power[..., FLAT], target[..., FLAT] ** 2, rtol=1e-3)


def test_the_network_reads_nothing_above_the_reach_of_each_frame():
    magnitude = np.abs(received(frames=3, channels=2))[..., :PREDICTED]
    reach_hz = np.array([8000.0, 9000.0, 22050.0], np.float32)
    read = high_band(2).read(magnitude, reach_hz)
    hz = HZ[:PREDICTED]
    for row, expected, highest_hz in zip(read, magnitude, reach_hz, strict=True):
        np.testing.assert_array_equal(row[:, hz <= highest_hz], expected[:, hz <= highest_hz])
        assert not row[:, hz > highest_hz].any()
    assert read.dtype == np.float32


def test_noise_above_the_reach_does_not_count_for_the_level():
    log_residual = 9.0
    levels = []
    for above in (1e-3, 1e-5):
        spectrum = received(level=500.0, above=above)
        out = add(spectrum, residuals(spectrum, log_residual), reach_hz=CUTOFF_HZ)
        levels.append(np.abs(out)[..., FLAT & (HZ > CUTOFF_HZ + 30)])
    np.testing.assert_allclose(levels[0], EPSILON * np.expm1(log_residual), rtol=1e-3)
    np.testing.assert_allclose(levels[1], EPSILON * np.expm1(log_residual), rtol=1e-3)


def test_what_was_restored_is_not_synthesised_again():
    spectrum = received()
    some = residuals(spectrum, 3.0)
    whole = add(spectrum, some)
    share = np.random.default_rng(2).random((len(spectrum), 1, PREDICTED))
    np.testing.assert_allclose(
        add(spectrum, some, missing=share)[..., :PREDICTED], share * whole[..., :PREDICTED], rtol=1e-4
    )
    assert not add(spectrum, some, missing=0.0).any()


@pytest.mark.parametrize("channels", [1, 2])
def test_the_diffuse_term_is_proportional_to_its_weight(channels):
    spectrum = received(channels=channels)
    some = random_residuals(spectrum)
    none, half, full = (add(spectrum, some, diffuse) for diffuse in (0.0, 0.5, 1.0))
    assert not none.any()
    assert np.abs(full).max() > 0.1
    np.testing.assert_allclose(half, full / 2, atol=1e-5)


def test_the_diffuse_term_does_not_exceed_the_ceiling():
    spectrum = received(channels=2)
    spectrum[:, 0] *= 0.01
    ceiling = ceilings(spectrum)
    diffuse = add(spectrum, residuals(spectrum, 9.0))
    assert (np.abs(diffuse) <= 1.0001 * ceiling).all()
    assert (np.abs(diffuse) > 0.99 * ceiling)[..., FLAT].any()


def test_limited_frames_are_counted():
    spectrum = received(frames=6)
    spectrum[4] = 0
    for log_residual, expected in ((9.0, 5), (0.5, 0)):
        band = high_band(1)
        add(spectrum, residuals(spectrum, log_residual), band=band)
        assert band.limited_frames == expected
    band = high_band(1, diffuse=0.0)
    add(spectrum, residuals(spectrum, 9.0), band=band)
    assert band.limited_frames == 0


@settings(max_examples=30, deadline=None)
@given(
    cutoff_hz=st.floats(20, 22000),
    seed=st.integers(0, 99),
    phase=st.sampled_from(MEMORYLESS),
    channels=st.integers(1, 3),
)
def test_nothing_is_added_below_the_cutoff_or_above_the_highest_frequency(cutoff_hz, seed, phase, channels):
    spectrum = received(3, channels, seed)
    out = add(spectrum, random_residuals(spectrum, seed), phase=phase, cutoff_hz=cutoff_hz)
    above = MANIFEST.highest_hz + FADE_HZ <= HZ
    assert not out[..., (cutoff_hz > HZ) | above].any()
    if cutoff_hz < 15000:
        assert out.any()


def test_zeros_stay_zeros_whatever_the_network_says():
    loud = received(channels=2)
    silence = np.zeros_like(loud)
    band = high_band(2)
    some = random_residuals(loud, spread=4.0)
    assert not add(silence, some, band=band).any()
    assert add(loud, some, band=band).any()
    assert not add(silence, some, band=band).any()
    assert band.limited_frames == len(loud)


def test_a_silent_channel_beside_a_loud_one_stays_silent():
    spectrum = received(channels=3)
    spectrum[:, 1] = 0
    out = add(spectrum, random_residuals(spectrum, spread=4.0))
    assert not out[:, 1].any()
    assert out[:, 0].any()
    assert out[:, 2].any()


@settings(max_examples=60, deadline=None)
@given(
    exponents=st.tuples(st.floats(-30, 7), st.floats(-30, 7)),
    log_residual=st.floats(-1e4, 1e4),
    cutoff_hz=st.floats(1, 22049),
    channels=st.integers(1, 3),
    phase=st.sampled_from(MEMORYLESS),
)
def test_any_finite_input_gives_finite_output(exponents, log_residual, cutoff_hz, channels, phase):
    spectrum = received(3, channels, 0, *(10.0**exponent for exponent in exponents))
    spectrum[1] = 0
    with np.errstate(over="ignore"):
        out = add(spectrum, residuals(spectrum, log_residual), phase=phase, cutoff_hz=cutoff_hz)
    assert np.isfinite(out).all()


def test_equal_channels_give_equal_outputs_and_those_of_one_channel():
    mono = received()
    some = random_residuals(mono)
    out = add(np.repeat(mono, 2, axis=1), np.repeat(some, 2, axis=1))
    np.testing.assert_array_equal(out[:, 0], out[:, 1])
    alone = add(mono, some)
    assert np.abs(out[:, :1] - alone).max() < 1e-5 * np.abs(alone).max()


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_channels_in_another_order_give_the_outputs_in_that_order(order):
    spectrum = received(channels=3) * np.array([[1.0], [0.3], [0.1]], np.complex64)
    some = random_residuals(spectrum)
    expected = add(spectrum, some)[:, order]
    moved = add(spectrum[:, order], some[:, order])
    assert np.abs(moved - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("phase", MEMORYLESS)
def test_frames_one_by_one_give_the_bits_of_all_at_once(phase):
    spectrum = received(channels=2)
    some = random_residuals(spectrum)
    band = high_band(2)
    parts = []
    for i in range(len(spectrum)):
        rows = slice(i, i + 1)
        parts.append(add(spectrum[rows], some[rows], band=band, phase=phase, first_frame=i))
    np.testing.assert_array_equal(np.concatenate(parts), add(spectrum, some, phase=phase))


def test_level_differences_between_channels_are_smoothed_over_time():
    spectrum = received(frames=60, channels=2)
    spectrum[..., FLAT] = 0.05
    flutter = np.where(np.arange(60) % 2, 1.0, -1.0)[:, None, None] * np.array([[1.0], [-1.0]])
    out = np.abs(add(spectrum, residuals(spectrum, 3.0 + flutter)))[30:, :, FLAT]
    differences = np.log(out[:, 0] / out[:, 1])
    assert np.abs(differences).max() < 0.3 * 2
    steady = np.abs(add(spectrum, residuals(spectrum, np.array([[3.5], [2.5]]))))[30:, :, FLAT]
    np.testing.assert_allclose(np.log(steady[:, 0] / steady[:, 1]), 1, atol=0.1)


def test_reset_forgets_the_past():
    spectrum = received(channels=2)
    some = random_residuals(spectrum)
    band = high_band(2)
    first, second = add(spectrum, some, band=band), add(spectrum, some, band=band)
    assert (first != second).any()
    band.reset()
    np.testing.assert_array_equal(add(spectrum, some, band=band), first)


@pytest.mark.parametrize("image_frames", [1, 4])
def test_frames_that_come_again_leave_nothing_behind(image_frames):
    spectrum = received(frames=24, channels=2, above=3.0)
    some = random_residuals(spectrum)
    some[::5] += 3
    expected = add(spectrum, some, band=high_band(2, image_frames=image_frames))
    band = high_band(2, image_frames=image_frames)
    limited = high_band(2, image_frames=image_frames)
    for start in (0, 8):
        rows = slice(start, start + 16)
        advance = 8 if start == 0 else None
        out = add(spectrum[rows], some[rows], band=band, first_frame=start, advance=advance)
        np.testing.assert_array_equal(out, expected[rows])
    add(spectrum, some, band=limited)
    assert band.limited_frames == limited.limited_frames
    assert 0 < limited.limited_frames < 24


@pytest.mark.parametrize("image_frames", [2, 4])
def test_groups_of_frames_are_smoothed_with_the_same_time_constant(image_frames):
    spectrum = received(frames=40, channels=2, above=0.0)
    step = np.where(np.arange(40) < 20, 0.0, 1.0)[:, None, None] * np.array([[0.5], [-0.5]])
    some = residuals(spectrum, 8.0 + step)
    spectrum[..., FLAT] = 1e-3

    def difference(band):
        out = np.abs(add(spectrum, some, band=band))[..., FLAT]
        return np.log(out[:, 0] / out[:, 1])[image_frames - 1 :: image_frames]

    frame_s = 0.002
    singly = difference(high_band(2, frame_s=frame_s))
    grouped = difference(high_band(2, image_frames=image_frames, frame_s=frame_s))
    assert singly.max() > 0.3
    np.testing.assert_allclose(grouped, singly, atol=0.06)


def test_an_octave_is_an_octave_whatever_the_spacing_of_the_bins():
    frequencies = 55 * 2 ** (np.arange(400) / 48)
    band = HighBand(MANIFEST, frequencies, 0.002, 1, 1.0)
    spectrum = np.where(frequencies < CUTOFF_HZ / 2.03, 1000.0, 1.0).astype(np.complex64)[None, None]
    full = np.full(spectrum.shape, 9.0, np.float32)
    magnitude = np.abs(spectrum)
    first, added = band.added(
        magnitude,
        magnitude,
        full,
        np.ones_like(full),
        CUTOFF_HZ,
        lambda n, total: np.ones_like(spectrum)[..., n:],
    )
    assert frequencies[first - 1] < CUTOFF_HZ <= frequencies[first]
    held = np.abs(added[0, 0, frequencies[first:] < 15900])
    np.testing.assert_allclose(held, np.sqrt(CEILING**2 * 1.0), rtol=0.1)
