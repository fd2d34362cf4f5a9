"""Low-pass filters of the training channels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from tfbwe.errors import AudioError, ConfigError
from training.degradation.filters import FAMILIES, LowCut, Lowpass

RATE = 44100
CUTOFF_HZ = 8000.0
SHARP = [Lowpass("brickwall", CUTOFF_HZ), Lowpass("resample", CUTOFF_HZ)]
RECURSIVE = [name for name, family in FAMILIES.items() if family.recursive]
ONCE = [Lowpass(family, CUTOFF_HZ, 6) for family in RECURSIVE]
ZERO_PHASE = [Lowpass(family, CUTOFF_HZ, 6, "zero") for family in RECURSIVE]
BOTH_WAYS = [Lowpass(family, CUTOFF_HZ, 6, phase="forward-backward") for family in RECURSIVE]
IMAGES = [Lowpass("linear", CUTOFF_HZ), Lowpass("hold", CUTOFF_HZ)]
IN_PLACE = SHARP + ZERO_PHASE + BOTH_WAYS
EVERY = IN_PLACE + IMAGES + ONCE


def noise(channels, samples, seed=0):
    return (0.3 * np.random.default_rng(seed).standard_normal((channels, samples))).astype(np.float32)


def impulse_response(lowpass, samples=16384):
    x = np.zeros((1, samples + 1), np.float32)
    x[0, samples // 2] = 1
    return lowpass.apply(x, RATE)[0].astype(np.float64)


def gain_db(lowpass, f_hz):
    response = impulse_response(lowpass)
    at = np.exp(-2j * np.pi * f_hz / RATE * np.arange(len(response)))
    return 20 * np.log10(abs(response @ at) + 1e-12)


def sine(f_hz, samples=RATE):
    return np.sin(2 * np.pi * f_hz / RATE * np.arange(samples))[None].astype(np.float32)


@pytest.mark.parametrize("lowpass", EVERY, ids=str)
@settings(max_examples=12, deadline=None)
@given(channels=st.integers(1, 3), samples=st.integers(0, 3000), rate=st.sampled_from([16001, 44100, 192000]))
def test_shape_and_type_are_kept_and_nothing_is_nan_at_any_length(lowpass, channels, samples, rate):
    y = lowpass.apply(noise(channels, samples), rate)
    assert y.shape == (channels, samples)
    assert y.dtype == np.float32
    assert np.isfinite(y).all()


@pytest.mark.parametrize("lowpass", IN_PLACE, ids=str)
@settings(max_examples=12, deadline=None)
@given(samples=st.integers(500, 30000), seed=st.integers(0, 99))
def test_a_narrow_signal_passes_in_its_place_at_any_length(lowpass, samples, seed):
    narrow = Lowpass("brickwall", 2000).apply(noise(1, samples + 4000, seed), RATE)[:, 2000:-2000]
    y = lowpass.apply(narrow, RATE)
    inside = slice(200, -200)
    # One sample of shift would leave an error of about 0.16; elliptic ripple, twice, leaves up to 0.11.
    error = np.linalg.norm((y - narrow)[:, inside]) / np.linalg.norm(narrow[:, inside])
    assert error < {"elliptic": 0.12, "bessel": 0.15}.get(lowpass.family, 0.02)


@pytest.mark.parametrize("lowpass", IN_PLACE, ids=str)
def test_a_zero_phase_impulse_response_is_symmetric(lowpass):
    response = impulse_response(lowpass)
    assert response.argmax() == len(response) // 2
    np.testing.assert_allclose(response, response[::-1], atol=2e-6)


@pytest.mark.parametrize("lowpass", ONCE, ids=str)
def test_a_single_pass_is_causal_and_delays(lowpass):
    response = impulse_response(lowpass)
    assert not response[: len(response) // 2].any()
    assert response.argmax() > len(response) // 2


@pytest.mark.parametrize("order", [1, 6, 12])
@pytest.mark.parametrize(
    ("family", "at_cutoff_db"),
    [("butterworth", -3.0103), ("bessel", -3.0103), ("chebyshev1", -0.05), ("elliptic", -0.5)],
)
def test_recursive_filters_have_their_nominal_gain_at_the_cutoff_and_twice_that_both_ways(
    family, order, at_cutoff_db
):
    assert gain_db(Lowpass(family, CUTOFF_HZ, order), CUTOFF_HZ) == pytest.approx(at_cutoff_db, abs=0.01)
    zero_phase = Lowpass(family, CUTOFF_HZ, order, "zero")
    assert gain_db(zero_phase, CUTOFF_HZ) == pytest.approx(at_cutoff_db, abs=0.01)
    both_ways = Lowpass(family, CUTOFF_HZ, order, "forward-backward")
    assert gain_db(both_ways, CUTOFF_HZ) == pytest.approx(2 * at_cutoff_db, abs=0.02)
    assert gain_db(both_ways, 0) == pytest.approx(2 * gain_db(Lowpass(family, CUTOFF_HZ, order), 0), abs=0.02)


@pytest.mark.parametrize(
    ("lowpass", "design"),
    [
        (Lowpass("butterworth", 8000, 7), lambda: signal.butter(7, 8000, fs=RATE, output="sos")),
        (Lowpass("bessel", 9000, 12), lambda: signal.bessel(12, 9000, fs=RATE, norm="mag", output="sos")),
        (Lowpass("chebyshev1", 4000, 12), lambda: signal.cheby1(12, 0.05, 4000, fs=RATE, output="sos")),
        (Lowpass("elliptic", 16000, 12), lambda: signal.ellip(12, 0.5, 60, 16000, fs=RATE, output="sos")),
    ],
    ids=str,
)
def test_the_design_is_the_one_of_scipy(lowpass, design):
    x = noise(2, 5000)
    np.testing.assert_allclose(lowpass.apply(x, RATE), signal.sosfilt(design(), x), atol=1e-6)


def test_forward_and_backward_is_filtfilt_away_from_the_edges():
    x = noise(2, 20000)
    sections = signal.butter(6, CUTOFF_HZ, fs=RATE, output="sos")
    y = Lowpass("butterworth", CUTOFF_HZ, 6, phase="forward-backward").apply(x, RATE)
    np.testing.assert_allclose(y[:, 300:-300], signal.sosfiltfilt(sections, x)[:, 300:-300], atol=1e-6)


@pytest.mark.parametrize("family", RECURSIVE)
def test_zero_phase_is_the_amplitude_of_the_causal_filter_alone(family):
    zero = Lowpass(family, CUTOFF_HZ, 6, "zero").response(16384, RATE)
    causal = Lowpass(family, CUTOFF_HZ, 6).response(16384, RATE)
    np.testing.assert_allclose(zero, np.abs(causal), atol=3e-5)


@pytest.mark.parametrize("lowpass", SHARP, ids=str)
def test_sharp_filters_leave_nothing_above_the_cutoff(lowpass):
    y = lowpass.apply(noise(1, 40000), RATE)[0, 2000:-2000].astype(np.float64)
    power = np.abs(np.fft.rfft(y * np.blackman(len(y)))) ** 2
    f_hz = np.fft.rfftfreq(len(y), 1 / RATE)
    above = power[f_hz > CUTOFF_HZ + 20].max()
    assert 10 * np.log10(above / power[f_hz < 7000].mean()) < -85


@pytest.mark.parametrize(("lowpass", "image_db"), [(IMAGES[0], -19.1), (IMAGES[1], -9.5)], ids=str)
def test_a_poor_resampler_leaves_an_image_where_theory_has_it(lowpass, image_db):
    """Of a tone at rate / 4, at 3 rate / 4: sinc 3/4 over sinc 1/4, squared where it is linear."""
    y = lowpass.apply(sine(0.5 * CUTOFF_HZ), RATE)[0, 8000:-8000]
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    level_db = {hz: 10 * np.log10(power[round(hz * len(y) / RATE)]) for hz in (4000, 12000)}
    assert level_db[12000] - level_db[4000] == pytest.approx(image_db, abs=1)


def test_a_brick_wall_keeps_all_below_the_cutoff_and_drops_all_above():
    inside = slice(10000, -10000)
    kept = sine(CUTOFF_HZ - 50)
    y = Lowpass("brickwall", CUTOFF_HZ).apply(kept, RATE)
    assert np.abs(y - kept)[:, inside].max() < 0.02
    y = Lowpass("brickwall", CUTOFF_HZ).apply(sine(CUTOFF_HZ + 50), RATE)
    assert np.abs(y)[:, inside].max() < 0.02


@pytest.mark.parametrize("lowpass", IN_PLACE, ids=str)
def test_the_end_does_not_leak_into_the_beginning(lowpass):
    x = np.zeros((1, 20000), np.float32)
    x[:, -4000:] = noise(1, 4000)
    y = lowpass.apply(x, RATE)
    # 8000 samples away the ringing of a brick wall has 1 / (8000 pi) of its peak; a wrap would give 0.1.
    assert np.abs(y[:, :8000]).max() < (1e-3 if lowpass.family == "brickwall" else 1e-6)


@pytest.mark.parametrize("lowpass", EVERY, ids=str)
def test_silence_stays_silence_and_a_constant_stays_constant_up_to_its_edges(lowpass):
    assert not lowpass.apply(np.zeros((2, 777)), RATE).any()
    settled = slice(2000, None) if lowpass in ONCE else slice(None)
    y = lowpass.apply(np.full((1, 9000), 0.5), RATE)[0, settled]
    # Chebyshev and elliptic filters of even order have their ripple at 0 Hz.
    runs = 1 + (lowpass.phase == "forward-backward")
    at_zero_db = runs * {"chebyshev1": -0.05, "elliptic": -0.5}.get(lowpass.family, 0)
    np.testing.assert_allclose(y, 0.5 * 10 ** (at_zero_db / 20), atol=1e-5)


@pytest.mark.parametrize("cutoff_hz", [1.0, 2.0, 3.0, 20.0])
@pytest.mark.parametrize("samples", [1, 3000, 40001])
def test_a_resampler_keeps_the_length_even_at_a_few_hertz(cutoff_hz, samples):
    assert Lowpass("resample", cutoff_hz).apply(noise(1, samples), RATE).shape == (1, samples)


@pytest.mark.parametrize("lowpass", EVERY, ids=str)
def test_channels_are_filtered_alike_and_apart_and_the_input_is_left_alone(lowpass):
    x = noise(2, 3000)
    before = x.copy()
    y = lowpass.apply(x, RATE)
    np.testing.assert_array_equal(x, before)
    for channel in range(2):
        np.testing.assert_allclose(lowpass.apply(x[channel : channel + 1], RATE)[0], y[channel], atol=1e-6)
    loud = lowpass.apply(8 * x, RATE)
    np.testing.assert_allclose(loud, 8 * y, atol=2e-5)
    assert np.abs(loud).max() > 1


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"family": "wavelet", "cutoff_hz": 8000}, "wavelet"),
        ({"family": "butterworth", "cutoff_hz": 8000}, "order"),
        ({"family": "elliptic", "cutoff_hz": 8000, "order": -1}, "order"),
        ({"family": "brickwall", "cutoff_hz": 8000, "order": 6}, "order"),
        ({"family": "butterworth", "cutoff_hz": 8000, "order": 6, "phase": "linear"}, "phase"),
        ({"family": "brickwall", "cutoff_hz": 0}, "cutoff_hz"),
        ({"family": "brickwall", "cutoff_hz": float("nan")}, "cutoff_hz"),
        ({"family": "brickwall", "cutoff_hz": float("inf")}, "cutoff_hz"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_name(settings_, words):
    with pytest.raises(ConfigError, match=words):
        Lowpass(**settings_)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cutoff_at_or_above_nyquist_is_refused(family):
    order = 6 if family in RECURSIVE else 0
    for cutoff_hz in (RATE / 2, RATE):
        with pytest.raises(ConfigError, match="22050"):
            Lowpass(family, cutoff_hz, order).apply(noise(1, 100), RATE)
    assert np.isfinite(Lowpass(family, RATE / 2 - 1, order).apply(noise(1, 100), RATE)).all()


def test_a_signal_without_a_channel_axis_is_refused():
    with pytest.raises(AudioError, match=r"\(channels, samples\)"):
        Lowpass("brickwall", CUTOFF_HZ).apply(np.zeros(100), RATE)


def test_a_low_cut_takes_the_bass_and_keeps_the_rest():
    def level_db(f_hz):
        y = LowCut(300.0).apply(sine(f_hz), RATE)[0, RATE // 2 :]
        return 20 * np.log10(np.sqrt(2 * np.mean(y.astype(np.float64) ** 2)))

    assert level_db(100) < -35
    assert level_db(300) == pytest.approx(-3.01, abs=0.1)
    assert level_db(1000) == pytest.approx(0, abs=0.1)
    assert level_db(15000) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("shape", [(1, 0), (2, 1), (3, 3000)])
def test_a_low_cut_keeps_shape_type_and_silence_and_is_causal(shape):
    y = LowCut(150.0).apply(noise(*shape), RATE)
    assert y.shape == shape
    assert y.dtype == np.float32
    assert not LowCut(150.0).apply(np.zeros(shape, np.float32), RATE).any()
    later = noise(*shape)
    later[:, : shape[1] // 2] = 0
    assert not LowCut(150.0).apply(later, RATE)[:, : shape[1] // 2].any()


@pytest.mark.parametrize("cutoff_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_a_low_cut_that_cannot_be_is_refused_by_name(cutoff_hz):
    with pytest.raises(ConfigError, match="low cut cutoff_hz"):
        LowCut(cutoff_hz)
