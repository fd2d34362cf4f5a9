from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tfbwe.cli import main

LATENCY = 2048


class StandInDecoder:
    """Delays by the latency and adds the input moved to 15 kHz: what a decoder does, without a network."""

    latency = LATENCY

    def __init__(self, model, channels, cutoff_hz=None, diffuse=1.0, phase="mirror", known=None):
        self.channels, self.cutoff_hz, self.diffuse = channels, cutoff_hz, diffuse
        self.bundle, self.known = model, known
        self.limited_frames = 0
        self.reset()

    def reset(self):
        self._waiting = np.zeros((self.channels, LATENCY), dtype=np.float32)
        self._position = 0

    def process(self, block, n=None):
        assert block.dtype == np.float32
        assert block.ndim == 2
        self._waiting = np.concatenate([self._waiting, block], axis=1)
        out, self._waiting = np.split(self._waiting, [block.shape[1]], axis=1)
        at = self._position + np.arange(out.shape[1])
        self._position += out.shape[1]
        carrier = (self.diffuse * 0.5 * np.cos(2 * np.pi * 15000 / 44100 * at)).astype(np.float32)
        return out + out * carrier

    def flush(self):
        return self.process(np.zeros((self.channels, LATENCY), dtype=np.float32))


@pytest.fixture
def stand_in(monkeypatch):
    """Put a decoder without a network in the place of the shipped model."""
    bundle = SimpleNamespace(
        cutoff_range_hz=(3500.0, 16000.0),
        manifest=SimpleNamespace(graph={"kind": "step"}, restoring={}, highest_hz=20000.0),
    )
    for module in ("tfbwe.offline.files", "tfbwe.offline.signals", "tfbwe.model.bundle"):
        monkeypatch.setattr(f"{module}.load_bundle", lambda model, trust=False: bundle)
    for module in ("tfbwe.offline.files", "tfbwe.offline.signals", "tfbwe.measures.cost", "tfbwe.decoder"):
        monkeypatch.setattr(f"{module}.Decoder", StandInDecoder)
    return bundle


@pytest.fixture
def low_passed():
    """Return a maker of noise with nothing above a cutoff, float32 (channels, samples)."""

    def make(channels=2, seconds=1.0, sample_rate=44100, cutoff_hz=6000.0, peak=0.5, seed=0):
        n = round(seconds * sample_rate)
        noise = np.random.default_rng(seed).standard_normal((channels, n))
        spectrum = np.fft.rfft(noise)
        spectrum[:, np.fft.rfftfreq(n, 1 / sample_rate) > cutoff_hz] = 0
        x = np.fft.irfft(spectrum, n)
        return (peak * x / max(np.abs(x).max(), 1e-9)).astype(np.float32)

    return make


@pytest.fixture
def song(tmp_path, low_passed):
    """Return a maker of sound files in a folder of their own."""

    def make(name="in/a song.wav", x=None, rate=44100, subtype="PCM_16", **more):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(
            path, (low_passed(2, 1.0, rate, 7000) if x is None else x).T, rate, subtype=subtype, **more
        )
        return path

    return make


@pytest.fixture
def tfbwe(capsys):
    """Return a way to run the command line: exit status, standard output, lines of standard error."""

    def run(*arguments):
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return status, shown.out, shown.err.splitlines()

    return run


@pytest.fixture
def extending(tfbwe, stand_in):
    """Return a way to run ``tfbwe extend``, in this process, with a decoder that needs no network."""
    return lambda *arguments: tfbwe("extend", "--jobs", 1, *arguments)
