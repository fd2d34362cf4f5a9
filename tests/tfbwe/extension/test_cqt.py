import numpy as np
import pytest

from tests.helpers.decoding import (
    CQT_BUNDLE,
    CQT_LATENCY,
    CUTOFF_HZ,
    AlertNetwork,
    KnownNetwork,
    music,
    noise,
)
from tfbwe.cqt import BLOCK_LENGTH, CQT
from tfbwe.cqt.stream import CQTAnalysis
from tfbwe.errors import ConfigError
from tfbwe.extension.cqt import CqtExtension
from tfbwe.phase.mirror import MEMORYLESS, mirrored, unit
from tfbwe.restoration.stream import Restored
from tfbwe.stft import HOP_LENGTH, SAMPLE_RATE, stft

CQT_DEFAULT = CQT()
HOP = 24576
BIN_HZ = SAMPLE_RATE / BLOCK_LENGTH


class TrueNetwork(KnownNetwork):
    """Takes the network's place and knows the original, block by block."""

    original = ()

    def step(self, features):
        magnitude = np.abs(next(self.original))[..., 1 : 1 + self.bins]
        return np.asarray(np.log(magnitude + 1e-4) - (3 * features - 5), np.float32)


@pytest.fixture
def extend(monkeypatch):
    """Return a way to extend a signal by the original's magnitudes; (channels, samples), aligned."""

    def run(received, original, cutoff_hz, **more):
        padded = np.pad(original, ((0, 0), (0, 2 * BLOCK_LENGTH)))
        blocks = CQTAnalysis(CQT_DEFAULT, len(original)).process(padded)
        monkeypatch.setattr(TrueNetwork, "original", iter(blocks))
        settings = {"diffuse": 1.0, "phase": "mirror", **more}
        model = TrueNetwork(CQT_BUNDLE, len(original))
        extension = CqtExtension(model, len(original), cutoff_hz, **settings)
        tail = np.zeros((len(original), extension.latency), np.float32)
        high = np.concatenate([extension.process(received, 0), extension.process(tail, 0)], axis=1)
        return received + high[:, extension.latency :]

    return run


def low_passed(x, cutoff_hz):
    spectrum = np.fft.rfft(x)
    spectrum[:, np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE) > cutoff_hz] = 0
    return np.fft.irfft(spectrum, x.shape[1]).astype(np.float32)


def power_db(x, low_hz, high_hz):
    hz = np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE)
    return 10 * np.log10((np.abs(np.fft.rfft(x)[:, (hz >= low_hz) & (hz < high_hz)]) ** 2).sum())


@pytest.mark.parametrize("phase", MEMORYLESS)
@pytest.mark.parametrize("channels", [1, 2])
def test_true_residuals_restore_the_level_of_the_spectrum(extend, channels, phase):
    original = music(channels, 3.0, cutoff_hz=20000.0)
    received = low_passed(original, CUTOFF_HZ)
    y = extend(received, original, CUTOFF_HZ, phase=phase)
    # What was received has no phase above the cutoff but that of rounding noise, which is NumPy's.
    off_db = 3.5 if phase == "received" else 2.7
    for low_hz, high_hz in [(8100, 9500), (9500, 11500), (11500, 13500), (13500, 15900)]:
        assert power_db(y, low_hz, high_hz) == pytest.approx(power_db(original, low_hz, high_hz), abs=off_db)
    assert power_db(received, 8500, 15900) < power_db(original, 8500, 15900) - 40


def modulated(cutoff_bin, seconds=2.5, folds=1):
    """Return noise below a cutoff, and the same times a carrier of twice the cutoff, without aliasing."""
    cutoff_hz = cutoff_bin * BIN_HZ
    x = noise(1, round(seconds * SAMPLE_RATE), cutoff_hz - 200, 0.1)
    x -= low_passed(x, 400.0)  # nothing near 0 Hz either: folds do not meet
    t = np.arange(x.shape[1]) / SAMPLE_RATE
    return x, x * 2 * np.cos(2 * np.pi * 2 * folds * cutoff_hz * t)


