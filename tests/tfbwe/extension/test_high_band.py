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
    heads,
    high_band,
    random_heads,
    received,
)
from tfbwe.band import FADE_HZ
from tfbwe.extension.high_band import CEILING, EDGE, Heads, HighBand
from tfbwe.phase.mirror import MEMORYLESS, phasors


@pytest.mark.parametrize("phase", MEMORYLESS)
@pytest.mark.parametrize("channels", [1, 2, 5, 8])
@pytest.mark.parametrize("above", [3.0, 1e-5])
def test_heads_of_zero_add_nothing(channels, phase, above):
    spectrum = received(channels=channels, above=above)
    out = add(spectrum, heads(spectrum), phase=phase)
    assert np.abs(out).max() < 1e-9  # the mean of five equal levels is rounded
    if channels < 3:
        assert not out.any()


@pytest.mark.parametrize("log_gain", [-4.0, -0.7, 0.5, 2.0])
def test_a_gain_adds_its_excess_over_one_times_the_received_spectrum(log_gain):
    spectrum = received(channels=3)
    out = add(spectrum, heads(spectrum, log_gain), diffuse=0.0)
    whole = (HZ >= 0.8 * CUTOFF_HZ) & (MANIFEST.highest_hz >= HZ)
    expected = np.expm1(log_gain) * spectrum
    np.testing.assert_allclose(out[..., FLAT], expected[..., FLAT], rtol=1e-4)
    if log_gain < 0:  # no ceiling then, under the cutoff either
        np.testing.assert_allclose(out[..., whole], expected[..., whole], rtol=1e-4)


def test_every_channel_gets_the_mean_gain_weighted_by_power():
    spectrum = received(channels=2)
    spectrum[:, 1] *= 2
    out = add(spectrum, heads(spectrum, np.array([[0.3], [1.3]])), diffuse=0.0)
    powers = ceilings(spectrum)[..., 0] ** 2
    gain = np.exp(powers @ [0.3, 1.3] / powers.sum(axis=1))
    expected = (gain[:, None, None] - 1) * spectrum
    np.testing.assert_allclose(out[..., FLAT], expected[..., FLAT], rtol=1e-3)


def test_the_diffuse_term_brings_the_magnitude_to_the_target_in_the_folded_phase():
    spectrum = received()
    log_gain, log_residual = 0.4, 3.0
    some = heads(spectrum, log_gain, log_residual)
    coherent, both = add(spectrum, some, diffuse=0.0), add(spectrum, some, first_frame=0)
    diffuse = both - coherent
    magnitude = np.abs(spectrum)
    target = (magnitude + EPSILON) * np.exp(log_residual) - EPSILON
    expected = np.sqrt(target**2 - (np.exp(log_gain) * magnitude) ** 2)
    plain = FLAT & (HZ > CUTOFF_HZ * (1 + EDGE))
    np.testing.assert_allclose(np.abs(diffuse)[..., plain], expected[..., plain], rtol=1e-3)
    unit = phasors(spectrum, 0, CUTOFF_BIN, "mirror")
    assert np.abs(diffuse - np.abs(diffuse) * unit).max() < 1e-3 * np.abs(diffuse).max()
    power = np.abs(spectrum + coherent) ** 2 + np.abs(diffuse) ** 2
    np.testing.assert_allclose(power[..., plain], target[..., plain] ** 2, rtol=1e-3)


def flank(slope_hz, level=50.0):
    """Return a band that falls within three bins, and heads that raise it to one level, less abruptly."""
    spectrum = received(frames=20, level=level, above=1e-3)
    spectrum[..., CUTOFF_BIN + 1 : CUTOFF_BIN + 3] = spectrum[..., :2] * np.float32([0.5, 0.1])
    risen = np.clip((HZ[:PREDICTED] - CUTOFF_HZ) / slope_hz + 0.5, 0, 1) * np.log(level / 1e-3)
    some = heads(spectrum)
    some.log_residual[:] = risen
    return spectrum, some


@pytest.mark.parametrize("slope_hz", [300.0, 600.0, 1000.0])
def test_the_flank_of_the_received_band_is_not_raised_and_leaves_no_gap(slope_hz, monkeypatch):
    spectrum, some = flank(slope_hz)
    groups = [(CUTOFF_HZ, 8100.0), (8100.0, 8300.0), (8300.0, 8600.0)]
    inside = [(low_hz <= HZ) & (high_hz > HZ) for low_hz, high_hz in groups]

    def levels_db():
        power = np.abs(spectrum + add(spectrum, some)) ** 2
        typical = np.mean(power[..., (HZ > 9000) & (HZ < 15000)])
        return np.array([10 * np.log10(power[..., part].mean() / typical) for part in inside])

    mended = levels_db()
    monkeypatch.setattr("tfbwe.extension.high_band.EDGE", 0.0)
    assert np.abs(mended).max() < 6 < np.abs(levels_db()).max()


