from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers.decoding import (
    ABOVE_RANGE_HZ,
    CQT_BUNDLE,
    CQT_LATENCY,
    CUTOFF_HZ,
    AlertNetwork,
    cut,
    decode,
    delayed,
    music,
    noise,
)
from tfbwe.cqt import CQT
from tfbwe.cqt.stream import CQTAnalysis
from tfbwe.decoder import Decoder
from tfbwe.errors import AudioError
from tfbwe.phase.mirror import MEMORYLESS
from tfbwe.stft import SAMPLE_RATE

HOP = 24576
BLOCKS = st.lists(
    st.sampled_from([0, 1, 1, 2, 8191, 8192, HOP - 1, HOP, HOP + 1, CQT_LATENCY, 50000])
    | st.integers(0, 40000)
)


@pytest.fixture(autouse=True)
def alert(monkeypatch):
    """Let something that goes by the features stand in for the network."""
    monkeypatch.setattr("tfbwe.decoder.StepModel", AlertNetwork)


def decoder(channels, cutoff_hz=CUTOFF_HZ, **more):
    return Decoder(CQT_BUNDLE, channels, cutoff_hz, **more)


def late(x):
    return delayed(x, CQT_LATENCY)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channels=st.sampled_from([1, 2, 6]),
    sizes=BLOCKS,
    cutoff_hz=st.sampled_from([CUTOFF_HZ, 5003.7]),
    phase=st.sampled_from(MEMORYLESS),
)
def test_any_block_sizes_give_the_same_bits(channels, sizes, cutoff_hz, phase):
    x = music(channels, 2.0)
    expected = decode(decoder(channels, cutoff_hz, phase=phase), x)
    assert np.abs(expected - late(x)).max() > 1e-3
    received = cut(x.shape[1], sizes)
    np.testing.assert_array_equal(decode(decoder(channels, cutoff_hz, phase=phase), x, received), expected)


def test_samples_one_by_one_give_the_same_bits():
    x = music(1, 0.7)
    np.testing.assert_array_equal(decode(decoder(1), x, range(x.shape[1])), decode(decoder(1), x))


def test_a_tracked_cutoff_is_found_and_any_block_sizes_give_the_same_bits():
    x = music(1, 4.5)
    one = decoder(1, None)
    assert one.cutoff_hz is None
    expected = np.concatenate([one.process(x), one.process(np.zeros_like(x))], axis=1)
    assert one.cutoff_hz == pytest.approx(CUTOFF_HZ, rel=0.03)
    changed = np.flatnonzero((expected[:, : x.shape[1]] != late(x)[:, : x.shape[1]]).any(axis=0))
    assert CQT_LATENCY + SAMPLE_RATE < changed[0] < 4.5 * SAMPLE_RATE
    other = decoder(1, None)
    parts = [other.process(piece) for piece in np.split(x, [1, 5000, 70000, 70001, 140000], axis=1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), expected[:, : x.shape[1]])


def test_a_tracked_cutoff_is_the_same_as_that_of_the_stft():
    x = music(2, 4.0)
    stft_model = Decoder("stft", 2)
    one = decoder(2, None)
    for decoding in (stft_model, one):
        decoding.process(x)
    assert one.cutoff_hz == pytest.approx(stft_model.cutoff_hz, rel=0.01)


@pytest.mark.parametrize("samples", [0, 1, HOP - 1, HOP, CQT_LATENCY, CQT_LATENCY + 1])
@pytest.mark.parametrize("cutoff_hz", [CUTOFF_HZ, ABOVE_RANGE_HZ, None])
def test_output_is_as_long_as_the_input_and_the_tail_as_the_latency(samples, cutoff_hz):
    one = decoder(2, cutoff_hz)
    assert one.latency == CQT_LATENCY
    x = music(2, 1.0)[:, :samples]
    assert one.process(x).shape == (2, samples)
    assert one.flush().shape == (2, CQT_LATENCY)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_where_nothing_is_to_be_added_the_input_comes_back_to_the_bit_after_the_latency(channels):
    x = np.random.default_rng(0).uniform(-3, 3, (channels, 60001)).astype(np.float32)
    np.testing.assert_array_equal(decode(decoder(channels, ABOVE_RANGE_HZ), x, [100, 40000]), late(x))
    quiet = music(channels)
    np.testing.assert_array_equal(decode(decoder(channels, None), quiet), late(quiet))  # not found yet