@pytest.mark.parametrize("cutoff_bin", [3715, 4002, 5217, 5944])
def test_true_magnitudes_of_a_modulated_signal_bring_it_back_across_the_borders_of_blocks(extend, cutoff_bin):
    cutoff_hz = (cutoff_bin + 0.01) * BIN_HZ
    received, high = modulated(cutoff_bin)
    original = (received + low_passed(high, min(2 * cutoff_bin * BIN_HZ, 15500.0))).astype(np.float32)
    error = (extend(received, original, cutoff_hz) - original)[0]
    powers = [
        (part**2).reshape(-1, 1024).sum(axis=1)
        for part in (error[:107520], (original - received)[0, :107520])
    ]
    assert powers[1].max() < 4 * powers[1].min()
    assert 10 * np.log10(powers[0] / powers[1]).max() < -18


@pytest.mark.parametrize("folds", [1, 2])
@pytest.mark.parametrize("cutoff_bin", [2500, 2501, 2503])
def test_mirror_is_the_phase_of_the_signal_times_a_carrier_of_twice_the_cutoff(cutoff_bin, folds):
    received, high = (
        np.pad(x, ((0, 0), (HOP // 3, 0)))[:, : 3 * HOP + BLOCK_LENGTH]
        for x in modulated(cutoff_bin, folds=folds)
    )
    upper = CQT_DEFAULT.frequencies / BIN_HZ
    inside = (upper > (2 * folds - 1) * cutoff_bin + 400) & (upper < (2 * folds + 1) * cutoff_bin - 400)
    for block in range(4):
        part = slice(block * HOP, block * HOP + BLOCK_LENGTH)
        start = np.array([3 * block - 1])
        window = np.hanning(BLOCK_LENGTH)
        spectrum = CQT_DEFAULT.spectrum(received[:, part] * window)[None]
        folded = mirrored(spectrum, start, cutoff_bin, range(BLOCK_LENGTH // 2 + 1))
        phasors = unit(CQT_DEFAULT.bands(folded[0]))[..., inside]
        expected = CQT_DEFAULT.forward((high[:, part] * window).astype(np.float32))[..., inside]
        turned = expected * phasors.conj()
        assert np.abs(turned - np.abs(expected)).max() < 0.01 * np.abs(expected).max()
        assert np.abs(expected).max() > 1


def test_the_folded_spectrum_is_that_of_a_real_signal_below_the_cutoff():
    spectrum = CQT_DEFAULT.spectrum(noise(2, BLOCK_LENGTH, 21000.0, 0.1))
    folded = mirrored(spectrum[None], np.array([5]), 6000, range(BLOCK_LENGTH // 2 + 1))[0]
    np.testing.assert_array_equal(folded[:, :6000], spectrum[:, :6000])


def test_the_network_reads_the_log_magnitudes_of_the_windowed_block_up_to_the_cutoff():
    read = []

    class Recorder(KnownNetwork):
        def step(self, features):
            read.append(features.copy())
            return super().step(features)

    x = music(2, 2.0)
    CqtExtension(Recorder(CQT_BUNDLE, 2), 2, CUTOFF_HZ, 1.0, "mirror").process(x, 0)
    blocks = CQTAnalysis(CQT_DEFAULT, 2).process(x)
    assert len(read) == len(blocks) == 3
    for features, block in zip(read, blocks, strict=True):
        assert features.shape == (2, 448, 400)
        assert features.dtype == np.float32
        magnitude = np.abs(block[..., 1:401]) * (CQT_DEFAULT.frequencies[1:401] <= CUTOFF_HZ)
        expected = (np.log(magnitude + 1e-4) + 5) / 3
        np.testing.assert_allclose(features, expected, atol=1e-4)


def test_the_stereo_image_goes_on_from_block_to_block(extend):
    """Level differences that last are those of the original, those that flutter are smoothed."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 4 * HOP)) * 0.05
    x[1] *= 0.25
    original = low_passed(x, 20000.0)
    received = low_passed(original, CUTOFF_HZ)
    y = extend(received, original, CUTOFF_HZ)
    pieces = np.split(low_passed(y, 15500.0) - low_passed(y, 8500.0), 16, axis=1)[2:14]
    levels = [10 * np.log10((piece[0] ** 2).sum() / (piece[1] ** 2).sum()) for piece in pieces]
    np.testing.assert_allclose(levels, 10 * np.log10(16), atol=1.0)


def test_limited_frames_are_counted_once_each(monkeypatch):
    monkeypatch.setattr(KnownNetwork, "log_residual", 14.0)
    extension = CqtExtension(KnownNetwork(CQT_BUNDLE, 1), 1, CUTOFF_HZ, 1.0, "mirror")
    extension.process(noise(1, 3 * HOP, CUTOFF_HZ, 0.3) + 0.01, 0)
    assert extension.limited_frames == 3 * 336  # not 448: a third of them comes again in the next block


def test_the_tracker_sees_the_frames_of_the_stft_all_of_them_once(monkeypatch):
    seen = []
    monkeypatch.setattr("tfbwe.cutoff.tracker.CutoffTracker.update", lambda self, power: seen.append(power))
    x = music(2, 2.0)
    CqtExtension(KnownNetwork(CQT_BUNDLE, 2), 2, None, 1.0, "mirror").process(x, 0)
    expected = np.abs(stft(x)[:, : 3 * HOP // HOP_LENGTH]) ** 2
    assert len(seen) == 3 * HOP // HOP_LENGTH
    np.testing.assert_allclose(np.stack(seen, axis=1), expected, rtol=1e-4, atol=1e-4)


def test_blocks_without_a_cutoff_or_in_range_or_of_silence_are_not_given_to_the_network():
    class Idle(AlertNetwork):
        def step(self, features):
            raise AssertionError("asked")

    for cutoff_hz, x in [(None, music(1, 1.0)), (21000.0, music(1, 1.0)), (CUTOFF_HZ, np.zeros((1, 44100)))]:
        extension = CqtExtension(Idle(CQT_BUNDLE, 1), 1, cutoff_hz, 1.0, "mirror")
        assert not extension.process(np.float32(x), 0).any()
        assert extension.latency == CQT_LATENCY


def test_a_phase_that_a_block_cannot_have_is_refused():
    with pytest.raises(
        ConfigError, match="phase: expected one of received, mirror for a cqt model, received"
    ):
        CqtExtension(KnownNetwork(CQT_BUNDLE, 1), 1, CUTOFF_HZ, 1.0, "pghi")


class KnownGain:
    """Takes the place of what restores: a gain of 3 above 9 kHz, in frames from one on."""

    def __init__(self, first_frame, missing):
        self._first_frame, self._missing, self._frame = first_frame, missing, 0

    def reset(self):
        self._frame = 0

    def process(self, spectrum, cutoff_hz, lost=()):
        gain, missing = np.ones((2, len(spectrum), spectrum.shape[-1]), np.float32)
        here = np.arange(self._frame, self._frame + len(spectrum)) >= self._first_frame
        self._frame += len(spectrum)
        above = np.arange(spectrum.shape[-1]) * SAMPLE_RATE / 2048 > 9000
        gain[np.ix_(here, above)] = 3
        missing[here] = self._missing
        return Restored(gain, missing, np.full(len(spectrum), cutoff_hz, np.float32))


def restored_by(x, first_frame=0, missing=1.0, diffuse=0.0):
    extension = CqtExtension(KnownNetwork(CQT_BUNDLE, len(x)), len(x), CUTOFF_HZ, diffuse, "mirror")
    extension._restoring = KnownGain(first_frame, missing)
    tail = np.zeros((len(x), extension.latency), np.float32)
    return np.concatenate([extension.process(x, 0), extension.process(tail, 0)], axis=1)[:, CQT_LATENCY:]


def test_a_gain_acts_on_the_samples_that_its_frames_hear_and_in_its_bins():
    x = noise(2, 5 * HOP, 20000.0, 0.1)
    middle = 2 * HOP + 5000
    added = restored_by(x, (middle + 1024) // HOP_LENGTH - 1)
    expected = 2 * (low_passed(x, 14000.0) - low_passed(x, 9000.0))
    found = low_passed(added, 14000.0)
    before, after = slice(None, middle - 2048), slice(middle + 2048, -HOP)
    assert (found[:, before] ** 2).sum() < 1e-3 * (found[:, after] ** 2).sum()
    assert (low_passed(added, 8500.0) ** 2).sum() < 1e-3 * (found**2).sum()
    error = found[:, after] - expected[:, after]
    assert (error**2).sum() < 0.02 * (expected[:, after] ** 2).sum()


def test_what_is_restored_is_not_synthesised_again(monkeypatch):
    monkeypatch.setattr(KnownNetwork, "log_residual", 8.0)
    x = noise(1, 4 * HOP, CUTOFF_HZ, 0.1)
    whole, half, none = (
        power_db(restored_by(x, missing=missing, diffuse=1.0)[:, HOP:-HOP], 9500, 15000)
        for missing in (1.0, 0.5, 0.0)
    )
    assert half == pytest.approx(whole - 6, abs=0.5)
    assert none < whole - 60
