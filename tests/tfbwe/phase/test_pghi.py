import heapq

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.helpers.paths import CLIP
from tfbwe.errors import ConfigError
from tfbwe.measures.distances import compare
from tfbwe.phase.mirror import phasors
from tfbwe.phase.pghi import PhaseGradient, advance, roots, slope
from tfbwe.stft import BIN_HZ, N_FFT, SAMPLE_RATE, istft, stft

BINS = N_FFT // 2 + 1
SECOND = SAMPLE_RATE
TIME = np.arange(SECOND) / SAMPLE_RATE


def phases(magnitude, known=None, at_once=16):
    """Unit phasors for (channels, frames, bins), a few frames at a time."""
    rows = magnitude.swapaxes(0, 1)
    known = np.zeros((*rows.shape[:2], 0), np.complex64) if known is None else known.swapaxes(0, 1)
    gradient = PhaseGradient(*rows.shape[1:])
    starts = range(0, len(rows), at_once)
    parts = [gradient.process(rows[i : i + at_once], known[i : i + at_once]) for i in starts]
    return np.concatenate(parts).swapaxes(0, 1)


def resynthesised(x, unit=None):
    """Return the signal that has the magnitudes of (samples,) and other phases, those found if not given."""
    magnitude = np.abs(stft(np.asarray(x, np.float32)[None]))
    unit = phases(magnitude) if unit is None else unit(magnitude.shape)
    return istft((magnitude * unit).astype(np.complex64), len(x))[0]


def convergence_db(x, y):
    """Distance of the magnitudes of a signal from those that it was to have."""
    wanted, reached = (np.abs(stft(np.asarray(s, np.float32))) for s in (x, y))
    return 20 * np.log10(np.linalg.norm(reached - wanted) / np.linalg.norm(wanted))


def zero(shape):
    return np.ones(shape)


def random(shape):
    return np.exp(2j * np.pi * np.random.default_rng(0).random(shape))


def noise_like(frames=9, channels=2, seed=0):
    return np.random.default_rng(seed).rayleigh(1, (frames, channels, BINS)).astype(np.float32)


def received_phase(frames=9, channels=2, bins=371, seed=1):
    parts = np.random.default_rng(seed).standard_normal((2, frames, channels, bins))
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def by_heap(own, source):
    """What `roots` computes, as the paper does it: one chain, loudness of bins and of their pasts."""
    heap = [(-level, k, k, True) for k, level in enumerate(source) if own[k] > 0]
    heapq.heapify(heap)
    root = np.arange(len(own))
    waiting = set(np.flatnonzero(own > 0).tolist())
    while waiting:
        _, k, start, is_past = heapq.heappop(heap)
        for bin_number in [k] if is_past else [k - 1, k + 1]:
            if bin_number in waiting:
                waiting.remove(bin_number)
                root[bin_number] = start
                heapq.heappush(heap, (-own[bin_number], bin_number, start, False))
    return root


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bins=st.integers(1, 90), silent=st.sampled_from([0.0, 0.1, 0.7]))
def test_phases_spread_over_a_frame_as_from_a_heap(seed, bins, silent):
    rng = np.random.default_rng(seed)
    own, source = rng.permutation(np.arange(1.0, 2 * bins + 1)).reshape(2, bins)
    own[rng.random(bins) < silent] = 0
    source *= np.where(rng.random(bins) < silent, 1e-100, 1)
    np.testing.assert_array_equal(roots(own, source), by_heap(own, source))


@settings(max_examples=100, deadline=None)
@given(levels=arrays.arrays(np.float64, (2, 12), elements=st.sampled_from([0.0, 1.0, 2.0])))
def test_among_equal_bins_every_phase_still_comes_from_one_that_has_its_own(levels):
    root = roots(*levels)
    np.testing.assert_array_equal(root[root], root)


