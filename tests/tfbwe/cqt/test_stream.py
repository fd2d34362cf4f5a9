from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfbwe.cqt import CQT
from tfbwe.cqt.stream import BlockStream, CQTAnalysis, CQTStream, CQTSynthesis, alter_signal, block_window
from tfbwe.errors import AudioError, ConfigError

CQT_512 = CQT(sample_rate=8000, block_length=512, bins_per_octave=12, f_min=100, f_max=3500)


def noise(channels, samples, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (channels, samples)).astype(np.float32)


def unaltered(coefficients):
    return coefficients


def turned(coefficients):
    """An alteration that depends on the frame and on the band."""
    frames, bands = np.indices(coefficients.shape[-2:])
    return coefficients * np.exp(1j * (frames**2 + 3 * bands)).astype(np.complex64)


def in_pieces(stream, x, sizes):
    edges = np.minimum(np.cumsum([0, *sizes, x.shape[1]]), x.shape[1])
    out = [stream.process(x[:, a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*out, stream.flush()], axis=1)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(st.sampled_from([0, 1, 383, 384, 385, 512, 2000]), st.integers(0, 700)), max_size=12),
    st.integers(0, 3000),
)
def test_pieces_of_any_size_give_bit_identical_output(sizes, samples):
    x = noise(2, samples)
    whole = in_pieces(CQTStream(CQT_512, 2, turned), x, [])
    np.testing.assert_array_equal(in_pieces(CQTStream(CQT_512, 2, turned), x, sizes), whole)


def test_single_samples_give_bit_identical_output():
    x = noise(1, 1500)
    whole = in_pieces(CQTStream(CQT_512, 1, turned), x, [])
    np.testing.assert_array_equal(in_pieces(CQTStream(CQT_512, 1, turned), x, [1] * 1500), whole)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 3000), st.integers(1, 256))
def test_unaltered_signals_come_back_after_the_latency_edges_included(samples, overlap):
    x = noise(2, samples)
    stream = CQTStream(CQT_512, 2, unaltered, overlap)
    y = in_pieces(stream, x, [])
    assert stream.latency == 512
    assert y.shape == (2, samples + 512)
    assert y.dtype == np.float32
    assert not y[:, : 512 - overlap].any()
    expected = np.concatenate([np.zeros((2, 512), np.float32), x], axis=1)
    assert np.abs(y - expected).max() < 1e-6


def test_every_piece_returns_as_many_samples_as_it_takes():
    stream = CQTStream(CQT_512, 2, unaltered)
    for samples in [0, 1, 100, 511, 512, 513, 5000, 0, 3]:
        assert stream.process(noise(2, samples)).shape == (2, samples)


def test_whole_signals_come_back_aligned_at_the_defaults():
    x = noise(1, 70001)
    assert np.abs(alter_signal(CQT(), x, unaltered) - x).max() < 1e-6
    assert alter_signal(CQT(), x[:, :0], unaltered).shape == (1, 0)


def test_blocks_are_those_of_the_windowed_signal():
    analysis = CQTAnalysis(CQT_512, 2, overlap=128)
    x = noise(2, 384 * 4)
    padded = np.pad(x, ((0, 0), (128, 0)))
    window = block_window(512, 128)
    blocks = [c for piece in np.split(x, 6, axis=1) for c in analysis.process(piece)]
    assert len(blocks) == 4
    for b, block in enumerate(blocks):
        np.testing.assert_array_equal(
            block, CQT_512.forward(padded[:, 384 * b : 384 * b + 512] * window), strict=True
        )


def test_synthesis_undoes_analysis_block_by_block():
    analysis, synthesis = CQTAnalysis(CQT_512, 1), CQTSynthesis(CQT_512, 1)
    x = noise(1, 384 * 5)
    y = np.concatenate([synthesis.process(c) for c in analysis.process(x)], axis=1)
    assert y.shape == x.shape
    assert np.abs(y[:, 128:] - x[:, :-128]).max() < 1e-6


