import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.decoding import (
    ABOVE_RANGE_HZ,
    BUNDLE,
    CUTOFF_HZ,
    LATENCY,
    KnownNetwork,
    cut,
    decode,
    delayed,
    music,
    noise,
)
from tfbwe.decoder import Decoder
from tfbwe.errors import AudioError, ConfigError, ModelError
from tfbwe.phase import PHASES
from tfbwe.stft import SAMPLE_RATE, stft

BLOCKS = st.lists(st.sampled_from([0, 1, 1, 2, 511, 512, 513, 2047, 2048, 2049, 9000]) | st.integers(0, 6000))


@settings(max_examples=25, deadline=None)
@given(
    channels=st.sampled_from([1, 2, 3, 8]),
    sizes=BLOCKS,
    cutoff_hz=st.sampled_from([CUTOFF_HZ, 5003.7]),
    phase=st.sampled_from(list(PHASES)),
)
def test_any_block_sizes_give_the_same_bits(channels, sizes, cutoff_hz, phase):
    x = music(channels)
    decoder = Decoder(BUNDLE, channels, cutoff_hz, phase=phase)
    expected = decode(decoder, x)
    assert np.abs(expected - delayed(x)).max() > 1e-4
    np.testing.assert_array_equal(decode(decoder, x, cut(x.shape[1], sizes)), expected)


@pytest.fixture(scope="module")
def tracked():
    """Return music, and what becomes of it when the cutoff is found on the way."""
    x = music(1, 3.4)
    decoder = Decoder(BUNDLE, 1)
    parts = [decoder.process(x[:, start : start + 512]) for start in range(0, x.shape[1], 512)]
    assert decoder.cutoff_hz == pytest.approx(CUTOFF_HZ, rel=0.03)
    return x, np.concatenate([*parts, decoder.flush()], axis=1)


@settings(max_examples=8, deadline=None)
@given(sizes=BLOCKS)
def test_any_block_sizes_give_the_same_bits_while_the_cutoff_is_tracked(tracked, sizes):
    x, expected = tracked
    start = np.flatnonzero((expected != delayed(x)).any(axis=0))[0]
    assert 1.5 * SAMPLE_RATE < start < 3 * SAMPLE_RATE
    cuts = [*cut(60000, sizes), *(start - 4096 + place for place in cut(30000, sizes))]
    np.testing.assert_array_equal(decode(Decoder(BUNDLE, 1), x, cuts), expected)


def test_samples_one_by_one_give_the_same_bits():
    x = music(1, 0.15)
    expected = decode(Decoder(BUNDLE, 1, CUTOFF_HZ), x)
    np.testing.assert_array_equal(decode(Decoder(BUNDLE, 1, CUTOFF_HZ), x, range(x.shape[1])), expected)


@pytest.mark.parametrize("samples", [0, 1, 511, 512, 2047, 2048, 2049, 5000])
@pytest.mark.parametrize("cutoff_hz", [CUTOFF_HZ, ABOVE_RANGE_HZ, None])
def test_output_is_as_long_as_the_input_and_the_tail_as_the_latency(samples, cutoff_hz):
    decoder = Decoder(BUNDLE, 2, cutoff_hz)
    assert decoder.latency == LATENCY
    x = music()[:, :samples]
    assert decoder.process(x).shape == (2, samples)
    assert decoder.flush().shape == (2, LATENCY)


@pytest.mark.parametrize("channels", range(1, 9))
def test_where_nothing_is_to_be_added_the_input_comes_back_to_the_bit_after_the_latency(channels):
    x = np.random.default_rng(0).uniform(-3, 3, (channels, 7001)).astype(np.float32)
    for cutoff_hz in (ABOVE_RANGE_HZ, 22050):
        y = decode(Decoder(BUNDLE, channels, cutoff_hz), x, [100, 4000])
        np.testing.assert_array_equal(y, delayed(x))
    quiet = music(channels)
    np.testing.assert_array_equal(
        decode(Decoder(BUNDLE, channels), quiet), delayed(quiet)
    )  # no cutoff found yet


def test_nothing_is_added_for_outputs_of_zero(known_network):
    known_network(0.0)
    x = np.random.default_rng(0).uniform(-1, 1, (2, 7000)).astype(np.float32)
    np.testing.assert_array_equal(decode(Decoder(BUNDLE, 2, CUTOFF_HZ), x), delayed(x))


def test_known_residuals_fill_the_band_above_the_cutoff_to_the_wanted_level(known_network):
    known_network(5.0)
    x = noise(1, 30000, 7000.0, 1e-3)
    added = decode(Decoder(BUNDLE, 1, CUTOFF_HZ), x)[:, LATENCY:] - x
    magnitude = np.abs(stft(added))[0, 8:-8]
    target = 1e-4 * np.expm1(5.0)
    rms = np.sqrt(np.mean(magnitude[:, 400:720] ** 2))
    assert rms == pytest.approx(target, rel=0.25)
    assert magnitude[:, :330].max() < 0.1 * target