@pytest.mark.parametrize("bin_number", [300.0, 300.2, 300.37, 299.8, 700.45])
def test_the_advance_is_that_of_a_steady_sine(bin_number):
    x = np.sin(2 * np.pi * bin_number * BIN_HZ * TIME).astype(np.float32)
    spectrum = stft(x)[20]
    peak = np.abs(spectrum).argmax()
    found = advance(np.abs(spectrum).astype(np.float64))[peak]
    turned = np.angle(stft(x)[21, peak] / spectrum[peak] * np.exp(-1j * found))
    assert abs(turned) < 0.02


@pytest.mark.parametrize("late", [-500, -100, 0, 37, 500])
def test_the_slope_is_that_of_a_click(late):
    x = np.zeros(SECOND, np.float32)
    x[20 * 512 + N_FFT // 2 + late] = 1  # frame 23 starts at hop 20
    frames = stft(x)[22:25].astype(np.complex128)
    last, _, following = np.abs(frames)
    found = slope((following - last) / (following + last))[:-1]
    np.testing.assert_allclose(np.exp(1j * found), frames[1, 1:] / frames[1, :-1], atol=1e-4)


def sweep():
    return 0.5 * np.sin(2 * np.pi * (1000 * TIME + 3000 * TIME**2))


def click():
    return np.eye(1, SECOND, 20200)[0]


def clip():
    return soundfile.read(CLIP, frames=SECOND, start=2 * SECOND)[0][:, 0]


@pytest.mark.parametrize(
    ("signal", "below_db"),
    [
        (lambda: 0.5 * np.sin(2 * np.pi * 200.37 * BIN_HZ * TIME), -28),
        (lambda: 0.3 * np.sin(2 * np.pi * 3000 * TIME) + 0.3 * np.sin(2 * np.pi * 5011 * TIME), -25),
        (sweep, -14),
        (click, -6),
        (clip, -13),
    ],
    ids=["sine", "two sines", "sweep", "click", "music"],
)
def test_magnitudes_are_met_better_than_with_zero_or_random_phase(signal, below_db):
    x = signal()
    reached = convergence_db(x, resynthesised(x))
    assert reached < below_db
    for other in (zero, random):
        assert reached < convergence_db(x, resynthesised(x, other)) - 2


@pytest.mark.parametrize("bin_number", [50.0, 200.37, 433.5, 800.81])
def test_a_sine_stays_a_steady_sine(bin_number):
    x = 0.5 * np.sin(2 * np.pi * bin_number * BIN_HZ * TIME)
    y = resynthesised(x)[4096:-4096]
    fine = np.abs(np.fft.rfft(y * np.hanning(len(y)), 16 * N_FFT * 8))
    assert abs(fine.argmax() / 128 - bin_number) < 0.05
    hops = y[: len(y) // 512 * 512].reshape(-1, 512)
    levels_db = 20 * np.log10(np.sqrt(np.mean(hops**2, axis=1)) / (0.5 / np.sqrt(2)))
    assert np.abs(levels_db).max() < 0.5


@pytest.mark.parametrize("known_bins", [0, 371])
@pytest.mark.parametrize("at", [20000, 20137, 20300, 20480])
def test_a_click_stays_within_five_milliseconds(at, known_bins):
    x = np.zeros((1, SECOND), np.float32)
    x[0, at] = 1
    spectrum = stft(x)
    magnitude = np.abs(spectrum)
    spectrum[..., known_bins:] = magnitude[..., known_bins:] * phases(magnitude, spectrum[..., :known_bins])
    spectrum[..., :known_bins] = 0
    energy = istft(spectrum, SECOND)[0] ** 2
    near = energy[at - 220 : at + 221].sum()
    assert near > 0.9 * energy.sum()
    assert energy.sum() > 0.3 * (1 - known_bins / BINS)


def test_a_sweep_is_followed():
    y = resynthesised(sweep())
    loudest = np.abs(stft(y.astype(np.float32)))[8:-8].argmax(axis=-1)
    middles = (np.arange(len(loudest)) + 8 - 3) * 512 + N_FFT / 2
    expected = (1000 + 6000 * middles / SAMPLE_RATE) / BIN_HZ
    assert np.abs(loudest - expected).max() < 3


def test_a_click_takes_its_phase_from_the_known_band():
    spectrum = stft(click().astype(np.float32)[None])
    magnitude, known = np.abs(spectrum), spectrum[..., :371]
    there = magnitude[0, :, 500] > 0.1
    found, turned = phases(magnitude, known)[:, there], phases(magnitude, 1j * known)[:, there]
    np.testing.assert_allclose(turned, 1j * found, atol=1e-4)


def test_on_music_it_is_closer_than_mirrored_or_received_phase_and_costs_signal_to_noise_ratio():
    x = soundfile.read(CLIP, frames=3 * SECOND, start=2 * SECOND, dtype="float32")[0].T
    wanted = np.fft.rfft(x)
    wanted[:, np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE) > 8000] = 0
    received = np.fft.irfft(wanted, x.shape[1])
    received = (np.round(received * 32768) / 32768).astype(np.float32)
    cutoff_bin = int(8000 / BIN_HZ)
    spectrum, magnitude = stft(received), np.abs(stft(x))
    high = np.arange(BINS) >= cutoff_bin
    rows = spectrum.swapaxes(0, 1)
    names = ("received", "mirror")
    units = {name: phasors(rows, 0, cutoff_bin, name, cutoff_bin).swapaxes(0, 1) for name in names}
    units["pghi"] = phases(magnitude, spectrum[..., :cutoff_bin])
    figures = {}
    for name, unit in units.items():
        extended = spectrum.copy()
        extended[..., high] = magnitude[..., high] * unit
        figures[name] = compare(x, istft(extended, x.shape[1]), SAMPLE_RATE, 8000)
    assert figures["pghi"]["lsd_hf"] < figures["mirror"]["lsd_hf"] - 0.1
    assert figures["pghi"]["lsd_hf"] < figures["received"]["lsd_hf"] - 0.1
    lost_db = compare(x, received, SAMPLE_RATE, 8000)["snr_db"] - figures["pghi"]["snr_db"]
    assert 1 < lost_db < 4


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 99),
    exponents=st.tuples(st.integers(-45, 38), st.integers(-45, 38)),
    known_bins=st.sampled_from([0, 1, 371, 1024, 1025]),
)
def test_phasors_have_magnitude_one_for_any_magnitudes(seed, exponents, known_bins):
    rng = np.random.default_rng(seed)
    scales = np.where(rng.random((4, 2, BINS)) < 0.5, *(10.0**e for e in exponents))
    magnitude = (scales * rng.random((4, 2, BINS)) * (rng.random((4, 2, BINS)) < 0.7)).astype(np.float32)
    known = (1e30 * received_phase(4, bins=known_bins)).astype(np.complex64)
    with np.errstate(all="raise", under="ignore"):
        unit = PhaseGradient(2, BINS).process(magnitude, known)
    assert unit.dtype == np.complex64
    assert unit.shape == (4, 2, BINS - known_bins)
    np.testing.assert_allclose(np.abs(unit), 1, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 1e-45, 1e-20, 1.0, 3e38])
