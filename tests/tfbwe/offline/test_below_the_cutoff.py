"""What is promised of the received band: how much of it changes."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from tests.helpers.paths import ROOT
from tests.helpers.sound_files import noise
from tfbwe.offline.files import extend_file
from tfbwe.offline.signals import extend

CLIP = ROOT / "tests" / "data" / "clip.flac"
CUTOFF_HZ = 8000.0
RATE = 44100


@pytest.fixture(scope="module")
def received():
    x = soundfile.read(CLIP, dtype="float64", always_2d=True, frames=6 * RATE)[0].T
    spectrum = np.fft.rfft(x)
    spectrum[:, np.fft.rfftfreq(x.shape[1], 1 / RATE) > CUTOFF_HZ] = 0
    return np.fft.irfft(spectrum, x.shape[1]).astype(np.float32)


def level_db(x, low_hz, high_hz):
    hertz = np.fft.rfftfreq(x.shape[1], 1 / RATE)
    band = np.fft.rfft(x * np.hanning(x.shape[1]))[:, (hertz >= low_hz) & (hertz < high_hz)]
    return 10 * np.log10(np.square(np.abs(band)).sum())


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_behind_a_brick_wall_the_received_band_stays_what_it_was(received, model):
    y, _ = extend(received, RATE, model, CUTOFF_HZ)
    added = y - received
    assert level_db(added, 8000, 16000) > level_db(received, 8000, 16000) + 30

    def below(low_hz, high_hz):
        return level_db(added, low_hz, high_hz) - level_db(received, low_hz, high_hz)

    assert below(20, 6000) < -100  # the numeric floor of float32
    assert below(6000, 7500) < -75
    assert below(7500, 8000) < -55  # what the windows of the frames spread


@pytest.mark.parametrize(
    ("subtype", "suffix"),
    [
        *((subtype, "wav") for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")),
        *(("PCM_16", "flac"), ("PCM_24", "flac"), ("PCM_24", "aiff")),
    ],
)
@pytest.mark.parametrize("rate", [44100, 96000])
def test_where_nothing_is_added_a_file_keeps_its_bits(tmp_path, subtype, suffix, rate):
    x = noise(2, rate) * 2
    x[:, :10], x[:, 10:20] = 1.0, -1.0
    source, destination = tmp_path / f"in.{suffix}", tmp_path / f"out.{suffix}"
    soundfile.write(source, x.T, rate, subtype=subtype)
    assert not extend_file(source, destination).extended
    before, after = (soundfile.read(path, dtype="float64")[0] for path in (source, destination))
    np.testing.assert_array_equal(before, after)
