"""The graph from wave to wave restores as the decoder does."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("tensorflow")

from export import cli
from tests.export.test_wave import RUN, below_added_db, step, wave
from tests.helpers.decoding import decode, delayed
from tests.helpers.paths import CLIP
from tfbwe.decoder import Decoder
from tfbwe.measures.cost import weakened_noise
from tfbwe.model.bundle import load_bundle
from tfbwe.restoration.statistics import LongTerm
from tfbwe.restoration.stream import FIRST_FRAMES
from tfbwe.stft import HOP_LENGTH, SAMPLE_RATE
from training.degradation.filters import Lowpass

CUTOFF_HZ = 8000.0
HALF_S = SAMPLE_RATE // 2
LEAST_DB = 90


def weak(channels, seconds, seed=0):
    """Noise in bursts of which a gentle low-pass left something above the cutoff."""
    return weakened_noise((channels, round(seconds * SAMPLE_RATE)), seed)


def known(x):
    """Long-term statistics of a whole signal."""
    long_term = LongTerm()
    long_term.update(x)
    long_term.end()
    return long_term.moments


def raised_db(y, x):
    """Level of the band from 8.5 to 9.5 kHz, over that of the signal which came in."""
    hertz = np.fft.rfftfreq(x.shape[1], 1 / SAMPLE_RATE)
    near = (hertz > 8500) & (hertz < 9500)
    return 20 * np.log10(np.linalg.norm(np.fft.rfft(y)[:, near]) / np.linalg.norm(np.fft.rfft(x)[:, near]))


def both(channels, x, diffuse=0.0, **more):
    """What graph and decoder make of a signal, in steps of the former's own."""
    settings = {"cutoff_hz": CUTOFF_HZ, "diffuse": diffuse, **more}
    received = decode(wave(channels, **settings), x, [100, 5000, 5001, 40000])
    return received, decode(step(channels, **settings), x)


@pytest.mark.parametrize("diffuse", [0.0, 1.0])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_is_the_decoder_where_a_weak_rest_is_restored(channels, diffuse):
    x = weak(channels, 3.0)
    received, expected = both(channels, x, diffuse)
    assert raised_db(expected[:, -HALF_S - 2048 : -2048], x[:, -HALF_S:]) > 2
    assert below_added_db(received, expected, x) > LEAST_DB


@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_is_the_decoder_where_images_are_taken_away(channels):
    clip, _ = soundfile.read(CLIP, frames=8 * SAMPLE_RATE, dtype="float32", always_2d=True)
    whole = Lowpass("linear", CUTOFF_HZ).apply(clip.T[:channels], SAMPLE_RATE)
    x = whole[:, : 2 * SAMPLE_RATE]
    received, expected = both(channels, x, known=known(whole))
    fade = np.hanning(HALF_S)
    assert raised_db(fade * expected[:, -HALF_S - 2048 : -2048], fade * x[:, -HALF_S:]) < -30
    assert below_added_db(received, expected, x) > LEAST_DB


@pytest.mark.parametrize("channels", [1, 2])
def test_statistics_known_beforehand_restore_from_the_first_frame_on(channels):
    x = weak(channels, 1.5)
    received, expected = both(channels, x, known=known(x))
    early = slice(4096, FIRST_FRAMES * HOP_LENGTH)
    assert raised_db(expected[:, 2048:][:, early], x[:, early]) > 2
    assert below_added_db(received, expected, x) > LEAST_DB
    unknown = decode(wave(channels, cutoff_hz=CUTOFF_HZ, diffuse=0.0), x)
    np.testing.assert_array_equal(unknown[:, 2048:][:, early], x[:, early])


def test_statistics_known_beforehand_outlast_a_pause_and_a_reset():
    x = np.concatenate([weak(1, 1.0), np.zeros((1, SAMPLE_RATE), np.float32), weak(1, 1.0, seed=1)], axis=1)
    settings = {"cutoff_hz": CUTOFF_HZ, "diffuse": 0.0, "known": known(x)}
    decoder = wave(1, **settings)
    first, again = decode(decoder, x), decode(decoder, x)
    np.testing.assert_array_equal(first, again)
    assert below_added_db(first, decode(step(1, **settings), x), x) > LEAST_DB


