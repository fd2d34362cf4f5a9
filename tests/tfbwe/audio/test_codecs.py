from __future__ import annotations

import numpy as np
import pytest
import soundfile

from tests.helpers.sound_files import write
from tfbwe.audio.codecs import CODECS, Encoding

RATE = 48000
CONTAINERS = {"MPEG_LAYER_III": "MP3", "VORBIS": "OGG", "OPUS": "OGG"}


def white(channels, seconds=4.0):
    x = np.random.default_rng(1).standard_normal((channels, round(seconds * RATE)))
    return (0.1 * x).astype(np.float32)


def encoded(path, x, encoding):
    """Bit rate in kb/s, and up to where the band comes through, 6 dB down."""
    container = CONTAINERS[encoding.codec]
    write(path, x, RATE, container, encoding.codec, encoding=encoding)
    y = soundfile.read(path, dtype="float32", always_2d=True)[0].T[:, : x.shape[1]]
    power = [np.square(np.abs(np.fft.rfft(np.resize(part[0], (90, 2048))))).mean(axis=0) for part in (x, y)]
    there = np.flatnonzero(power[1] > 0.25 * power[0])
    return 8e-3 * path.stat().st_size * RATE / x.shape[1], there[-1] * RATE / 2048


def cases():
    for codec in CONTAINERS:
        for channels in (1, 2):
            for kbps, _ in CODECS[codec].reach(channels):
                yield Encoding(codec, channels, kbps)
            yield Encoding(codec, channels, CODECS[codec].range_kbps(channels)[1])


@pytest.mark.parametrize("encoding", list(cases()), ids=lambda e: f"{e.codec}-{e.channels}-{e}")
def test_an_encoder_gives_the_bit_rate_and_the_band_that_the_table_says(tmp_path, encoding):
    kbps, reach_hz = encoded(tmp_path / "x", white(encoding.channels), encoding)
    assert kbps == pytest.approx(encoding.kbps, rel=0.3)
    assert reach_hz > 0.93 * encoding.reach_hz


@pytest.mark.parametrize("codec", ["MPEG_LAYER_III", "VORBIS"])
@pytest.mark.parametrize("quality", [0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0])
def test_a_quality_lets_through_what_the_table_says(tmp_path, codec, quality):
    encoding = Encoding(codec, 2, None, quality)
    assert encoded(tmp_path / "x", white(2), encoding)[1] > 0.93 * encoding.reach_hz
    assert str(encoding) == f"quality {quality:g}"


@pytest.mark.parametrize("codec", CONTAINERS)
def test_more_quality_takes_more_bits(tmp_path, codec):
    sizes = []
    for quality in (0.0, 0.5, 1.0):
        lowest, highest = CODECS[codec].range_kbps(2)
        kbps = None if CODECS[codec].by_quality else lowest + quality * (highest - lowest)
        sizes.append(encoded(tmp_path / f"{quality}", white(2, 1.0), Encoding(codec, 2, kbps, quality))[0])
    assert sizes[0] < sizes[1] / 1.2 < sizes[2] / 1.4


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_table_rises(codec, channels):
    if CODECS[codec].fixed and channels > 2:
        pytest.skip("MP3 has two channels at most")
    kbps, reach = zip(*CODECS[codec].reach(channels), strict=True)
    assert list(kbps) == sorted(set(kbps))
    assert list(reach) == sorted(reach)
    lowest, highest = CODECS[codec].range_kbps(channels)
    assert lowest == kbps[0] <= kbps[-1] <= highest
    assert set(CODECS[codec].fixed) >= set(kbps) or not CODECS[codec].fixed
