from __future__ import annotations

import io
import os
import struct
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.sound_files import FORMATS, noise, read, write
from tfbwe.audio.reader import Reader
from tfbwe.audio.resampler import Resampler
from tfbwe.errors import AudioError, ConfigError


@pytest.mark.parametrize("suffix", ["flac", "ogg", "opus", "mp3"])
def test_reading_from_the_start_again_gives_the_same_samples(tmp_path, suffix):
    container, subtype = {s: (c, t) for c, t, s in FORMATS}[suffix]
    path = write(tmp_path / f"x.{suffix}", noise(samples=100000), 48000, container, subtype)
    with Reader(path) as reader:
        once = np.concatenate(list(reader.blocks()), axis=1)
        list(reader.blocks(start=50000, stop=60000))
        again = np.concatenate(list(reader.blocks()), axis=1)
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8"])
def test_integer_samples_come_back_bit_for_bit(tmp_path, subtype):
    x = np.append(noise(1), [[-1.0]], axis=1)
    once = read(write(tmp_path / "1.wav", x, subtype=subtype))
    assert once.min() == -1.0
    np.testing.assert_array_equal(once, read(write(tmp_path / "2.wav", once, subtype=subtype)))


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_channels_and_rates_are_kept(tmp_path, channels, rate):
    path = write(tmp_path / "x.flac", noise(channels, 500), rate, "FLAC", "PCM_24")
    with Reader(path) as reader:
        assert (reader.channels, reader.sample_rate, reader.frames) == (channels, rate, 500)


@pytest.mark.parametrize("container", ["WAV", "AIFF"])
def test_a_sound_of_no_length_is_read_and_written(tmp_path, container):
    path = write(tmp_path / "x", noise(2, 0), 44100, container)
    assert read(path).shape == (2, 0)


def _cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def test_bad_files_are_refused_in_one_line_that_names_them(tmp_path):
    song = tmp_path / "bad song.wav"

    def refuses(reason):
        with pytest.raises(AudioError, match=reason) as caught:
            read(song)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith(str(song))

    refuses("No such file")
    song.write_bytes(b"")
    refuses("empty")
    song.write_bytes(b"just text, no sound at all\n" * 50)
    refuses("not a sound file")
    song.write_bytes(np.random.default_rng(0).bytes(5000))
    refuses("not a sound file")
    for keep in (20000, 45):
        write(song, noise(), force=True)
        _cut(song, keep)
        refuses("cut short: its header says 80000 bytes")
    write(song, noise(), force=True)
    _cut(song, 30)
    refuses("not a sound file")
    write(song, noise(1, 100), rate=7999, force=True)
    refuses("8000-192000 Hz, received 7999")
    write(song, noise(9, 100), force=True)
    refuses("1-8 channels, received 9")
    song.unlink()
    song.mkdir()
    refuses("folder")


@pytest.mark.parametrize(("container", "suffix"), [("AIFF", "aiff"), ("RF64", "wav"), ("FLAC", "flac")])
def test_other_exact_formats_cut_short_are_refused(tmp_path, container, suffix):
    path = write(tmp_path / f"x.{suffix}", noise(2, 300000), 44100, container)
    _cut(path, path.stat().st_size // 2)
    with pytest.raises(AudioError, match="cut short"):
        read(path)


def test_a_wav_whose_length_was_left_open_by_a_pipe_is_read_whole(tmp_path):
    path = write(tmp_path / "x.wav", noise())
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0xFFFFFFFF)
    path.write_bytes(data)
    assert read(path).shape == (2, 20000)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_no_number_is_refused_with_its_place(tmp_path, value):
    x = noise(2, 48000)
    x[1, 36000] = value
    soundfile.write(tmp_path / "x.wav", x.T, 48000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"NaN or infinite sample at 0\.750 s"):
        read(tmp_path / "x.wav")


def test_standard_input_and_output_carry_sound(tmp_path, monkeypatch):
    path = write(tmp_path / "x.wav", noise())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(path.read_bytes())))
    with Reader("-") as reader:
        spooled = reader._spooled
        x = np.concatenate(list(reader.blocks()), axis=1)
    assert not os.path.exists(spooled)
    sink = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=sink))
    write("-", x)
    y, rate = soundfile.read(io.BytesIO(sink.getvalue()), dtype="float32")
    assert rate == 48000
    np.testing.assert_array_equal(y.T, x)


def test_an_empty_name_and_a_closed_standard_input_are_refused(monkeypatch):
    with pytest.raises(AudioError, match="received an empty one"):
        Reader("")
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(AudioError, match=r"^standard input: cannot be read: it is closed$"):
        Reader("-")


def test_a_pipe_is_read_like_a_file(tmp_path):
    data = write(tmp_path / "x.wav", noise(1, 1000)).read_bytes()
    out, into = os.pipe()
    os.write(into, data)
    os.close(into)
    assert read(f"/dev/fd/{out}").shape == (1, 1000)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([8000, 11025, 22050, 44100, 48000, 96000, 192000]),
    st.sampled_from([44100, 48000, 96000]),
    st.integers(0, 9000),
    st.lists(st.integers(0, 5000), max_size=8),
)
def test_a_resampled_stream_has_the_exact_length_and_the_same_bits_for_any_blocks(
    in_rate, out_rate, samples, cuts
):
    x = noise(2, samples)

    def stream(places):
        resampler = Resampler(in_rate, out_rate, 2)
        parts = [
            resampler.process(part) for part in np.split(x, sorted(min(p, samples) for p in places), axis=1)
        ]
        return np.concatenate([*parts, resampler.flush()], axis=1)

    whole = stream([])
    assert whole.shape == (2, round(samples * out_rate / in_rate))
    np.testing.assert_array_equal(whole, stream(cuts))


@pytest.mark.parametrize(("in_rate", "out_rate"), [(8000, 44100), (44100, 96000), (96000, 44100)])
def test_resampling_keeps_time_and_level(in_rate, out_rate):
    x = np.sin(2 * np.pi * 1000 / in_rate * np.arange(in_rate)).astype(np.float32)[None]
    resampler = Resampler(in_rate, out_rate, 1)
    y = np.concatenate([resampler.process(x), resampler.flush()], axis=1)
    expected = np.sin(2 * np.pi * 1000 / out_rate * np.arange(out_rate))
    middle = slice(out_rate // 4, -out_rate // 4)
    assert np.abs(y[0] - expected)[middle].max() < 1e-6


def test_equal_rates_pass_samples_through_untouched():
    x = noise()
    assert Resampler(44100, 44100, 2).process(x) is x
    with pytest.raises(ConfigError, match="positive"):
        Resampler(0, 44100, 2)