@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_is_the_decoder_after_a_pause(channels):
    """Half a second of silence ends a piece; what follows is measured anew, and not restored at once."""
    silence = np.zeros((channels, round(0.8 * SAMPLE_RATE)), np.float32)
    quiet = 0.1 * weak(channels, 2.0, seed=1)
    x = np.concatenate([weak(channels, 2.0), silence, quiet], axis=1).astype(np.float32)
    received, expected = both(channels, x)
    assert below_added_db(received, expected, x) > LEAST_DB
    at = x.shape[1] - quiet.shape[1] + 2048
    assert raised_db(received[:, -HALF_S - 2048 : -2048], x[:, -HALF_S:]) > 2
    assert below_added_db(received[:, at:], expected[:, at:], delayed(x)[:, at:]) > 60


@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_is_the_decoder_where_hops_are_lost(channels):
    x = weak(channels, 4.0)
    lost = [(50_000, 51_000), (70_000, 70_100), (80_000, 100_000)]
    outputs = []
    for decoder in (make(channels, cutoff_hz=CUTOFF_HZ, diffuse=0.5) for make in (wave, step)):
        parts, done = [], 0
        for start, stop in lost:
            parts += [decoder.process(x[:, done:start]), decoder.process(None, stop - start)]
            done = stop
        outputs.append(np.concatenate([*parts, decoder.process(x[:, done:]), decoder.flush()], axis=1))
    sent = x.copy()
    for start, stop in lost:
        sent[:, start:stop] = 0
    assert below_added_db(*outputs, sent) > LEAST_DB
    assert raised_db(outputs[0][:, -HALF_S - 2048 : -2048], x[:, -HALF_S:]) > 2


@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_is_the_decoder_where_another_piece_of_music_begins(channels):
    """A bright piece right after a dull one: the dull one's gains must not be left on it."""
    samples = 2 * SAMPLE_RATE
    bright = 0.2 * np.random.default_rng(3).standard_normal((channels, samples))
    x = np.concatenate([0.1 * weak(channels, 2.5), bright], axis=1).astype(np.float32)
    settings = {"cutoff_hz": CUTOFF_HZ, "diffuse": 0.0}
    received, decoder = decode(wave(channels, **settings), x), step(channels, **settings)
    counts = []
    parts = []
    for block in np.split(x, range(HOP_LENGTH, x.shape[1], HOP_LENGTH), axis=1):
        parts.append(decoder.process(block))
        counts.append(decoder._extension._restoring._count)
    expected = np.concatenate([*parts, decoder.flush()], axis=1)
    (begun,) = np.flatnonzero(np.diff(counts) < 0)  # it was measured anew, once
    assert begun * HOP_LENGTH > 2.4 * SAMPLE_RATE
    assert below_added_db(received, expected, x) > LEAST_DB


def test_the_graph_is_the_decoder_where_the_cutoff_moves():
    """A tracked cutoff is one that the graph is given anew with every hop."""
    x = weak(1, 2.0)
    graphs = [make(1, cutoff_hz=CUTOFF_HZ, diffuse=0.0) for make in (wave, step)]
    outputs = []
    for decoder in graphs:
        parts = []
        for i, block in enumerate(np.split(x, range(HOP_LENGTH, x.shape[1], HOP_LENGTH), axis=1)):
            decoder._extension._given_cutoff_hz = 7500.0 + 500 * (i // 30)
            parts.append(decoder.process(block))
        outputs.append(np.concatenate(parts, axis=1))
    assert below_added_db(*outputs, x) > LEAST_DB


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="tfbwe-wave-")


@functools.cache
def without() -> Path:
    """Folder of wave graphs without a restoring network."""
    cli.export(RUN, Path(_folder().name), ["none"], False, ["wave"])
    return Path(_folder().name)


def test_without_a_restoring_network_a_graph_restores_nothing_and_has_no_states_for_it():
    bundle = load_bundle(without() / "stft-mono.none.tflite")
    assert bundle.manifest.restoring == {}
    own = load_bundle(wave(1).bundle)
    assert set(own.manifest.states) - set(bundle.manifest.states) == {
        *("count", "moments", "recent", "curves", "power", "restoring")
    }
    x = weak(1, 1.0)
    for more in ({}, {"known": known(x)}):
        y = decode(Decoder(bundle, 1, cutoff_hz=CUTOFF_HZ, diffuse=0.0, **more), x)
        np.testing.assert_array_equal(y, delayed(x))
    assert (decode(Decoder(bundle, 1, cutoff_hz=CUTOFF_HZ), x) != delayed(x)).any()
