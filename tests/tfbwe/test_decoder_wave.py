"""Which graph a decoder runs."""

import numpy as np
import pytest

from tests.helpers.decoding import BUNDLE, CUTOFF_HZ, cut, decode, delayed, music
from tests.helpers.restoring import gentle, measured, rounded
from tests.helpers.restoring import music as moving_music
from tfbwe.decoder import Decoder
from tfbwe.model.bundle import WEIGHTS


@pytest.mark.parametrize("channels", [1, 2])
def test_the_shipped_model_runs_as_a_graph_from_wave_to_wave_in_blocks_of_any_size(channels):
    x = music(channels)
    decoder = Decoder("stft", channels, CUTOFF_HZ)
    assert decoder.bundle.manifest.graph["kind"] == "wave"
    expected = decode(decoder, x)
    side = {1: "mono", 2: "stereo"}[channels]
    graph = Decoder(WEIGHTS / "wave" / f"stft-{side}.tflite", channels, CUTOFF_HZ)
    np.testing.assert_array_equal(decode(graph, x), expected)
    for sizes in ([1] * 700, [100] * 200, [511, 513, 2048]):
        np.testing.assert_array_equal(decode(decoder, x, cut(x.shape[1], sizes)), expected)


@pytest.mark.parametrize(
    ("model", "channels", "phase"),
    [("stft", 3, "mirror"), ("stft", 2, "received"), ("stft", 1, "pghi"), ("cqt", 2, "mirror")],
)
def test_numpy_runs_around_the_network_where_there_is_no_such_graph(model, channels, phase):
    assert Decoder(model, channels, phase=phase).bundle.manifest.graph["kind"] == "step"


@pytest.mark.parametrize("beforehand", [False, True], ids=["stream", "known"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_graph_restores_as_numpy_does(channels, beforehand):
    """But for the rounding of weights, which both have in another way."""
    x = rounded(gentle(moving_music(4.0)))
    x = np.asarray(np.concatenate([x, 0.5 * x])[:channels], np.float32)
    known = measured(x) if beforehand else None
    added = [
        decode(Decoder(model, channels, CUTOFF_HZ, 0.0, known=known), x) - delayed(x)
        for model in ("stft", BUNDLE)
    ]
    powers = [np.sum(part.astype(np.float64) ** 2) for part in (added[0], added[0] - added[1])]
    assert powers[0] > 0
    assert 10 * np.log10(powers[0] / powers[1]) > 12


def test_a_pause_and_a_loss_are_heard_by_the_graph_as_by_numpy():
    weak = np.asarray(rounded(gentle(moving_music(3.0))), np.float32)
    silence = np.zeros((1, 40000), np.float32)
    added = []
    for model in ("stft", BUNDLE):
        decoder = Decoder(model, 1, CUTOFF_HZ, 0.0)
        parts = [decoder.process(x) for x in (weak, silence, weak[:, :60000])]
        parts += [decoder.process(None, 9000), decoder.process(weak), decoder.flush()]
        added.append(np.concatenate(parts, axis=1))
    received = np.concatenate([weak, silence, weak[:, :60000], silence[:, :9000], weak], axis=1)
    first, second = (part - delayed(received) for part in added)
    assert np.sum(first**2) > 0
    assert np.sum((first - second) ** 2) < 0.03 * np.sum(first**2)