def test_the_received_band_is_left_alone_below_the_cutoff(known_network):
    known_network(8.0)
    x = music(2, 2.0)
    added = decode(Decoder(BUNDLE, 2, CUTOFF_HZ), x)[:, LATENCY:].astype(np.float64) - x
    power = np.abs(np.fft.rfft(added * np.hanning(added.shape[1]))) ** 2
    hz = np.fft.rfftfreq(added.shape[1], 1 / SAMPLE_RATE)
    below = power[:, hz < CUTOFF_HZ - 500].sum()
    assert power.sum() > 1
    assert 10 * np.log10(below / power.sum()) < -80


@pytest.mark.parametrize("cutoff_hz", [CUTOFF_HZ, None])
def test_silence_stays_silence(cutoff_hz):
    assert not decode(Decoder(BUNDLE, 3, cutoff_hz), np.zeros((3, 30000), np.float32)).any()


def test_silence_after_music_becomes_silence():
    x = music(2)
    y = decode(Decoder(BUNDLE, 2, CUTOFF_HZ), np.concatenate([x, np.zeros((2, 30000), np.float32)], axis=1))
    assert not y[:, x.shape[1] + 2 * LATENCY :].any()


@pytest.mark.parametrize("cutoff_hz", [CUTOFF_HZ, None])
def test_after_the_tail_a_decoder_is_as_new(cutoff_hz):
    x = music(2, 3.5)
    decoder = Decoder(BUNDLE, 2, cutoff_hz)
    first = decode(decoder, x)
    assert np.abs(first - delayed(x)).max() > 1e-4
    assert decoder.cutoff_hz == cutoff_hz
    assert decoder.limited_frames == 0
    np.testing.assert_array_equal(decode(decoder, x), first)


def test_reset_in_the_middle_forgets_everything():
    x = music()
    decoder = Decoder(BUNDLE, 2, 5003.7)
    expected = decode(decoder, x)
    for samples in (1, 700, 12345):
        decoder.process(x[:, :samples])
        decoder.process(None, 100)
        decoder.reset()
        np.testing.assert_array_equal(decode(decoder, x), expected)


def test_channels_do_not_hear_each_other_s_network(monkeypatch):
    read = []

    class Recorder(KnownNetwork):
        def step(self, features):
            read.append(features)
            return super().step(features)

    monkeypatch.setattr("tfbwe.decoder.StepModel", Recorder)
    x = music(2)
    x[1] = 0
    for channels in (2, 1):
        Decoder(BUNDLE, channels, CUTOFF_HZ).process(x[:channels])
    both, alone = read[: len(read) // 2], read[len(read) // 2 :]
    for one, other in zip(both, alone, strict=True):
        np.testing.assert_array_equal(one[:1], other)
        assert (one[1] == one[1, 0]).all()


def test_a_silent_channel_beside_a_loud_one_stays_silent():
    x = music(3)
    x[1] = 0
    y = decode(Decoder(BUNDLE, 3, CUTOFF_HZ), x)
    assert not y[1].any()
    assert np.abs(y - delayed(x)).max() > 1e-4


@settings(max_examples=15, deadline=None)
@given(exponent=st.floats(-38, 38), channels=st.sampled_from([1, 2]), phase=st.sampled_from(list(PHASES)))
def test_any_finite_samples_give_finite_samples_and_do_no_lasting_harm(exponent, channels, phase):
    decoder = Decoder(BUNDLE, channels, CUTOFF_HZ, phase=phase)
    sizes = np.float32(10.0**exponent) * np.random.default_rng(0).uniform(-1, 1, (channels, 6000))
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(decoder.process(sizes.astype(np.float32))).all()
        x = music(channels)
        y = decoder.process(x)
    assert np.isfinite(y).all()
    assert np.abs(y[:, 4 * LATENCY :]).max() < 10


# Bad input.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_and_change_nothing(bad):
    x = music()
    expected = decode(Decoder(BUNDLE, 2, CUTOFF_HZ), x)
    decoder = Decoder(BUNDLE, 2, CUTOFF_HZ)
    first = decoder.process(x[:, :7000])
    broken = x[:, 7000:9000].copy()
    broken[1, -1] = bad
    with pytest.raises(AudioError, match="finite samples, received NaN or infinite"):
        decoder.process(broken)
    rest = decode(decoder, x[:, 7000:])
    np.testing.assert_array_equal(np.concatenate([first, rest], axis=1), expected)


@pytest.mark.parametrize("shape", [(3, 100), (100, 2), (200,), (1, 2, 100), ()])
def test_blocks_of_another_shape_are_refused(shape):
    with pytest.raises(AudioError, match=r"expected shape \(2, samples\), received"):
        Decoder(BUNDLE, 2, CUTOFF_HZ).process(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("channels", 0, "1 to 8"),
        ("channels", 9, "1 to 8"),
        ("cutoff_hz", 0.0, "22050"),
        ("cutoff_hz", -1.0, "22050"),
        ("cutoff_hz", 22050.5, "22050"),
        ("cutoff_hz", np.nan, "22050"),
        ("diffuse", -0.1, "0 to 1"),
        ("diffuse", 1.1, "0 to 1"),
        ("diffuse", np.nan, "0 to 1"),
        ("phase", "griffin-lim", "received, mirror, pghi"),
        ("channels", 1.5, "whole number"),
        ("channels", True, "whole number"),
        ("channels", "2", "whole number"),
        ("cutoff_hz", "auto", "22050"),
        ("diffuse", None, "0 to 1"),
        ("phase", ["mirror"], "received, mirror"),
    ],
)
def test_settings_out_of_range_are_refused(setting, value, expected):
    with pytest.raises(ConfigError, match=f"^{setting}: expected .*{expected}.*, received"):
        Decoder(BUNDLE, **{"channels": 2, setting: value})


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.uint8, np.complex64, bool, object])
def test_samples_that_are_not_floating_point_are_refused(dtype):
    decoder = Decoder(BUNDLE, 2, CUTOFF_HZ)
    with pytest.raises(AudioError, match=r"^block: expected floating-point samples in \[-1, 1\], received"):
        decoder.process(np.ones((2, 100), dtype))
    with pytest.raises(AudioError, match="rows of different lengths"):
        decoder.process([[0.0], [0.0, 0.0]])