def test_silence_and_flat_spectra_give_phasors_of_magnitude_one(value):
    magnitude = np.full((6, 1, BINS), value, np.float32)
    unit = PhaseGradient(1, BINS).process(magnitude, np.zeros((6, 1, 371), np.complex64))
    np.testing.assert_allclose(np.abs(unit), 1, atol=1e-6)


@pytest.mark.parametrize("exponent", [-20, 20])
def test_the_level_does_not_matter(exponent):
    magnitude, known = noise_like(), received_phase()
    louder = PhaseGradient(2, BINS).process(np.float32(2.0**exponent) * magnitude, known)
    np.testing.assert_array_equal(louder, PhaseGradient(2, BINS).process(magnitude, known))


@pytest.mark.parametrize("known_bins", [0, 371])
@pytest.mark.parametrize("sizes", [[1] * 9, [4, 5], [0, 2, 0, 7], [3, 3, 3]])
def test_any_number_of_frames_a_call_gives_the_same_bits(sizes, known_bins):
    magnitude, known = noise_like(), received_phase(bins=known_bins)
    magnitude[3:5] = 0
    gradient, ends = PhaseGradient(2, BINS), np.cumsum(sizes)
    parts = [
        gradient.process(magnitude[end - n : end], known[end - n : end])
        for n, end in zip(sizes, ends, strict=True)
    ]
    whole = PhaseGradient(2, BINS).process(magnitude, known)
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("cutoffs", [(300, 500), (500, 300), (0, 371)])
@pytest.mark.parametrize("bin_number", [400.3, 600.3])
def test_a_cutoff_that_moves_leaves_the_phases_where_they_were(cutoffs, bin_number):
    x = (0.5 * np.sin(2 * np.pi * bin_number * BIN_HZ * TIME)).astype(np.float32)[None]
    spectrum = stft(x).swapaxes(0, 1)[10:40]
    magnitude, gradient = np.abs(spectrum), PhaseGradient(1, BINS)
    unit = spectrum / magnitude
    for rows, bins in zip((slice(0, 15), slice(15, 30)), cutoffs, strict=True):
        unit[rows, :, bins:] = gradient.process(magnitude[rows], spectrum[rows, :, :bins])
    steps = np.angle(unit[1:] / unit[:-1] / spectrum[1:] * spectrum[:-1])[2:, 0, int(bin_number)]
    # Where a bin becomes known its phase is the received one, whatever it was.
    becomes_known = cutoffs[0] <= bin_number < cutoffs[1]
    assert np.abs(np.delete(steps, 12) if becomes_known else steps).max() < 0.05