def test_what_lies_beyond_the_edge_is_as_the_network_has_it(monkeypatch):
    spectrum, some = flank(300.0)
    mended = add(spectrum, some)
    monkeypatch.setattr("tfbwe.extension.high_band.EDGE", 0.0)
    plain = add(spectrum, some)
    np.testing.assert_array_equal(mended[..., HZ > 8640], plain[..., HZ > 8640])
    np.testing.assert_array_equal(mended[..., HZ < CUTOFF_HZ], plain[..., HZ < CUTOFF_HZ])


@pytest.mark.parametrize("channels", [1, 2])
def test_the_diffuse_term_is_proportional_to_its_weight(channels):
    spectrum = received(channels=channels)
    some = random_heads(spectrum)
    none, half, full = (add(spectrum, some, diffuse) for diffuse in (0.0, 0.5, 1.0))
    assert np.abs(full - none).max() > 0.1
    np.testing.assert_allclose(half - none, (full - none) / 2, atol=1e-5)
    assert not (full - none)[..., HZ < CUTOFF_HZ].any()


def test_neither_term_exceeds_the_ceiling():
    spectrum = received(channels=2)
    spectrum[:, 0] *= 0.01
    ceiling = ceilings(spectrum)
    loud = add(spectrum, heads(spectrum, log_gain=9.0), diffuse=0.0)
    highest = np.maximum(ceiling, np.abs(spectrum))
    assert (np.abs(spectrum + loud) <= 1.0001 * highest)[..., :PREDICTED].all()
    assert (np.abs(spectrum + loud) > 0.99 * ceiling)[..., FLAT].any()
    diffuse = add(spectrum, heads(spectrum, log_residual=9.0)) - add(spectrum, heads(spectrum))
    assert (np.abs(diffuse) <= 1.0001 * ceiling).all()
    assert (np.abs(diffuse) > 0.99 * ceiling)[..., FLAT].any()


def test_limited_frames_are_counted():
    spectrum = received(frames=6)
    spectrum[4] = 0
    for log_residual, expected in ((9.0, 5), (0.5, 0)):
        band = high_band(1)
        add(spectrum, heads(spectrum, 0.0, log_residual), band=band)
        assert band.limited_frames == expected


@settings(max_examples=30, deadline=None)
@given(
    cutoff_hz=st.floats(20, 22000),
    seed=st.integers(0, 99),
    phase=st.sampled_from(MEMORYLESS),
    channels=st.integers(1, 3),
)
def test_nothing_is_added_below_the_crossover_or_above_the_highest_frequency(
    cutoff_hz, seed, phase, channels
):
    spectrum = received(3, channels, seed)
    out = add(spectrum, random_heads(spectrum, seed), phase=phase, cutoff_hz=cutoff_hz)
    below = 0.8 * cutoff_hz - FADE_HZ >= HZ
    above = MANIFEST.highest_hz + FADE_HZ <= HZ
    assert not out[..., below | above].any()
    if cutoff_hz < 15000:
        assert out.any()


def test_zeros_stay_zeros_whatever_the_heads_say():
    loud = received(channels=2)
    silence = np.zeros_like(loud)
    band = high_band(2)
    some = random_heads(loud, spread=4.0)
    assert not add(silence, some, band=band).any()
    assert add(loud, some, band=band).any()
    assert not add(silence, some, band=band).any()
    assert band.limited_frames == len(loud)


def test_a_silent_channel_beside_a_loud_one_stays_silent():
    spectrum = received(channels=3)
    spectrum[:, 1] = 0
    out = add(spectrum, random_heads(spectrum, spread=4.0))
    assert not out[:, 1].any()
    assert out[:, 0].any()
    assert out[:, 2].any()


@settings(max_examples=60, deadline=None)
@given(
    exponents=st.tuples(st.floats(-30, 7), st.floats(-30, 7)),
    log_gain=st.floats(-1e4, 1e4),
    log_residual=st.floats(-1e4, 1e4),
    cutoff_hz=st.floats(1, 22049),
    channels=st.integers(1, 3),
    phase=st.sampled_from(MEMORYLESS),
)
def test_any_finite_input_gives_finite_output(exponents, log_gain, log_residual, cutoff_hz, channels, phase):
    spectrum = received(3, channels, 0, *(10.0**exponent for exponent in exponents))
    spectrum[1] = 0
    with np.errstate(over="ignore"):
        out = add(spectrum, heads(spectrum, log_gain, log_residual), phase=phase, cutoff_hz=cutoff_hz)
    assert np.isfinite(out).all()


