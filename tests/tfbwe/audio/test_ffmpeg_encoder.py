from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.ffmpeg import lag, needing_ffmpeg
from tests.helpers.sound_files import noise, read, write
from tfbwe.audio.ffmpeg_encoder import EncodedFile
from tfbwe.audio.formats import CONTAINERS, FFMPEG, LOSSY, RATES
from tfbwe.audio.reader import Reader
from tfbwe.audio.writer import Writer
from tfbwe.errors import AudioError

pytestmark = needing_ffmpeg
PAIRS = [
    (name, subtype)
    for name, own in CONTAINERS.items()
    if own.written_by == FFMPEG
    for subtype in own.encoders
]
LOSSY_PAIRS = [pair for pair in PAIRS if pair[1] in LOSSY]
LOSSLESS_PAIRS = [pair for pair in PAIRS if pair[1] not in LOSSY]
BY_ENCODER = {CONTAINERS[name].encoders[subtype].encoder: (name, subtype) for name, subtype in PAIRS}
BY_CONTAINER = {name: (name, subtype) for name, subtype in PAIRS}
RATE = 48000


def named(folder, container):
    return folder / f"x{CONTAINERS[container].suffixes[0]}"


@pytest.mark.parametrize(("container", "subtype"), BY_ENCODER.values())
def test_every_channel_keeps_its_place_or_is_refused(tmp_path, container, subtype):
    layouts = CONTAINERS[container].encoders[subtype].layouts
    time = np.arange(RATE // 2) / RATE
    tones = [60.0 if k == 3 else 400.0 + 200 * k for k in range(8)]  # the fourth of six is a low one
    x = np.stack([0.4 * np.sin(2 * np.pi * tone * time) for tone in tones]).astype(np.float32)
    for channels in range(1, 9):
        path = tmp_path / f"{channels}{CONTAINERS[container].suffixes[0]}"
        if not "".join(layouts[channels - 1 : channels]):
            with pytest.raises(AudioError, match=f"cannot write {channels} channels at 48000 Hz as"):
                write(path, x[:channels], RATE, container, subtype)
            continue
        y = read(write(path, x[:channels], RATE, container, subtype))
        assert len(y) == channels
        for k in range(channels):
            assert np.corrcoef(x[k, 4000:20000], y[k, 4000:20000])[0, 1] > 0.98, (channels, k)
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(("container", "subtype"), LOSSLESS_PAIRS)
def test_lossless_formats_keep_every_bit_and_round_the_rest(tmp_path, container, subtype):
    x = np.append(noise(), [[1.5, -1.0, 0.0], [-1.5, 1.0, 0.0]], axis=1).astype(np.float32)
    with Reader(write(named(tmp_path, container), x, RATE, container, subtype)) as reader:
        assert (reader.container, reader.subtype) == (container, subtype)
        y = np.concatenate(list(reader.blocks()), axis=1)
    if subtype == "FLOAT":
        np.testing.assert_array_equal(y, x)
        return
    steps = 2.0 ** (int(subtype.rpartition("_")[2].strip("U")) - 1)
    expected = np.clip(np.rint(x.astype(np.float64) * steps), -steps, steps - 1) / steps
    np.testing.assert_array_equal(y, expected.astype(np.float32))


@pytest.mark.parametrize(
    ("container", "subtype", "rate"),
    [(*pair, rate) for pair in LOSSY_PAIRS for rate in (44100, 48000) if rate in RATES.get(pair[1], (rate,))],
)
def test_lossy_formats_keep_the_place_the_length_and_the_band_up_to_20_khz(
    tmp_path, container, subtype, rate
):
    x = (0.5 * noise(samples=200000)).astype(np.float32)
    y = read(write(named(tmp_path, container), x, rate, container, subtype))
    assert lag(x, y) == 0
    assert 0 <= y.shape[1] - x.shape[1] <= 2048
    for low, high in ((8000, 16000), (16000, 19000), (19000, 20000)):
        assert abs(level_db(y[:, : x.shape[1]], rate, low, high) - level_db(x, rate, low, high)) < 1.5


def level_db(x, rate, low, high):
    power = np.abs(np.fft.rfft(x)) ** 2
    band = np.fft.rfftfreq(x.shape[1], 1 / rate)
    return 10 * np.log10(power[:, (band > low) & (band < high)].mean())


@pytest.mark.parametrize("kbps", [96, 128, 320])
def test_the_bit_rate_is_that_which_is_asked_for_and_the_band_stays(tmp_path, kbps):
    path = tmp_path / "x"
    file = EncodedFile(str(path), RATE, 2, container="M4A", subtype="AAC", kbps=kbps)
    x = np.cumsum(noise(samples=10 * RATE), axis=1)  # falls towards high frequencies, as music does
    x = 0.1 * (x - x.mean(axis=1, keepdims=True)) / np.abs(x).max() + 0.01 * noise(samples=10 * RATE, seed=1)
    file.write(x.T)
    file.close()
    assert 0.8 * kbps < path.stat().st_size * 8 / 10 / 1000 < 1.15 * kbps
    y = read(path)[:, : x.shape[1]]
    assert abs(level_db(y, RATE, 19000, 20000) - level_db(x, RATE, 19000, 20000)) < 3


def test_a_sound_of_no_length_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(AudioError, match="no length"):
        write(tmp_path / "x.m4a", noise(2, 0), RATE, "M4A", "AAC")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_ffmpeg_is_an_error_and_leaves_nothing(tmp_path):
    def killed():
        with Writer(tmp_path / "x.m4a", RATE, 2, container="M4A", subtype="AAC") as file:
            file.write(noise())
            file._file._process._process.kill()
            for _ in range(100):
                file.write(noise())

    with pytest.raises(AudioError, match=r"x\.m4a: cannot be written: ffmpeg: signal 9$"):
        killed()
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_ours_ends_ffmpeg_and_leaves_nothing(tmp_path):
    processes = []

    def fail():
        with Writer(tmp_path / "x.m4a", RATE, 2, container="M4A", subtype="AAC") as file:
            processes.append(file._file._process._process)
            file.write(noise())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert processes[0].returncode is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize(("container", "subtype"), BY_CONTAINER.values())
def test_a_full_disk_is_an_error(container, subtype):
    file = EncodedFile("/dev/full", RATE, 2, container=container, subtype=subtype)

    def fill():
        for _ in range(20):
            file.write(noise().T)
        file.close()

    with pytest.raises(OSError, match="ffmpeg: "):
        fill()


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of processes")
def test_a_file_that_may_not_grow_further_is_an_error_and_leaves_nothing(tmp_path):
    code = """
import resource, sys
from tests.helpers.sound_files import noise, write
from tfbwe.errors import AudioError
resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
try:
    write(sys.argv[1], noise(samples=1000000), 48000, "M4A", "ALAC_16")
except AudioError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "x.m4a"], capture_output=True, text=True)
    assert "x.m4a: cannot be written: ffmpeg: " in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []
