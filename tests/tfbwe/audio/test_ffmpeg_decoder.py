from __future__ import annotations

import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from tests.helpers.ffmpeg import encode, lag, needing_ffmpeg, run
from tests.helpers.sound_files import noise, read
from tfbwe.audio.reader import Reader
from tfbwe.errors import AudioError

pytestmark = needing_ffmpeg
_24 = ("-sample_fmt", "s32", "-bits_per_raw_sample", "24")
_24_PLANAR = ("-sample_fmt", "s32p", "-bits_per_raw_sample", "24")


def whole_steps(bits, channels=2, samples=50000):
    return np.round(noise(channels, samples) * 2 ** (bits - 1)).astype(np.float32) / 2 ** (bits - 1)


def lower_band(samples=100000, channels=2):
    """Noise in the lower band: what every codec keeps."""
    x = np.cumsum(noise(channels, samples), axis=1)
    x = x - np.apply_along_axis(lambda row: np.convolve(row, np.ones(64) / 64, "same"), 1, x)
    return (0.5 * x / np.abs(x).max()).astype(np.float32)


@pytest.mark.parametrize(
    ("suffix", "arguments", "named", "bits"),
    [
        ("m4a", ("-c:a", "alac", "-sample_fmt", "s16p"), ("M4A", "ALAC_16"), 16),
        ("m4a", ("-c:a", "alac", *_24_PLANAR), ("M4A", "ALAC_24"), 24),
        ("mov", ("-c:a", "pcm_s24le"), ("M4A", "PCM_24"), 24),
        ("wv", ("-sample_fmt", "s16p"), ("WAVPACK", "PCM_16"), 16),
        ("wv", _24_PLANAR, ("WAVPACK", "PCM_24"), 24),
        ("wv", ("-sample_fmt", "fltp"), ("WAVPACK", "FLOAT"), 24),
        ("mka", ("-c:a", "flac", "-sample_fmt", "s16"), ("MATROSKA", "PCM_16"), 16),
        ("mkv", ("-c:a", "flac", *_24), ("MATROSKA", "PCM_24"), 24),
        ("tta", ("-sample_fmt", "s16"), ("TTA", "PCM_16"), 16),
        ("tta", _24, ("TTA", "PCM_24"), 24),
    ],
)
def test_lossless_sound_comes_back_bit_for_bit(tmp_path, suffix, arguments, named, bits):
    x = whole_steps(bits)
    path = encode(tmp_path / f"x.{suffix}", x, 44100, *arguments)
    with Reader(path) as reader:
        assert (reader.container, reader.subtype) == named
        assert (reader.sample_rate, reader.channels) == (44100, 2)
        assert x.shape[1] - 100 <= reader.frames <= x.shape[1]
        y = np.concatenate(list(reader.blocks(3000)), axis=1)
        assert y.dtype == np.float32
        part = np.concatenate(list(reader.blocks(3000, start=20011, stop=31000)), axis=1)
        again = np.concatenate(list(reader.blocks()), axis=1)
        assert reader.notes == []
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(again, x)
    assert part.shape == (2, 10989)
    if reader.container == "MATROSKA":  # its clock ticks once a millisecond
        assert abs(lag(x[:, 20011:31000], part)) <= 45
    else:
        np.testing.assert_array_equal(part, x[:, 20011:31000])


@pytest.mark.parametrize(
    ("suffix", "arguments", "rate", "longer"),
    [
        *(("m4a", ("-c:a", "aac", "-b:a", "128k"), rate, 0.004) for rate in (22050, 44100, 48000)),
        *(("webm", ("-c:a", "libvorbis"), rate, 0.025) for rate in (22050, 44100)),
        ("mka", ("-c:a", "libopus", "-b:a", "128k"), 48000, 0.001),
    ],
)
def test_lossy_sound_keeps_its_place_and_its_length(tmp_path, suffix, arguments, rate, longer):
    x = lower_band()
    path = encode(tmp_path / f"x.{suffix}", x, rate, *arguments)
    with Reader(path) as reader:
        y = np.concatenate(list(reader.blocks()), axis=1)
        part = np.concatenate(list(reader.blocks(start=50000, stop=90000)), axis=1)
        assert reader.notes == []
    assert lag(x, y) == 0
    assert np.corrcoef(x[0], y[0, : x.shape[1]])[0, 1] > 0.9
    assert 0 <= y.shape[1] - x.shape[1] <= longer * rate
    assert abs(lag(x[:, 50000:90000], part)) <= (0 if suffix == "m4a" else 0.05 * rate)