def test_equal_channels_give_equal_outputs_and_those_of_one_channel():
    mono = received()
    some = random_heads(mono)
    pair = Heads(*(np.repeat(head, 2, axis=1) for head in (some.log_gain, some.log_residual)))
    out = add(np.repeat(mono, 2, axis=1), pair)
    np.testing.assert_array_equal(out[:, 0], out[:, 1])
    alone = add(mono, some)
    assert np.abs(out[:, :1] - alone).max() < 1e-5 * np.abs(alone).max()


@pytest.mark.parametrize("order", [(1, 0, 2), (2, 0, 1)])
def test_channels_in_another_order_give_the_outputs_in_that_order(order):
    spectrum = received(channels=3) * np.array([[1.0], [0.3], [0.1]], np.complex64)
    some = random_heads(spectrum)
    expected = add(spectrum, some)[:, order]
    moved = add(spectrum[:, order], Heads(some.log_gain[:, order], some.log_residual[:, order]))
    assert np.abs(moved - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("phase", MEMORYLESS)
def test_frames_one_by_one_give_the_bits_of_all_at_once(phase):
    spectrum = received(channels=2)
    some = random_heads(spectrum)
    band = high_band(2)
    parts = []
    for i in range(len(spectrum)):
        one = Heads(some.log_gain[i : i + 1], some.log_residual[i : i + 1])
        parts.append(add(spectrum[i : i + 1], one, band=band, phase=phase, first_frame=i))
    np.testing.assert_array_equal(np.concatenate(parts), add(spectrum, some, phase=phase))


def test_level_differences_between_channels_are_smoothed_over_time():
    spectrum = received(frames=60, channels=2)
    spectrum[..., FLAT] = 0.05
    flutter = np.where(np.arange(60) % 2, 1.0, -1.0)[:, None, None] * np.array([[1.0], [-1.0]])
    out = np.abs(add(spectrum, heads(spectrum, 0.0, 3.0 + flutter)))[30:, :, FLAT]
    differences = np.log(out[:, 0] / out[:, 1])
    assert np.abs(differences).max() < 0.3 * 2
    steady = np.abs(add(spectrum, heads(spectrum, 0.0, np.array([[3.5], [2.5]]))))[30:, :, FLAT]
    np.testing.assert_allclose(np.log(steady[:, 0] / steady[:, 1]), 1, atol=0.1)


def test_reset_forgets_the_past():
    spectrum = received(channels=2)
    some = random_heads(spectrum)
    band = high_band(2)
    first, second = add(spectrum, some, band=band), add(spectrum, some, band=band)
    assert (first != second).any()
    band.reset()
    np.testing.assert_array_equal(add(spectrum, some, band=band), first)


@pytest.mark.parametrize("image_frames", [1, 4])
def test_frames_that_come_again_leave_nothing_behind(image_frames):
    spectrum = received(frames=24, channels=2, above=3.0)
    some = random_heads(spectrum)
    some.log_residual[::5] += 3
    expected = add(spectrum, some, band=high_band(2, image_frames=image_frames))
    band = high_band(2, image_frames=image_frames)
    limited = high_band(2, image_frames=image_frames)
    for start in (0, 8):
        rows = slice(start, start + 16)
        part = Heads(some.log_gain[rows], some.log_residual[rows])
        out = add(spectrum[rows], part, band=band, first_frame=start, advance=8 if start == 0 else None)
        np.testing.assert_array_equal(out, expected[rows])
    add(spectrum, some, band=limited)
    assert band.limited_frames == limited.limited_frames
    assert 0 < limited.limited_frames < 24


@pytest.mark.parametrize("image_frames", [2, 4])
def test_groups_of_frames_are_smoothed_with_the_same_time_constant(image_frames):
    spectrum = received(frames=40, channels=2, above=0.0)
    step = np.where(np.arange(40) < 20, 0.0, 1.0)[:, None, None] * np.array([[0.5], [-0.5]])
    some = heads(spectrum, 0.0, 8.0 + step)
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
    first, added = band.added(
        spectrum,
        np.abs(spectrum),
        Heads(0 * full, full),
        CUTOFF_HZ,
        lambda n, total: np.ones_like(spectrum)[..., n:],
    )
    assert frequencies[first - 1] <= 0.8 * CUTOFF_HZ - FADE_HZ < frequencies[first]
    held = np.abs(added[0, 0, (frequencies[first:] >= CUTOFF_HZ) & (frequencies[first:] < 15900)])
    np.testing.assert_allclose(held, np.sqrt(CEILING**2 * 1.0), rtol=0.1)
