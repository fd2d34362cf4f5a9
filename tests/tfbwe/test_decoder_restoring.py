"""What a decoder does about a condition: it undoes a gentle one, and leaves alone what a sharp one left."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.decoding import (
    BUNDLE,
    CQT_BUNDLE,
    CUTOFF_HZ,
    KnownNetwork,
    cut,
    decode,
    delayed,
)
from tests.helpers.restoring import brick_wall, gentle, measured, music, needed, rounded
from tfbwe.cqt import BLOCK_LENGTH, CQT
from tfbwe.decoder import Decoder
from tfbwe.model.bundle import Bundle, load_bundle
from tfbwe.restoration.statistics import CENTRES_HZ, LongTerm
from tfbwe.stft import BIN_HZ, SAMPLE_RATE

BUNDLES = {"stft": BUNDLE, "cqt": CQT_BUNDLE}
SHIPPED = {"stft": BUNDLE, "cqt": load_bundle("cqt"), "wave": load_bundle("stft")}
SECONDS = 5.0


class TrueNetwork(KnownNetwork):
    """Takes the networks' place and knows what undoes the condition; synthesises nothing."""

    def restoring(self, statistics):
        return needed()[None]


class LoudNetwork(TrueNetwork):
    """Synthesises too."""

    log_residual = 6.0


@pytest.fixture
def true_network(monkeypatch):
    monkeypatch.setattr("tfbwe.decoder.StepModel", TrueNetwork)


@pytest.fixture
def loud_network(monkeypatch):
    monkeypatch.setattr("tfbwe.decoder.StepModel", LoudNetwork)


ORIGINAL = rounded(music(SECONDS))


def float32(x):
    return np.asarray(x, np.float32)


def stereo(x):
    return float32(np.concatenate([x, 0.5 * x]))


def walled():
    return float32(rounded(brick_wall(ORIGINAL)))


def weak():
    return float32(rounded(gentle(ORIGINAL)))


def known(x):
    found = LongTerm()
    found.update(x)
    return found.moments


def snr_db(y, original, low_hz=7000.0, high_hz=11000.0, from_s=0.0):
    """Ratio of signal to error in a band; later than a time, away from the end."""
    start = round(from_s * SAMPLE_RATE)
    powers = []
    for x in (original, y - original):
        part = x[:, start:-4000] * np.hanning(x.shape[1] - start - 4000)
        hz = np.fft.rfftfreq(part.shape[1], 1 / SAMPLE_RATE)
        powers.append((np.abs(np.fft.rfft(part)[:, (low_hz <= hz) & (hz < high_hz)]) ** 2).sum())
    return 10 * np.log10(powers[0] / powers[1])


def restored(decoder, x):
    """What a decoder makes of a signal, aligned with it."""
    return decode(decoder, x)[:, decoder.latency :]


# Nothing weak is left above the cutoff.


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
@pytest.mark.parametrize("model", BUNDLES)
@pytest.mark.usefixtures("loud_network")
def test_after_a_brick_wall_without_a_diffuse_term_nothing_changes_at_all(model, beforehand):
    x = stereo(walled())
    decoder = Decoder(BUNDLES[model], 2, CUTOFF_HZ, 0.0, known=known(x) if beforehand else None)
    np.testing.assert_array_equal(decode(decoder, x), delayed(x, decoder.latency))


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
@pytest.mark.parametrize("model", SHIPPED)
def test_a_shipped_model_changes_nothing_after_a_brick_wall_without_a_diffuse_term(model, beforehand):
    x = walled()
    decoder = Decoder(SHIPPED[model], 1, CUTOFF_HZ, 0.0, known=known(x) if beforehand else None)
    np.testing.assert_array_equal(decode(decoder, x), delayed(x, decoder.latency))


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
@pytest.mark.usefixtures("loud_network")
def test_after_a_brick_wall_no_bin_below_the_cutoff_is_touched(monkeypatch, beforehand):
    """With the diffuse term in full: to the bit in the spectrum that is added."""
    added = []

    def synthesise(spectrum):
        added.append(spectrum)
        return np.zeros((*spectrum.shape[:2], 2048), np.float32)

    monkeypatch.setattr("tfbwe.extension.stft.synthesise", synthesise)
    x = stereo(walled())
    decode(Decoder(BUNDLE, 2, CUTOFF_HZ, known=known(x) if beforehand else None), x)
    spectrum = np.concatenate(added)
    below = np.arange(spectrum.shape[-1]) * BIN_HZ < CUTOFF_HZ
    assert not spectrum[..., below].any()
    assert np.abs(spectrum[..., ~below]).max() > 1e-2