@pytest.mark.parametrize("channels", [1, 2])
def test_nothing_is_added_for_outputs_of_zero(known_network, channels):
    known_network(0.0)
    x = np.random.default_rng(0).uniform(-1, 1, (channels, 70000)).astype(np.float32)
    np.testing.assert_array_equal(decode(decoder(channels), x), late(x))


def test_known_residuals_fill_the_band_above_the_cutoff_to_the_wanted_level(known_network):
    known_network(5.0)
    x = noise(1, 120000, CUTOFF_HZ, 1e-3)
    added = decode(decoder(1), x)[:, CQT_LATENCY:] - x
    cqt = CQT()
    blocks = CQTAnalysis(cqt, 1).process(added)[1:4]
    power = np.mean(np.abs(blocks) ** 2, axis=(0, 1, 2))
    wanted = (cqt.frequencies > CUTOFF_HZ * 1.03) & (cqt.frequencies < 15900)
    levels_db = 10 * np.log10(power[wanted]) - 20 * np.log10(1e-4 * np.expm1(5.0))
    assert np.abs(levels_db.mean()) < 2
    assert np.abs(levels_db).max() < 4
    assert 10 * np.log10(power[cqt.frequencies < CUTOFF_HZ / 1.03].max() / power[wanted].mean()) < -30


def test_the_received_band_is_left_alone_below_the_cutoff(known_network):
    known_network(8.0)
    x = music(2, 2.0)
    added = decode(decoder(2), x)[:, CQT_LATENCY:].astype(np.float64) - x
    power = np.abs(np.fft.rfft(added * np.hanning(added.shape[1]))) ** 2
    hz = np.fft.rfftfreq(added.shape[1], 1 / SAMPLE_RATE)
    below = power[:, hz < CUTOFF_HZ - 500].sum()
    assert power.sum() > 1
    assert 10 * np.log10(below / power.sum()) < -80


@pytest.mark.parametrize("cutoff_hz", [CUTOFF_HZ, None])
def test_silence_stays_silence(cutoff_hz):
    assert not decode(decoder(3, cutoff_hz), np.zeros((3, 90000), np.float32)).any()


def test_silence_around_music_stays_silence():
    silence = np.zeros((2, 2 * CQT_LATENCY), np.float32)
    x = np.concatenate([silence, music(2, 1.0), silence], axis=1)
    y = decode(decoder(2), x)[:, CQT_LATENCY:]
    assert not y[:, :HOP].any()
    assert not y[:, -HOP:].any()


def test_a_silent_channel_beside_loud_ones_stays_silent():
    x = music(3, 1.5)
    x[1] = 0
    y = decode(decoder(3), x)
    assert not y[1].any()
    assert np.abs(y - late(x)).max() > 1e-3


@pytest.mark.parametrize("cutoff_hz", [5003.7, None])
def test_after_the_tail_and_after_a_reset_a_decoder_is_as_new(cutoff_hz):
    x = music(2, 3.6)  # seven blocks with the tail: the carrier of an odd bin is turned after them
    one = decoder(2, cutoff_hz)
    expected = decode(one, x)
    assert np.abs(expected - late(x)).max() > 1e-4
    assert one.cutoff_hz == cutoff_hz
    assert one.limited_frames == 0
    np.testing.assert_array_equal(decode(one, x), expected)
    one.process(x[:, :77777])
    one.process(None, 1000)
    one.reset()
    np.testing.assert_array_equal(decode(one, x), expected)


