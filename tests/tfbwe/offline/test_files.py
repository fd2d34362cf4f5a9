from __future__ import annotations

import resource
import sys

import numpy as np
import pytest
import soundfile

from tests.helpers.sound_files import high_energy, low_band
from tfbwe.cutoff.bandwidth import measure_band
from tfbwe.errors import AudioError, ConfigError
from tfbwe.model.bundle import WEIGHTS
from tfbwe.offline.files import extend_file
from tfbwe.offline.signals import extend

SHIPPED = WEIGHTS / "stft.tflite"

pytestmark = pytest.mark.usefixtures("stand_in")


def save(path, x, rate=44100, subtype="PCM_16"):
    soundfile.write(path, x.T, rate, subtype=subtype)
    return path


def load(path):
    x, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return x.T, rate


def test_the_cutoff_is_measured_and_of_a_low_rate_it_is_the_resamplers_edge(low_passed):
    assert measure_band([low_passed(2, 2.0, 44100, 7000)], 44100)[0] == pytest.approx(7000, rel=0.03)
    assert measure_band([low_passed(2, 2.0, 16000, 8000)], 16000) == (7600, "")
    assert measure_band([low_passed(2, 2.0, 16000, 5000)], 16000)[0] == pytest.approx(5000, rel=0.05)


@pytest.mark.parametrize(
    ("level", "samples", "rate", "reason"),
    [
        (0.5, 0, 44100, "holds no sound"),
        (0.5, 0, 8000, "holds no sound"),
        (0.5, 2047, 44100, "too short"),
        (0.0, 48000, 48000, "silent"),
        (1e-5, 44100, 44100, "silent"),
        (0.5, 44100, 44100, "no edge"),
    ],
)
def test_why_no_cutoff_can_be_measured_is_said(low_passed, level, samples, rate, reason):
    x = np.float32(level) * low_passed(2, 1.0, rate, rate / 2, peak=1.0)[:, :samples]
    with pytest.warns(UserWarning, match=f"{reason}.*; nothing added"):
        y, _ = extend(x, rate)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize(("suffix", "rate"), [("wav", 44100), ("flac", 48000), ("aiff", 96000)])
def test_a_file_becomes_what_the_array_becomes(tmp_path, low_passed, suffix, rate):
    source = save(tmp_path / f"in.{suffix}", low_passed(2, 1.0, rate), rate, "PCM_24")
    summary = extend_file(source, tmp_path / f"out.{suffix}", cutoff_hz=6000)
    y, out_rate = load(tmp_path / f"out.{suffix}")
    expected, _ = extend(load(source)[0], rate, cutoff_hz=6000)
    assert np.abs(y - expected).max() <= 2.0**-23
    assert soundfile.info(tmp_path / f"out.{suffix}").subtype == "PCM_24"
    assert (summary.sample_rate, summary.extended, summary.measured, summary.notes) == (rate, True, False, ())
    assert (summary.cutoff_hz, out_rate) == (6000, rate)


def test_a_file_measures_its_own_cutoff_also_from_excerpts(tmp_path, low_passed, monkeypatch):
    monkeypatch.setattr("tfbwe.offline.received.EXCERPT_S", 0.2)
    source = save(tmp_path / "in.wav", low_passed(1, 5.0, 44100, 7000))
    summary = extend_file(source, tmp_path / "out.wav")
    assert summary.measured
    assert summary.cutoff_hz == pytest.approx(7000, rel=0.03)


def test_a_full_band_file_is_passed_through_bit_for_bit_and_said_so(tmp_path, low_passed):
    source = save(tmp_path / "in.wav", low_passed(2, 1.0, cutoff_hz=22050, peak=1.0))
    summary = extend_file(source, tmp_path / "out.wav")
    assert not summary.extended
    assert "no edge" in summary.notes[0]
    np.testing.assert_array_equal(load(source)[0], load(tmp_path / "out.wav")[0])


@pytest.mark.parametrize(
    ("suffix", "rate", "out_rate"), [("opus", 8000, 48000), ("mp3", 8000, 44100), ("ogg", 8000, 44100)]
)
def test_lossy_files_get_a_rate_their_format_has(tmp_path, low_passed, suffix, rate, out_rate):
    source = tmp_path / f"in.{suffix}"
    formats = {"opus": ("OGG", "OPUS"), "mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS")}
    soundfile.write(
        source, low_passed(2, 1.0, rate, 4000).T, rate, formats[suffix][1], format=formats[suffix][0]
    )
    summary = extend_file(source, tmp_path / f"out.{suffix}")
    info = soundfile.info(tmp_path / f"out.{suffix}")
    assert (info.format, info.subtype) == formats[suffix]
    assert info.samplerate == summary.sample_rate == out_rate
    assert summary.seconds == pytest.approx(1.0, abs=1e-3)
    y, _ = load(tmp_path / f"out.{suffix}")
    assert high_energy(y, out_rate) > 10


