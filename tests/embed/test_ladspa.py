"""The LADSPA plug-ins do in a host what the decoder in C does."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.decoding import music, noise
from tests.helpers.native import CMAKE, TOOLS, configured, find_tflite, missing, run, tool
from tfbwe.model.bundle import WEIGHTS

MODELS = WEIGHTS / "wave"
SIDES = {1: "mono", 2: "stereo"}
LATENCY = 2048
CUTOFF_HZ = 8000.0
STEP = 2.0**-15
"""Between samples of 16 bits, which is what applyplugin writes; it cuts where tfbwe-wav rounds."""


HEADER = next((h for f in ("/usr", TOOLS / "root/usr") if (h := Path(f, "include/ladspa.h")).exists()), None)
LADSPA = ("-DTFBWE_LADSPA=ON", f"-DLADSPA_INCLUDE_DIR={HEADER and HEADER.parent}")


def absent():
    if missing():
        return missing()
    if not tool("applyplugin") or not HEADER:
        return "ladspa.h or applyplugin is missing; `make c-test` fetches both, of the package ladspa-sdk"
    return ""


pytestmark = pytest.mark.skipif(bool(absent()), reason=absent())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Folder of the plug-ins and of tfbwe-wav; nothing is installed, so the plug-ins need TFBWE_MODELS."""
    folder = tmp_path_factory.mktemp("ladspa")
    nowhere = f"-DCMAKE_INSTALL_PREFIX={folder / 'nowhere'}"
    return configured(folder, *LADSPA, "-DTFBWE_TESTS=OFF", "-DCMAKE_C_FLAGS=-Werror", nowhere)


def signal(channels, seconds=1.0):
    x = music(channels, seconds)
    return x + noise(channels, x.shape[1], CUTOFF_HZ, 0.01)


# ---- A host of the LADSPA package ----


def applied(plugin, source, target, channels, *controls, models=MODELS):
    """Status of applyplugin and the lines of standard error, without those of TFLite."""
    command = [tool("applyplugin"), source, target, plugin, f"tfbwe_{SIDES[channels]}", *controls]
    where = {**os.environ, "TFBWE_MODELS": str(models)}
    if models is None:
        del where["TFBWE_MODELS"]
    done = subprocess.run([str(word) for word in command], env=where, capture_output=True, text=True)
    return done.returncode, [line for line in done.stderr.splitlines() if not line.startswith("INFO")]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("diffuse", [1, 0.5])
def test_a_host_writes_what_tfbwe_wav_writes_2048_samples_late(built, tmp_path, channels, diffuse):
    source, target, wanted = (tmp_path / name for name in ("in.wav", "out.wav", "wanted.wav"))
    soundfile.write(source, 0.5 * signal(channels).T, 44100, subtype="PCM_16")
    assert applied(built / "tfbwe_ladspa.so", source, target, channels, 8000, diffuse)[0] == 0
    run(built / "tfbwe-wav", MODELS / f"stft-{SIDES[channels]}.tflite", source, wanted, 8000, diffuse)
    sent, received, expected = (soundfile.read(path, always_2d=True)[0] for path in (source, target, wanted))
    assert received.shape == sent.shape
    assert np.max(np.abs(received[LATENCY:] - expected[:-LATENCY])) <= STEP
    # What is added is far above that step, or the line before would show little.
    assert np.max(np.abs(expected - sent)) > 100 * STEP


def test_a_host_shows_both_plugins_with_their_sliders(built):
    shown = run(tool("analyseplugin"), built / "tfbwe_ladspa.so")
    for label in ("tfbwe_mono", "tfbwe_stereo"):
        assert f'Plugin Label: "{label}"' in shown
    assert shown.count('"Cutoff (Hz)" input, control, 0 to 22050, default 11025') == 2
    assert shown.count('"Diffuse" input, control, 0 to 1, default 1') == 2
    assert shown.count('"latency" output, control') == 2


def test_what_it_cannot_do_is_refused_in_one_line(built, tmp_path):
    good, fast, target = (tmp_path / name for name in ("good.wav", "fast.wav", "out.wav"))
    soundfile.write(good, signal(1, 0.2).T, 44100)
    soundfile.write(fast, signal(1, 0.2).T, 48000)
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    shutil.copy(MODELS / "stft-stereo.tflite", swapped / "stft-mono.tflite")
    cases = [
        (fast, MODELS, "tfbwe_mono: expected 44100 samples a second, received 48000; set the host to 44100"),
        (good, tmp_path, f"tfbwe_mono: {tmp_path}/stft-mono.tflite: the model file cannot be read"),
        (good, swapped, "the model was made for another number of channels"),
        (good, None, f"{built}/nowhere/share/tfbwe/stft-mono.tflite: the model file cannot be read"),
    ]
    for source, models, words in cases:
        status, said = applied(built / "tfbwe_ladspa.so", source, target, 1, 8000, 1, models=models)
        assert status != 0
        assert [words in line for line in said].count(True) == 1
        assert [line.startswith("tfbwe_mono") for line in said].count(True) == 1