def test_a_header_that_states_too_little_cuts_nothing_off(tmp_path):
    path = encode(tmp_path / "x.m4a", lower_band(), 44100)
    with Reader(path) as reader:
        whole = np.concatenate(list(reader.blocks()), axis=1)
    with Reader(path) as reader:
        reader._file._stop = 30000
        y = np.concatenate(list(reader.blocks(7000)), axis=1)
    np.testing.assert_array_equal(y[:, : whole.shape[1]], whole)
    assert 0 < y.shape[1] - whole.shape[1] < 1024


@pytest.mark.skipif(sys.platform != "linux", reason="names are UTF-8 elsewhere")
@pytest.mark.parametrize("name", [b"a b", b"-i", b"http:x", b"\xe9\xff", b"100%d", "☃'\"".encode()])
def test_names_that_look_like_something_else(tmp_path, monkeypatch, name):
    encode(tmp_path / "x.wv", noise(), 44100)
    monkeypatch.chdir(tmp_path)
    path = os.fsdecode(name) + ".wv"
    os.rename("x.wv", path)
    assert read(path).shape == (2, 20000)


def test_standard_input_may_be_such_a_file(tmp_path, monkeypatch):
    path = encode(tmp_path / "x.m4a", whole_steps(16), 44100, "-c:a", "alac")
    with open(path, "rb") as stream:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
        np.testing.assert_array_equal(read("-"), whole_steps(16))


def test_a_wrong_suffix_does_not_matter(tmp_path):
    path = encode(
        tmp_path / "x.mp3", whole_steps(16), 44100, "-c:a", "alac", "-sample_fmt", "s16p", "-f", "ipod"
    )
    with Reader(path) as reader:
        assert (reader.container, reader.subtype) == ("M4A", "ALAC_16")


@pytest.mark.parametrize("channels", range(1, 9))
def test_every_channel_stays_in_its_place(tmp_path, channels):
    x = whole_steps(16, channels, 8000)
    np.testing.assert_array_equal(read(encode(tmp_path / "x.wv", x, 48000)), x)


@pytest.mark.parametrize(
    ("rate", "channels", "said"), [(7000, 1, "7000 Hz"), (384000, 2, "384000 Hz"), (44100, 9, "received 9")]
)
def test_rates_and_channels_beyond_the_usual_are_refused(tmp_path, rate, channels, said):
    path = encode(tmp_path / "x.mov", noise(channels, 5000), rate, "-c:a", "pcm_s16le")
    with pytest.raises(AudioError, match=rf"x\.mov: expected .*{said}"):
        Reader(path)


def test_the_first_sound_stream_is_taken_and_the_rest_is_named(tmp_path):
    one, other = (whole_steps(16)[:, :44100] * gain for gain in (0.5, 0.25))
    for name, x in (("1.wv", one), ("2.wv", other)):
        encode(tmp_path / name, x, 44100, "-sample_fmt", "fltp")
    picture = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64"]
    sounds = ["-i", tmp_path / "1.wv", "-i", tmp_path / "2.wv", "-c:a", "flac"]
    maps = ["-map", 0, "-map", 1, "-map", 2]
    run(*picture, *sounds, *maps, "-c:v", "mpeg4", tmp_path / "all.mkv")
    run("-i", tmp_path / "all.mkv", "-map", "0:v", "-map", "0:a:0", "-c", "copy", tmp_path / "clip.mkv")
    with Reader(tmp_path / "all.mkv") as reader:
        assert reader.notes == [
            "the first of 2 sound streams is taken; left out: 1 video stream, 1 sound stream"
        ]
        y = np.concatenate(list(reader.blocks()), axis=1)
    assert np.abs(y - one).max() < 2**-14
    with Reader(tmp_path / "clip.mkv") as reader:
        assert reader.notes == ["the sound is taken; left out: 1 video stream"]


def test_a_cover_is_no_video(tmp_path):
    encode(tmp_path / "x.m4a", noise(), 44100)
    run("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-frames:v", 1, tmp_path / "c.png")
    covered = ["-map", 0, "-map", 1, "-c", "copy", "-disposition:v:0", "attached_pic"]
    run("-i", tmp_path / "x.m4a", "-i", tmp_path / "c.png", *covered, tmp_path / "y.m4a")
    with Reader(tmp_path / "y.m4a") as reader:
        assert reader.notes == []