def test_a_model_that_is_not_there_is_refused():
    with pytest.raises(ModelError, match="no such model"):
        Decoder("no such model", 2)


def test_a_float64_block_gives_the_bits_of_its_float32_values():
    x = music(1)
    expected = decode(Decoder(BUNDLE, 1, CUTOFF_HZ), x)
    np.testing.assert_array_equal(decode(Decoder(BUNDLE, 1, CUTOFF_HZ), x.astype(np.float64)), expected)


def test_the_caller_s_block_is_neither_kept_nor_changed():
    x = music(1)
    expected = decode(Decoder(BUNDLE, 1, CUTOFF_HZ), x)
    decoder = Decoder(BUNDLE, 1, CUTOFF_HZ)
    block, parts = np.empty((1, 1000), np.float32), []
    for start in range(0, x.shape[1] - 1000, 1000):
        block[:] = x[:, start : start + 1000]
        parts.append(decoder.process(block))
        np.testing.assert_array_equal(block, x[:, start : start + 1000])
        block[:] = np.nan
    y = np.concatenate(parts, axis=1)
    np.testing.assert_array_equal(y, expected[:, : y.shape[1]])


def test_one_integrated_phase_serves_all_channels_and_leaves_the_received_band_alone():
    x = music(2)
    x[1] *= 0.5
    y = {phase: decode(Decoder(BUNDLE, 2, CUTOFF_HZ, phase=phase), x) for phase in ("pghi", "mirror")}
    window = np.hanning(y["pghi"].shape[1])
    added = {phase: np.abs(np.fft.rfft((out - delayed(x)) * window)) for phase, out in y.items()}
    hertz = np.fft.rfftfreq(y["pghi"].shape[1], 1 / SAMPLE_RATE)
    low, high = hertz < 0.7 * CUTOFF_HZ, hertz > CUTOFF_HZ
    assert added["pghi"][:, low].max() < 1e-3 * added["pghi"][:, high].max()
    levels = {phase: np.sqrt((power[:, high] ** 2).sum()) for phase, power in added.items()}
    assert 0.7 < levels["pghi"] / levels["mirror"] < 1.4
    left, right = decode(Decoder(BUNDLE, 2, CUTOFF_HZ, phase="pghi"), x) - delayed(x)
    assert np.corrcoef(left, right)[0, 1] > 0.8


def test_a_cutoff_found_late_finds_the_integration_up_to_date():
    """Frames without a high band are followed too: with a tracked cutoff, however the samples are cut."""
    x = np.concatenate([np.zeros((1, 5000), np.float32), noise(1, 150000, 7000.0, 0.1)], axis=1)
    decoder = Decoder(BUNDLE, 1, phase="pghi")
    expected = decode(decoder, x)
    assert np.abs(expected - delayed(x)).max() > 1e-4
    np.testing.assert_array_equal(decode(decoder, x, range(700, x.shape[1], 700)), expected)