@pytest.mark.usefixtures("loud_network")
def test_after_a_brick_wall_no_band_below_the_cutoff_is_touched(monkeypatch):
    lowest_hz = []

    def inverse(cqt, spectrum, bands):
        lowest_hz.append(cqt.frequencies[bands.start])
        assert np.abs(spectrum).max() > 1e-3
        return np.zeros((spectrum.shape[0], BLOCK_LENGTH), np.float32)

    monkeypatch.setattr(CQT, "inverse", inverse)
    decode(Decoder(CQT_BUNDLE, 2, CUTOFF_HZ), stereo(walled()))
    assert len(lowest_hz) > 5
    assert min(lowest_hz) >= CUTOFF_HZ


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
@pytest.mark.parametrize("model", BUNDLES)
def test_after_a_brick_wall_the_output_is_that_of_a_decoder_that_restores_nothing(
    monkeypatch, model, beforehand
):
    x = walled()
    outputs = []
    for network in (LoudNetwork, KnownNetwork):
        monkeypatch.setattr("tfbwe.decoder.StepModel", network)
        monkeypatch.setattr(KnownNetwork, "log_residual", 6.0)
        decoder = Decoder(BUNDLES[model], 1, CUTOFF_HZ, known=known(x) if beforehand else None)
        outputs.append(decode(decoder, x))
    np.testing.assert_array_equal(*outputs)
    assert np.abs(outputs[0] - delayed(x, decoder.latency)).max() > 1e-4


@pytest.mark.parametrize("model", SHIPPED)
def test_after_a_brick_wall_what_is_added_lies_above_the_cutoff(model):
    x = walled()
    added = restored(Decoder(SHIPPED[model], 1, CUTOFF_HZ), x).astype(np.float64) - x
    power = np.abs(np.fft.rfft(added * np.hanning(added.shape[1]))) ** 2
    hz = np.fft.rfftfreq(added.shape[1], 1 / SAMPLE_RATE)
    assert power.sum() > 0
    assert 10 * np.log10(power[:, hz < CUTOFF_HZ - 500].sum() / power.sum()) < -50


# Something weak is left.


@pytest.mark.parametrize("model", BUNDLES)
@pytest.mark.usefixtures("true_network")
def test_a_gentle_low_pass_is_undone(model):
    x = weak()
    before = snr_db(x, ORIGINAL, from_s=2.5)
    y = restored(Decoder(BUNDLES[model], 1, CUTOFF_HZ), x)
    assert snr_db(y, ORIGINAL, from_s=2.5) > before + 10
    whole = restored(Decoder(BUNDLES[model], 1, CUTOFF_HZ, known=known(x)), x)
    assert snr_db(whole, ORIGINAL) > before + 10  # from the first sample on


@pytest.mark.parametrize("model", SHIPPED)
def test_a_shipped_model_brings_music_nearer_to_the_original(model):
    x = weak()
    for beforehand in (None, known(x)):
        y = restored(Decoder(SHIPPED[model], 1, CUTOFF_HZ, 0.0, known=beforehand), x)
        assert snr_db(y, ORIGINAL, from_s=2.5) > snr_db(x, ORIGINAL, from_s=2.5) + 1


@pytest.mark.parametrize("model", BUNDLES)
@pytest.mark.usefixtures("true_network")
def test_what_is_restored_lies_above_the_crossover(model):
    x = weak()
    added = restored(Decoder(BUNDLES[model], 1, CUTOFF_HZ, known=known(x)), x).astype(np.float64) - x
    power = np.abs(np.fft.rfft(added * np.hanning(added.shape[1]))) ** 2
    hz = np.fft.rfftfreq(added.shape[1], 1 / SAMPLE_RATE)
    assert 10 * np.log10(power[:, hz < 0.8 * CUTOFF_HZ - 1000].sum() / power.sum()) < -60