def damage(path, at, samples):
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    data[start : start + samples] = np.random.default_rng(0).bytes(samples)
    path.write_bytes(data)


def test_what_cannot_be_decoded_of_a_lossy_file_is_said_in_seconds(tmp_path):
    path = encode(tmp_path / "x.m4a", noise(samples=441000), 44100, "-b:a", "128k", "-movflags", "faststart")
    whole = path.read_bytes()
    damage(path, 0.5, 20000)
    with Reader(path) as reader:
        assert reader.damage == ""
        heard_s = sum(block.shape[1] for block in reader.blocks()) / 44100
        assert reader.damage.startswith(f"damaged: {10 - heard_s:.2f} s of 10.0")
        assert "(ffmpeg: " in reader.damage
    with Reader(path, strict=True) as reader, pytest.raises(AudioError, match="or leave out --strict"):
        list(reader.blocks())
    path.write_bytes(whole[: len(whole) // 2])
    with Reader(path) as reader:
        list(reader.blocks())
        assert "could not be decoded and are left out" in reader.damage


@pytest.mark.parametrize("suffix", ["m4a", "wv", "tta", "mka"])
def test_damage_to_a_lossless_file_is_an_error(tmp_path, suffix):
    codec = {"m4a": ("-c:a", "alac"), "mka": ("-c:a", "flac")}.get(suffix, ())
    path = encode(tmp_path / f"x.{suffix}", whole_steps(16, samples=300000), 44100, *codec)
    damage(path, 0.4, 3000)
    with pytest.raises(AudioError, match=r"x\.\w+: cut short"):
        read(path)


def test_closing_ends_ffmpeg_and_waits_for_it(tmp_path):
    path = encode(tmp_path / "x.wv", noise(2, 3_000_000), 44100)
    reader = Reader(path)
    next(reader.blocks())
    process = reader._file._process._process
    assert process.poll() is None
    reader.close()
    assert process.returncode is not None


def test_a_killed_ffmpeg_is_an_error(tmp_path):
    path = encode(tmp_path / "x.wv", noise(2, 3_000_000), 44100)
    with Reader(path) as reader:
        blocks = reader.blocks()
        next(blocks)
        reader._file._process._process.kill()
        with pytest.raises(AudioError, match=r"x\.wv: cut short or damaged after .* s \(ffmpeg: signal 9\)"):
            list(blocks)


def test_one_bit_sound_is_decoded_at_a_rate_that_can_be_written(tmp_path):
    rate, blocks = 2822400, 60
    wave = 0.4 * np.sin(2 * np.pi * 1000 * np.arange(blocks * 4096 * 8) / rate)
    bits, error = np.zeros(wave.size, np.uint8), 0.0
    for i, value in enumerate(wave):
        bits[i] = value + error >= 0
        error += value - (1.0 if bits[i] else -1.0)
    sound = np.packbits(bits, bitorder="little").tobytes()
    form = [1, 0, 1, 1, rate, 1]  # version, DSD, mono, channels, rate, bits
    fmt = b"fmt " + (52).to_bytes(8, "little") + b"".join(n.to_bytes(4, "little") for n in form)
    fmt += wave.size.to_bytes(8, "little") + (4096).to_bytes(4, "little") + bytes(4)
    data = b"data" + (12 + len(sound)).to_bytes(8, "little") + sound
    size = (28 + len(fmt) + len(data)).to_bytes(8, "little")
    head = b"DSD " + (28).to_bytes(8, "little") + size + bytes(8)
    (tmp_path / "x.dsf").write_bytes(head + fmt + data)
    with Reader(tmp_path / "x.dsf") as reader:
        assert (reader.sample_rate, reader.channels, reader.container) == (176400, 1, "DSF")
        assert reader.notes == ["one-bit samples, decoded at 176400 Hz"]
        y = np.concatenate(list(reader.blocks()), axis=1)
    assert abs(y.shape[1] - wave.size / 16) < 100
    spectrum = np.abs(np.fft.rfft(y[0] * np.hanning(y.shape[1])))
    assert abs(np.argmax(spectrum) * 176400 / y.shape[1] - 1000) < 20