def test_an_attack_out_of_silence_starts_at_its_loudest_bin():
    magnitude = noise_like(frames=1, channels=1)
    magnitude[..., [600, 601]] = 20, 5
    unit = PhaseGradient(1, BINS).process(magnitude, np.zeros((1, 1, 0), np.complex64))[0, 0, 600]
    grown = (advance(np.zeros(BINS)) + advance(magnitude[0, 0].astype(np.float64)))[600] / 2
    assert abs(unit - np.exp(1j * grown)) < 1e-5


def test_channels_are_independent_and_equal_ones_stay_equal():
    magnitude, known = noise_like(channels=3), received_phase(channels=3)
    magnitude[:, 2], known[:, 2] = magnitude[:, 0], known[:, 0]
    together = PhaseGradient(3, BINS).process(magnitude, known)
    for c in range(3):
        alone = PhaseGradient(1, BINS).process(magnitude[:, c : c + 1], known[:, c : c + 1])
        np.testing.assert_array_equal(together[:, c], alone[:, 0])
    np.testing.assert_array_equal(together[:, 0], together[:, 2])


def test_a_reset_forgets_the_past_and_the_arguments_stay_as_they_were():
    magnitude, known = noise_like(), received_phase()
    copies = magnitude.copy(), known.copy()
    gradient = PhaseGradient(2, BINS)
    first = gradient.process(magnitude, known)
    second = gradient.process(magnitude, known)
    gradient.reset()
    np.testing.assert_array_equal(gradient.process(magnitude, known), first)
    assert not np.array_equal(second, first)
    np.testing.assert_array_equal(magnitude, copies[0])
    np.testing.assert_array_equal(known, copies[1])


@pytest.mark.parametrize(
    ("magnitude_shape", "known_shape", "message"),
    [
        ((4, 1, BINS), (4, 2, 0), r"magnitude: expected shape \(frames, 2, 1025\), received \(4, 1, 1025\)"),
        ((4, 2, 1000), (4, 2, 0), r"magnitude: .*\(4, 2, 1000\)"),
        ((4, 2, BINS), (3, 2, 0), r"known: expected shape \(4, 2, at most 1025\), received \(3, 2, 0\)"),
        ((4, 2, BINS), (4, 2, BINS + 1), r"known: .*1026"),
    ],
)
def test_other_shapes_are_refused(magnitude_shape, known_shape, message):
    with pytest.raises(ConfigError, match=message):
        PhaseGradient(2, BINS).process(
            np.ones(magnitude_shape, np.float32), np.ones(known_shape, np.complex64)
        )