def test_installed_it_finds_its_models_by_itself(tmp_path):
    prefix = tmp_path / "prefix"
    off = ("-DTFBWE_TESTS=OFF", "-DTFBWE_PROGRAMS=OFF")
    folder = configured(tmp_path / "build", *LADSPA, *off, f"-DCMAKE_INSTALL_PREFIX={prefix}")
    run(CMAKE, "--install", folder)
    soundfile.write(tmp_path / "in.wav", signal(2, 0.2).T, 44100)
    plugin = prefix / "lib" / "ladspa" / "tfbwe_ladspa.so"
    assert applied(plugin, tmp_path / "in.wav", tmp_path / "out.wav", 2, 8000, 1, models=None)[0] == 0
    assert soundfile.info(tmp_path / "out.wav").frames == round(0.2 * 44100)


# ---- A host of our own, for what that one does not do ----

_HANDLE = ctypes.c_void_p
_FLOATS = ctypes.POINTER(ctypes.c_float)


class Descriptor(ctypes.Structure):
    _fields_ = [
        ("unique_id", ctypes.c_ulong),
        ("label", ctypes.c_char_p),
        ("properties", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("maker", ctypes.c_char_p),
        ("copyright", ctypes.c_char_p),
        ("port_count", ctypes.c_ulong),
        ("ports", ctypes.c_void_p),
        ("port_names", ctypes.c_void_p),
        ("hints", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
        ("instantiate", ctypes.CFUNCTYPE(_HANDLE, ctypes.c_void_p, ctypes.c_ulong)),
        ("connect_port", ctypes.CFUNCTYPE(None, _HANDLE, ctypes.c_ulong, _FLOATS)),
        ("activate", ctypes.CFUNCTYPE(None, _HANDLE)),
        ("run", ctypes.CFUNCTYPE(None, _HANDLE, ctypes.c_ulong)),
        ("run_adding", ctypes.c_void_p),
        ("set_run_adding_gain", ctypes.c_void_p),
        ("deactivate", ctypes.c_void_p),
        ("cleanup", ctypes.CFUNCTYPE(None, _HANDLE)),
    ]


class Host:
    """One instance of a plug-in."""

    def __init__(self, plugin, channels, rate=44100):
        library = ctypes.CDLL(str(plugin))
        library.ladspa_descriptor.argtypes = [ctypes.c_ulong]
        library.ladspa_descriptor.restype = ctypes.POINTER(Descriptor)
        assert not library.ladspa_descriptor(2)
        found = library.ladspa_descriptor(channels - 1)
        self.plugin, self.channels = found.contents, channels
        self.handle = self.plugin.instantiate(ctypes.cast(found, ctypes.c_void_p), rate)
        assert self.handle
        self.cutoff, self.diffuse, self.latency = (np.zeros(1, np.float32) for _ in range(3))
        self.cutoff[0], self.diffuse[0] = CUTOFF_HZ, 1
        for i, control in enumerate((self.cutoff, self.diffuse, self.latency)):
            self.connect(2 * channels + i, control)
        self.plugin.activate(self.handle)

    def connect(self, port, array):
        self.plugin.connect_port(self.handle, port, array.ctypes.data_as(_FLOATS))

    def process(self, x, sizes=(1024,)):
        """Output of a whole input, in blocks of these sizes in turn."""
        x = np.ascontiguousarray(x, np.float32)
        out = np.full_like(x, 7)
        at = turn = 0
        while at < x.shape[1]:
            size = min(sizes[turn % len(sizes)], x.shape[1] - at)
            for c in range(self.channels):
                self.connect(c, x[c, at:])
                self.connect(self.channels + c, out[c, at:])
            self.plugin.run(self.handle, size)
            at, turn = at + size, turn + 1
        return out

    def close(self):
        self.plugin.cleanup(self.handle)


@pytest.fixture
def host(built, monkeypatch):
    """Make hosts, and close them."""
    monkeypatch.setenv("TFBWE_MODELS", str(MODELS))
    ctypes.CDLL(find_tflite(), mode=os.RTLD_NOW)
    hosts = []

    def make(channels):
        hosts.append(Host(built / "tfbwe_ladspa.so", channels))
        return hosts[-1]

    yield make
    for one in hosts:
        one.close()


@pytest.mark.parametrize("channels", [1, 2])
def test_blocks_of_any_size_change_no_bit(host, built, tmp_path, channels):
    x = 0.5 * signal(channels)
    wanted = host(channels).process(x)
    for sizes in [(1, 0, 511, 512, 513), (64,), (x.shape[1],)]:
        assert np.array_equal(host(channels).process(x, sizes), wanted)
    soundfile.write(tmp_path / "in.wav", x.T, 44100, subtype="FLOAT")
    model = MODELS / f"stft-{SIDES[channels]}.tflite"
    run(built / "tfbwe-wav", model, tmp_path / "in.wav", tmp_path / "out.wav", CUTOFF_HZ)
    expected = soundfile.read(tmp_path / "out.wav", dtype="float32", always_2d=True)[0].T
    assert np.array_equal(wanted[:, LATENCY:], expected[:, :-LATENCY])


@pytest.mark.parametrize("channels", [1, 2])
def test_at_cutoff_0_the_input_comes_out_as_it_was_as_late_as_it_says(host, channels):
    x = signal(channels, 0.3)
    one = host(channels)
    one.cutoff[0] = 0
    out = one.process(x)
    assert one.latency[0] == LATENCY
    assert np.array_equal(out[:, LATENCY:], x[:, :-LATENCY])


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_gives_silence(host, channels):
    assert not host(channels).process(np.zeros((channels, 20000))).any()


def test_outputs_may_lie_on_any_inputs(host):
    x = signal(2, 0.3)
    wanted = host(2).process(x)
    for order in ([0, 1], [1, 0]):
        one, memory = host(2), np.array(x)
        for c in range(2):
            one.connect(c, memory[c])
            one.connect(2 + c, memory[order[c]])
        one.plugin.run(one.handle, x.shape[1])
        assert np.array_equal(memory[order], wanted)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_count_as_lost_and_do_no_lasting_harm(host, wrong):
    x = signal(2, 1.0)
    damaged, cleared = np.array(x), np.array(x)
    damaged[1, 10000] = wrong
    cleared[:, 9728:10240] = 0  # the block of 512 that it is in
    out = host(2).process(damaged, (512,))
    assert np.isfinite(out).all()
    plain = host(2)
    plain.cutoff[0] = 0
    assert np.array_equal(plain.process(damaged, (512,))[:, LATENCY:], cleared[:, :-LATENCY])
    undamaged = host(2).process(x, (512,))
    late = slice(-8192, None)
    added = np.std(undamaged[:, LATENCY:] - x[:, :-LATENCY])
    assert np.std(out[:, late] - undamaged[:, late]) < added


@pytest.mark.parametrize(
    ("cutoff", "diffuse", "same"),
    [(-5, 1, (0, 1)), (np.nan, 1, (0, 1)), (1e9, 1, (22050, 1)), (8000, 7, (8000, 1)), (8000, -7, (8000, 0)),
     (8000, np.nan, (8000, 0)), (np.inf, np.inf, (22050, 1))],
)  # fmt: skip
def test_settings_out_of_range_are_held_at_its_ends(host, cutoff, diffuse, same):
    x = signal(1, 0.3)
    one, other = host(1), host(1)
    for at, pair in ((one, (cutoff, diffuse)), (other, same)):
        at.cutoff[0] = 12000
        at.diffuse[0] = 0.5
        at.process(x)  # so that a setting which is refused would show
        at.cutoff[0], at.diffuse[0] = pair
    assert np.array_equal(one.process(x), other.process(x))


def test_activate_starts_anew(host):
    x = signal(2, 0.5)
    one = host(2)
    first = one.process(x)
    again = one.process(x)
    assert not np.array_equal(again, first)
    one.plugin.activate(one.handle)
    assert np.array_equal(one.process(x), first)


@pytest.mark.parametrize("level", [1e10, 1e30, 3e38])
def test_very_loud_input_does_no_lasting_harm(host, level):
    x = signal(1, 0.5)
    one = host(1)
    one.process(np.full((1, 4096), level))
    one.process(np.zeros((1, 44100)))
    assert np.isfinite(one.process(x)).all()


def test_settings_take_effect_while_it_runs(host):
    x = signal(1, 0.5)
    one = host(1)
    one.cutoff[0] = 0
    before = one.process(x)
    assert np.array_equal(before[:, LATENCY:], x[:, :-LATENCY])
    one.cutoff[0] = CUTOFF_HZ
    after = one.process(x)
    assert np.std(after[:, LATENCY:] - x[:, :-LATENCY]) > 1e-4
