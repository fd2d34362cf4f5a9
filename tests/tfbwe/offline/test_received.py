"""What a signal says of itself before its first sample is extended."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import soundfile

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, music, rounded
from tfbwe.audio.reader import Reader
from tfbwe.audio.resampler import Resampler
from tfbwe.model.bundle import load_bundle
from tfbwe.offline.files import extend_file
from tfbwe.offline.received import Received, measure, measure_file
from tfbwe.offline.signals import extend
from tfbwe.restoration.statistics import LongTerm


def float32(x):
    return np.asarray(x, np.float32)


def moments(*pieces):
    found = LongTerm()
    for x in pieces:
        found.update(x)
        found.end()
    return found.moments


def in_blocks(x, cuts=()):
    return [x[:, start:stop] for start, stop in pairwise([0, *cuts, x.shape[1]])]


def save(path, x, rate=44100):
    soundfile.write(path, x.T, rate, subtype="FLOAT")
    return path


def file_measured(path):
    with Reader(path) as reader:
        return measure_file(reader)


@pytest.mark.parametrize("cuts", [(), (1, 2, 700, 30000), range(4096, 88200, 4096)])
def test_a_signal_is_measured_in_blocks_of_any_size(low_passed, cuts):
    x = low_passed(2, 2.0, cutoff_hz=7000)
    found = measure([in_blocks(x, cuts)], 44100)
    assert found.cutoff_hz == pytest.approx(7000, rel=0.03)
    assert found.why_none == ""
    np.testing.assert_allclose(found.moments, moments(x), rtol=1e-5)


def test_what_is_known_of_another_rate_is_that_of_the_resampled_signal(low_passed):
    x = low_passed(2, 2.0, 48000, 7000)
    resampler = Resampler(48000, 44100, 2)
    whole = np.concatenate([resampler.process(x), resampler.flush()], axis=1)
    found = measure([in_blocks(x, (5000, 70000))], 48000)
    np.testing.assert_allclose(found.moments[0, :50], moments(whole)[0, :50], rtol=1e-4)


def test_no_piece_runs_into_the_next(low_passed):
    pieces = [low_passed(1, 1.0, cutoff_hz=7000, seed=seed) for seed in range(3)]
    found = measure([in_blocks(x, (20000,)) for x in pieces], 44100)
    np.testing.assert_allclose(found.moments, moments(*pieces), rtol=1e-5)


@pytest.mark.parametrize(
    "blocks", [[], [[]], [[np.zeros((2, 0), np.float32)]], [[np.zeros((2, 44100), np.float32)]]]
)
def test_of_nothing_and_of_silence_nothing_is_known(blocks):
    found = measure(blocks, 44100)
    assert found.cutoff_hz is None
    assert found.why_none
    assert found.moments is None


def test_of_music_whose_band_does_not_end_the_statistics_are_known_all_the_same(low_passed):
    found = measure([[low_passed(2, 2.0, cutoff_hz=22050)]], 44100)
    assert found.cutoff_hz is None
    assert "no edge" in found.why_none
    assert found.moments.shape == (4, 155)


def test_a_short_file_is_measured_whole_and_a_long_one_by_excerpts(tmp_path, low_passed, monkeypatch):
    x = low_passed(1, 5.0, cutoff_hz=7000)
    path = save(tmp_path / "in.wav", x)
    whole = file_measured(path)
    assert isinstance(whole, Received)
    np.testing.assert_allclose(whole.moments, measure([[x]], 44100).moments, rtol=1e-5)
    monkeypatch.setattr("tfbwe.offline.received.EXCERPT_S", 0.2)
    excerpts = file_measured(path)
    assert (excerpts.moments != whole.moments).any()
    assert excerpts.cutoff_hz == pytest.approx(7000, rel=0.03)
    np.testing.assert_allclose(excerpts.moments[1], whole.moments[1], atol=0.3)


def test_the_cuts_of_excerpts_are_not_taken_for_a_weak_rest(tmp_path, monkeypatch):
    monkeypatch.setattr("tfbwe.offline.received.EXCERPT_S", 0.3)
    path = save(tmp_path / "in.wav", float32(brick_wall(music(8.0))))
    found = file_measured(path)
    above = found.moments[0, int(9000 / 129) :]
    assert above.max() < 1e-5 * found.moments[0, :20].min()


@pytest.mark.parametrize("cutoff_hz", [None, 6000.0])
@pytest.mark.usefixtures("stand_in")
def test_a_decoder_is_told_what_was_measured_whether_or_not_the_cutoff_was_given(
    tmp_path, low_passed, monkeypatch, cutoff_hz
):
    from tfbwe.offline import files, signals

    told = []
    for module in (files, signals):

        def made(*settings, decoder=module.Decoder):
            told.append(settings[5])
            return decoder(*settings)

        monkeypatch.setattr(module, "Decoder", made)
    x = low_passed(2, 2.0, cutoff_hz=6000)
    extend(x, 44100, cutoff_hz=cutoff_hz)
    extend_file(save(tmp_path / "in.wav", x), tmp_path / "out.wav", cutoff_hz=cutoff_hz)
    assert len(told) == 2
    for rows in told:
        np.testing.assert_allclose(rows, moments(x), rtol=1e-5)


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_gentle_low_pass_is_brought_nearer_to_the_original_from_the_first_second_on(model):
    original = float32(rounded(music(5.0)))
    x = float32(rounded(gentle(original)))
    y, _ = extend(x, 44100, load_bundle(model), CUTOFF_HZ, diffuse=0.0)
    first = slice(4000, 40000)
    errors = [((part - original)[:, first] ** 2).sum() for part in (x, y)]
    assert errors[1] < 0.8 * errors[0]


@pytest.mark.parametrize("silent", [0, 40000])
@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_after_a_brick_wall_without_a_diffuse_term_a_signal_comes_back_to_the_bit(model, silent):
    """Where silence lies around the music, too: it is cut in with a click."""
    x = np.pad(float32(rounded(brick_wall(music(5.0)) + 0.1)), ((0, 0), (silent, silent)))
    y, _ = extend(x, 44100, load_bundle(model), CUTOFF_HZ, diffuse=0.0)
    np.testing.assert_array_equal(y, x)
