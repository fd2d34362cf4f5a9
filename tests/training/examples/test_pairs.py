"""Pairs of received and original music: what is in them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("scipy")

from tests.helpers import made_shards
from tests.helpers.made_shards import PIECES, made, music, records
from tfbwe.band import HIGHEST_HZ, LOWEST_CUTOFF_HZ
from tfbwe.stft import BIN_HZ, SAMPLE_RATE, stft
from training.degradation import drawing
from training.degradation.codecs import Codec
from training.degradation.degrade import Gain, Mix
from training.degradation.filters import Lowpass
from training.degradation.rounding import Rounding
from training.examples import pairs
from training.examples.pairs import Item
from training.examples.shards import EXAMPLE, PIECE_SAMPLES
from training.music.manifest import read_manifest

LEFT = Mix((1.0, 0.0))


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    made_shards.few_in_a_shard(monkeypatch)


def item(file: str, piece: int, variant: int = 0) -> Item:
    (track,) = (track for track in read_manifest(music()) if track.file == file)
    return Item(track, piece, variant)


def through(monkeypatch, *degradation):
    """Make one pair with a degradation that is not drawn: long.wav, second piece, cutoff and curve known."""
    monkeypatch.setattr(drawing, "draw", lambda *_: degradation)
    return pairs.make_pair(music(), item("long.wav", 1), 0)


def power(x, low_hz, high_hz):
    """Mean power of the STFT between two frequencies, away from the ends."""
    return np.mean(np.abs(stft(x)[8:-8, int(low_hz / BIN_HZ) + 1 : int(high_hz / BIN_HZ)]) ** 2)


def test_the_original_is_the_music_but_for_its_gain_and_mix(monkeypatch):
    monkeypatch.setattr(drawing, "draw", lambda *_: (Gain(-6.0), LEFT, Lowpass("brickwall", 6000.0)))
    pair = pairs.make_pair(music(), item("short.wav", 0), 0)
    x = pairs.decoded(music(), item("short.wav", 0).track)[:PIECE_SAMPLES, 0]
    np.testing.assert_allclose(pair["original"], 10 ** (-6 / 20) * x, rtol=1e-5, atol=1e-8)


def test_below_a_brick_wall_the_received_music_is_the_original_and_above_there_is_nothing(monkeypatch):
    pair = through(monkeypatch, Gain(0.0), Mix(), Lowpass("brickwall", 6000.0))
    difference = pair["received"] - pair["original"]
    assert power(difference, 0, 5900) < 1e-6 * power(pair["original"], 0, 5900)
    assert power(pair["received"], 6100, 20000) < 1e-6 * power(pair["original"], 6100, 20000)
    assert pair["reach_hz"] == pair["cutoff_hz"]


def test_of_every_example_the_received_is_the_original_well_below_the_cutoff():
    left = []
    for example in records(made()):
        received, original = example["received"], example["original"]
        cutoff_hz, reach_hz, bandwidth_hz = (
            float(example[name][0]) for name in ("cutoff_hz", "reach_hz", "bandwidth_hz")
        )
        assert LOWEST_CUTOFF_HZ * 0.9 <= cutoff_hz <= reach_hz < SAMPLE_RATE / 2
        assert cutoff_hz < 1.1 * bandwidth_hz
        assert bandwidth_hz == HIGHEST_HZ
        low = (500, 0.5 * cutoff_hz)
        assert power(received, *low) == pytest.approx(power(original, *low), rel=0.2)
        if reach_hz < 18000:
            high = (1.1 * reach_hz, 21000)
            left.append(power(received, *high) / power(original, *high))
    assert min(left) < 1e-3  # a wall


def test_the_received_is_the_music_as_restoring_leaves_it(monkeypatch):
    walled = through(monkeypatch, Lowpass("brickwall", 6000.0), Rounding(16))
    gentle = through(monkeypatch, Lowpass("butterworth", 6000.0, 4, phase="forward-backward"), Rounding(16))
    assert walled["reach_hz"] == walled["cutoff_hz"]
    assert gentle["reach_hz"] >= gentle["cutoff_hz"]
    original = power(gentle["original"], 6300, 7000)
    assert power(walled["received"], 6300, 7000) < 1e-3 * original
    # The filter left 0.2 or less.
    assert 0.6 * original < power(gentle["received"], 6300, 7000) < 1.5 * original


def test_what_a_codec_leaves_is_not_restored(monkeypatch):
    codec = Codec("mp3", 0.8888, constant=True)
    pair = through(monkeypatch, Mix(), codec)
    assert pair["reach_hz"] == pair["cutoff_hz"]
    assert pair["cutoff_hz"] == pytest.approx(16500, rel=0.1)  # found with an error of two percent


def test_variants_and_seeds_differ_and_nothing_else_matters():
    same = [pairs.make_pair(music(), item("short.wav", 0), 5) for _ in range(2)]
    assert all(np.array_equal(same[0][name], same[1][name]) for name in same[0])
    others = [pairs.make_pair(music(), item("short.wav", 0, v), seed) for v, seed in [(1, 5), (0, 6)]]
    assert len({pair["received"].tobytes() for pair in [same[0], *others]}) == 3


@pytest.mark.parametrize("piece", [0, PIECES["long.wav"] - 1], ids=["first", "last"])
def test_pieces_at_the_ends_of_a_track_are_whole(piece):
    pair = pairs.make_pair(music(), item("long.wav", piece), 0)
    assert {name: array.shape for name, array in pair.items()} == {
        name: EXAMPLE[name].shape for name in EXAMPLE.names
    }
    assert all(array.dtype == np.float32 for array in pair.values())
    music_ends = PIECE_SAMPLES if piece == 0 else PIECE_SAMPLES // 2
    assert pair["original"][music_ends - 1000 : music_ends].any()
    assert not pair["original"][music_ends:].any()


def test_a_filter_sees_the_music_around_a_piece(monkeypatch):
    def errors(lowpass):
        received = []
        for context in (4 * pairs.CONTEXT, pairs.CONTEXT, 0):
            with monkeypatch.context() as patch:
                patch.setattr(pairs, "CONTEXT", context)
                received.append(through(patch, lowpass)["received"].astype(np.float64))
        return [np.mean((part - received[0]) ** 2) for part in received[1:]]

    usual, alone = errors(Lowpass("brickwall", 6000.0))
    assert usual < 0.3 * alone
    assert errors(Lowpass("bessel", 6000.0, 6))[0] < 1e-5  # but for what restoring knows of the level