@pytest.mark.parametrize("rate", [44100, 96000])
def test_where_the_sum_would_clip_the_high_band_alone_is_lowered_and_counted(tmp_path, low_passed, rate):
    source = save(tmp_path / "in.wav", low_passed(2, 1.0, rate, peak=0.999), rate)
    received, _ = load(source)
    clamped = extend_file(source, tmp_path / "clamp.wav", cutoff_hz=6000, clip="clamp")
    assert "samples beyond the range of PCM_16, clamped" in clamped.notes[0]
    soft = extend_file(source, tmp_path / "soft.wav", cutoff_hz=6000)
    assert len(soft.notes) == 1
    assert "high band lowered at" in soft.notes[0]
    y, _ = load(tmp_path / "soft.wav")
    assert np.abs(y).max() < 1.0
    # Only the gain of the high band moves: what is added stays above the received band.
    assert np.abs(low_band(y - received, rate, 4000))[:, 2000:-2000].max() < 0.01
    assert high_energy(y, rate) > 0.5 * high_energy(load(tmp_path / "clamp.wav")[0], rate)


def test_one_place_and_one_sample_are_said_in_the_singular(tmp_path):
    x = np.zeros((1, 44100), np.float32)
    x[0, 22060] = 0.9  # Where the carrier of the stand-in is at its top: 22060 + 2048 = 164 * 147.
    source = save(tmp_path / "in.wav", x)
    said = [
        extend_file(source, tmp_path / f"{clip}.wav", cutoff_hz=6000, clip=clip).notes[0]
        for clip in ("soft", "clamp")
    ]
    assert said[0].startswith("high band lowered at 1 place, ")
    assert said[1] == "1 sample beyond the range of PCM_16, clamped"


def test_rescaling_scales_everything_by_one_factor(tmp_path, low_passed):
    source = save(tmp_path / "in.wav", low_passed(2, 1.0, peak=0.999))
    summary = extend_file(source, tmp_path / "out.wav", cutoff_hz=6000, clip="rescale")
    expected, _ = extend(load(source)[0], 44100, cutoff_hz=6000)
    y, _ = load(tmp_path / "out.wav")
    assert "scaled by -" in summary.notes[0]
    assert np.abs(y - expected * (32767 / 32768) / np.abs(expected).max()).max() <= 2.0**-15
    with pytest.raises(ConfigError, match="soft, clamp, rescale"):
        extend_file(source, tmp_path / "other.wav", clip="hard")


def test_a_file_that_turns_out_bad_while_written_leaves_nothing(tmp_path, low_passed):
    x = low_passed(2, 1.0)
    x[0, 40000] = np.nan
    source = save(tmp_path / "in.wav", x, subtype="FLOAT")
    for cutoff_hz in (None, 6000):
        with pytest.raises(AudioError, match="NaN"):
            extend_file(source, tmp_path / "out.wav", cutoff_hz=cutoff_hz)
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_progress_counts_the_seconds_of_the_file(tmp_path, low_passed):
    seen = []
    source = save(tmp_path / "in.wav", low_passed(1, 2.0))
    extend_file(source, tmp_path / "1.wav", progress=lambda *seconds: seen.append(seconds))
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx((2.0, 2.0))
    seen.clear()
    extend_file(source, tmp_path / "2.wav", clip="rescale", progress=lambda *seconds: seen.append(seconds))
    assert seen == sorted(seen)
    assert seen[0] == pytest.approx((32768 / 44100, 4.0))
    assert seen[-1] == pytest.approx((4.0, 4.0))


def test_memory_does_not_grow_with_length(tmp_path, low_passed):
    x = low_passed(2, 5.0)

    def grown(seconds):
        source = tmp_path / f"{seconds}.wav"
        with soundfile.SoundFile(source, "w", 44100, 2) as file:
            for _ in range(seconds // 5):
                file.write(x.T)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        extend_file(source, tmp_path / f"{seconds}.out.wav", cutoff_hz=6000)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    grown(10)
    kilobyte = 1024 if sys.platform == "darwin" else 1
    assert grown(120) < 8000 * kilobyte


@pytest.mark.skipif(not SHIPPED.is_file(), reason="no trained model in this checkout")
@pytest.mark.parametrize("model", ["stft", "cqt"])
@pytest.mark.parametrize("rate", [16000, 44100, 96000])
def test_a_shipped_model_adds_a_band_and_keeps_length_and_silence(low_passed, monkeypatch, rate, model):
    monkeypatch.undo()
    x = low_passed(2, 1.0, rate, 7000, peak=0.3)
    y, out_rate = extend(x, rate, model, cutoff_hz=7000)
    assert y.shape == (2, round(x.shape[1] * out_rate / rate))
    assert np.isfinite(y).all()
    assert high_energy(y, out_rate) > 100
    assert not extend(np.zeros_like(x), rate, model, cutoff_hz=7000)[0].any()
