"""Which graph a decoder runs."""

import numpy as np
import pytest

from tests.helpers.decoding import CUTOFF_HZ, cut, decode, music
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