def test_an_alteration_sees_each_block_once_in_order_and_stays_inside_it():
    seen = []

    def silence_the_third(coefficients):
        seen.append(coefficients.copy())
        return coefficients * (len(seen) != 3)

    x = noise(2, 384 * 6)
    y = alter_signal(CQT_512, x, silence_the_third, overlap=128)
    expected = CQTAnalysis(CQT_512, 2, 128).process(np.pad(x, ((0, 0), (0, 512))))
    assert len(seen) == len(expected) == 7
    for one, other in zip(seen, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    reached = slice(2 * 384 - 128, 2 * 384 - 128 + 512)
    changed = np.abs(y - x).max(axis=0) > 1e-6
    assert changed[reached].mean() > 0.95
    changed[reached] = False
    assert not changed.any()


def test_blocks_come_as_they_were_received_and_are_windowed_once_on_the_way_back():
    seen = []

    def windowed(block):
        seen.append(block.copy())
        return block * stream.window

    stream = BlockStream(512, 2, windowed, overlap=100)
    x = noise(2, 412 * 5)
    y = in_pieces(stream, x, [1, 700, 3])
    assert (stream.latency, stream.overlap, stream.hop_length) == (512, 100, 412)
    np.testing.assert_array_equal(stream.window, block_window(512, 100))
    assert np.abs(y[:, 512:] - x).max() < 1e-6
    padded = np.pad(x, ((0, 0), (100, 512)))
    for b, block in enumerate(seen[:6]):
        np.testing.assert_array_equal(block, padded[:, 412 * b : 412 * b + 512])


def test_altered_blocks_fade_at_both_ends():
    def wrap_around(coefficients):
        return np.roll(coefficients, 3, axis=-2)

    impulse = np.zeros((1, 384 * 3), np.float32)
    impulse[0, 384 + 380] = 1
    y = alter_signal(CQT_512, impulse, wrap_around, overlap=128)
    steps = np.abs(np.diff(y[0]))
    assert steps[[384 - 129, 384 - 128, 2 * 384 - 1, 2 * 384]].max() < 0.05 * steps.max()


def test_after_a_reset_a_stream_is_as_new():
    stream = CQTStream(CQT_512, 2, turned)
    first = in_pieces(stream, noise(2, 1000), [])
    stream.reset()
    np.testing.assert_array_equal(in_pieces(stream, noise(2, 1000), []), first)


def test_channels_do_not_touch():
    x = noise(2, 2000)
    x[1] = 0
    y = alter_signal(CQT_512, x, turned)
    assert y[0].any()
    assert not y[1].any()


def test_input_is_left_as_it_was():
    x = noise(1, 2000)
    kept = x.copy()
    alter_signal(CQT_512, x, turned)
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(("length", "overlap"), [(512, 1), (512, 127), (512, 256), (32768, 8192)])
def test_squared_windows_sum_to_one(length, overlap):
    squares = block_window(length, overlap).astype(np.float64) ** 2
    total = squares.copy()
    total[:overlap] += squares[length - overlap :]
    np.testing.assert_allclose(total[: length - overlap], 1, atol=2e-7)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(overlap) + 0.5) / overlap)
    np.testing.assert_allclose(squares[:overlap], rise, atol=2e-7)


@pytest.mark.parametrize("overlap", [0, -1, 257, 512, 1.5])
def test_overlaps_that_do_not_sum_to_one_are_refused(overlap):
    for make in (CQTAnalysis, CQTSynthesis, lambda *values: CQTStream(*values[:2], unaltered, values[2])):
        with pytest.raises(ConfigError, match="1 to 256 samples"):
            make(CQT_512, 1, overlap)


@pytest.mark.parametrize("shape", [(100,), (1, 100), (3, 100), (2, 1, 100)])
def test_signals_of_another_shape_are_refused(shape):
    with pytest.raises(AudioError, match=r"\(2, samples\)"):
        CQTStream(CQT_512, 2, unaltered).process(np.zeros(shape, np.float32))
