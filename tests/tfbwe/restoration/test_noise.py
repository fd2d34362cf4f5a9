"""Noise of any level is measured, not assumed, and not raised where the music pauses."""

import numpy as np
import pytest

from tests.helpers.restoring import CUTOFF_HZ, gentle, measured, music, needed, spectrum
from tfbwe.restoration.gain import noise_floor
from tfbwe.restoration.statistics import ROUNDING_POWER
from tfbwe.restoration.stream import RestoringStream
from tfbwe.stft import BIN_HZ

SAMPLES = 8 * 44100
PAUSE = slice(3 * 44100, 5 * 44100)


def white(level_db):
    return 10 ** (level_db / 20) * np.random.default_rng(7).standard_normal((1, SAMPLES))


def dithered(bits):
    """Triangular dither and rounding, as noise on top of music."""

    def added(x):
        rng, steps = np.random.default_rng(8), 2.0 ** (bits - 1)
        dither = rng.random(x.shape) - rng.random(x.shape)
        return np.rint(x * steps + dither) / steps - x

    return added


NOISES = {
    "hiss at -50 dB": lambda x: white(-50.0),
    "hiss at -70 dB": lambda x: white(-70.0),
    "8 bits, dithered": dithered(8),
    "16 bits, dithered": dithered(16),
    "16 bits": lambda x: np.rint(x * 32768) / 32768 - x,
    "20 bits": lambda x: np.rint(x * 2.0**19) / 2.0**19 - x,
    "24 bits": lambda x: np.rint(x * 2.0**23) / 2.0**23 - x,
}


@pytest.mark.parametrize("name", [name for name in NOISES if name not in ("20 bits", "24 bits")])
def test_the_floor_is_that_of_the_noise(name):
    x = gentle(music())
    noise = NOISES[name](x)
    expected = np.mean(noise**2) * 1024
    assert 10 * np.log10(noise_floor(measured(x + noise)) / expected) == pytest.approx(0, abs=3)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("name", NOISES)
def test_noise_between_loud_passages_is_hardly_raised(name, known):
    x = gentle(music())
    noise = NOISES[name](x)
    x[:, PAUSE] = 0
    frames = spectrum(x + noise)
    stream = RestoringStream(lambda read: needed()[None], measured(x + noise) if known else None)
    gain = stream.process(frames, CUTOFF_HZ).gain
    inside = slice(PAUSE.start // 512, PAUSE.stop // 512 - 12)
    power = np.abs(frames[inside, 0, round(CUTOFF_HZ / BIN_HZ) : round(2 * CUTOFF_HZ / BIN_HZ)]) ** 2
    raised = power * gain[inside, round(CUTOFF_HZ / BIN_HZ) : round(2 * CUTOFF_HZ / BIN_HZ)] ** 2
    assert raised.mean() < max(10**0.3 * power.mean(), ROUNDING_POWER)
    if power.mean() < 10 * ROUNDING_POWER:
        assert gain.max() > 2  # it does restore what is louder