@pytest.mark.parametrize("phase", MEMORYLESS)
@pytest.mark.parametrize("exponent", [-38, -20, -5, 0, 6, 20, 38])
def test_any_finite_samples_give_finite_samples_and_do_no_lasting_harm(exponent, phase):
    one = decoder(2, phase=phase)
    loud = np.float32(10.0**exponent) * np.random.default_rng(0).uniform(-1, 1, (2, 60000))
    with np.errstate(invalid="raise", divide="raise"):
        assert np.isfinite(one.process(loud.astype(np.float32))).all()
        x = music(2, 2.0)
        y = one.process(x)
    assert np.isfinite(y).all()
    assert np.abs(y[:, CQT_LATENCY + 2 * HOP :]).max() < 10


def test_full_scale_square_waves_stay_bounded():
    x = np.sign(np.sin(2 * np.pi * 997 / SAMPLE_RATE * np.arange(90000)))[None].astype(np.float32)
    y = decode(decoder(1), x)
    assert np.isfinite(y).all()
    assert np.abs(y).max() < 10


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused_and_change_nothing(bad):
    x = music(2, 1.5)
    expected = decode(decoder(2), x)
    one = decoder(2)
    first = one.process(x[:, :30000])
    broken = x[:, 30000:34000].copy()
    broken[1, -1] = bad
    with pytest.raises(AudioError, match="finite samples, received NaN or infinite"):
        one.process(broken)
    rest = decode(one, x[:, 30000:])
    np.testing.assert_array_equal(np.concatenate([first, rest], axis=1), expected)


# Lost input.


def test_the_high_band_of_lost_samples_fades_out_and_comes_back_without_a_click(monkeypatch):
    monkeypatch.setattr("tfbwe.extension.cqt.BlockStream.process", lambda self, x: np.ones_like(x))
    x = np.zeros((1, 200000), np.float32)
    one = decoder(1)
    one.process(x[:, :10000])
    one.process(None, 300)
    one.process(None, 4700)
    weights = one.process(x)[0, CQT_LATENCY - 15000 :]
    one.reset()
    assert one.process(x).min() == 1
    assert (weights[:10000] == 1).all()
    np.testing.assert_allclose(weights[10000:12205], 1 - np.arange(1, 2206) / 2205, atol=1e-6)
    assert (weights[12204:15000] == 0).all()
    np.testing.assert_allclose(weights[15000:15441], np.arange(1, 442) / 441, atol=1e-6)
    assert (weights[15441:] == 1).all()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    runs=st.lists(st.tuples(st.booleans(), st.integers(0, 9000)), max_size=6),
    places=st.lists(st.integers(0, 66150), max_size=12),
)
def test_how_losses_are_reported_in_pieces_does_not_matter(runs, places):
    x = music(1, 1.5)
    lost = np.concatenate([np.zeros(20000, bool), *(np.full(length, was) for was, length in runs)])
    lost = np.concatenate([lost, np.zeros(x.shape[1], bool)])[: x.shape[1]]
    changes = [0, *(np.flatnonzero(np.diff(lost)) + 1), len(lost)]

    def run(edges):
        one = decoder(1)
        parts = []
        for start, stop in pairwise(edges):
            gone = stop > start and lost[start]
            parts.append(one.process(None if gone else x[:, start:stop], stop - start if gone else 0))
        return np.concatenate([*parts, one.flush()], axis=1)

    expected = run(changes)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(run(sorted([*changes, *places])), expected)


def test_a_loss_fades_out_and_the_music_comes_back_as_it_was():
    x = music(2, 4.0)
    whole = decode(decoder(2), x)
    one = decoder(2)
    parts = [one.process(x[:, :60000]), one.process(None, 9000), one.process(x[:, 69000:])]
    y = np.concatenate([*parts, one.flush()], axis=1)
    gap = x.copy()
    gap[:, 60000:69000] = 0
    added, expected = y - late(gap), whole - late(x)
    assert not added[:, CQT_LATENCY + 60000 + 2205 : CQT_LATENCY + 69000].any()
    np.testing.assert_array_equal(y[:, : CQT_LATENCY + HOP], whole[:, : CQT_LATENCY + HOP])
    # From the first block on that begins behind the gap, all but the stereo image is the same.
    behind = slice(CQT_LATENCY + 4 * HOP + 1, None)
    difference = added[:, behind] - expected[:, behind]
    assert (difference**2).sum() < 1e-3 * (expected[:, behind] ** 2).sum()