@pytest.mark.parametrize("model", BUNDLES)
def test_a_known_gain_multiplies_what_was_received_in_its_place(monkeypatch, model):
    monkeypatch.setattr("tfbwe.decoder.StepModel", KnownNetwork)
    monkeypatch.setattr(KnownNetwork, "log_gain", float(np.log(3.0)))
    x = stereo(ORIGINAL)
    y = restored(Decoder(BUNDLES[model], 2, CUTOFF_HZ, 0.0, known=known(x)), x)
    assert snr_db(y, 3 * x, 7000, 14000) > 15


@pytest.mark.parametrize("model", SHIPPED)
def test_silence_stays_silence_whatever_came_before(model):
    x, silence = weak(), np.zeros((1, 100000), np.float32)
    for beforehand in (None, known(x)):
        decoder = Decoder(SHIPPED[model], 1, CUTOFF_HZ, known=beforehand)
        y = restored(decoder, np.concatenate([silence, x, silence], axis=1))
        assert not y[:, :60000].any()
        assert not y[:, -60000:].any()


# Blocks of any size, and starting anew.


def decoders(beforehand):
    """One of each kind, mono."""
    return [Decoder(bundle, 1, CUTOFF_HZ, known=beforehand) for bundle in SHIPPED.values()]


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
def test_any_block_sizes_give_the_same_bits_while_something_is_restored(beforehand):
    x = weak()[:, : 2 * SAMPLE_RATE]
    for decoder in decoders(known(x) if beforehand else None):
        expected = decode(decoder, x)
        for sizes in ([100] * 900, [511, 513, 2048, 40000, 1, 1], [30011] * 3):
            np.testing.assert_array_equal(decode(decoder, x, cut(x.shape[1], sizes)), expected)


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(0, 30000) | st.sampled_from([1, 512, 513, 2048, 24576]), max_size=12))
def test_any_block_sizes_give_the_same_bits_whatever_the_network_knows(sizes):
    x = weak()[:, : 2 * SAMPLE_RATE]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfbwe.decoder.StepModel", LoudNetwork)
        for bundle in BUNDLES.values():
            decoder = Decoder(bundle, 1, CUTOFF_HZ)
            expected = decode(decoder, x)
            assert np.abs(expected - delayed(x, decoder.latency)).max() > 1e-3
            np.testing.assert_array_equal(decode(decoder, x, cut(x.shape[1], sizes)), expected)


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
def test_after_the_tail_and_after_a_reset_a_decoder_is_as_new(beforehand):
    x = weak()[:, : 2 * SAMPLE_RATE]
    for decoder in decoders(known(x) if beforehand else None):
        expected = decode(decoder, x)
        np.testing.assert_array_equal(decode(decoder, x), expected)
        decoder.process(x[:, :50000])
        decoder.reset()
        np.testing.assert_array_equal(decode(decoder, x), expected)


def test_what_is_known_beforehand_makes_a_difference_from_the_first_half_second_on():
    x = weak()[:, : 2 * SAMPLE_RATE]
    for stream, whole in zip(decoders(None), decoders(known(x)), strict=True):
        first = slice(stream.latency + 4096, stream.latency + 15000)
        assert np.abs(decode(whole, x)[:, first] - decode(stream, x)[:, first]).max() > 1e-5


def test_the_caller_s_statistics_are_not_changed():
    x = weak()
    rows = known(x)
    kept = rows.copy()
    for decoder in decoders(rows):
        decoder.process(x)
    np.testing.assert_array_equal(rows, kept)


# Without a restoring network.


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_model_without_a_restoring_network_restores_nothing(model):
    bundle = SHIPPED[model]
    plain = Bundle("plain.tflite", dataclasses.replace(bundle.manifest, restoring={}), bundle.flatbuffer)
    x = weak()
    for beforehand in (None, known(x)):
        decoder = Decoder(plain, 1, CUTOFF_HZ, 0.0, known=beforehand)
        np.testing.assert_array_equal(decode(decoder, x), delayed(x, decoder.latency))
    assert (decode(Decoder(plain, 1, CUTOFF_HZ), x) != delayed(x, decoder.latency)).any()


def test_music_that_a_band_is_measured_of_falls_where_the_filter_does():
    """The helper's word on what is needed: no more than moments before and after say."""
    before, after = measured(ORIGINAL), measured(gentle(ORIGINAL))
    inside = (CENTRES_HZ > 6000) & (CENTRES_HZ < 11000)
    found = 0.5 * np.log(before[0, inside] / after[0, inside])
    np.testing.assert_allclose(found, needed()[inside], atol=0.15)
