from __future__ import annotations

import pytest

from tfbwe.audio.formats import output_format, writable_rate
from tfbwe.errors import AudioError


@pytest.mark.parametrize(
    ("received", "destination", "expected"),
    [
        (("WAV", "PCM_24"), None, ("WAV", "PCM_24")),
        (("WAV", "PCM_U8"), "x.flac", ("FLAC", "PCM_24")),
        (("WAV", "FLOAT"), "x.flac", ("FLAC", "PCM_24")),
        (("OGG", "VORBIS"), "x.wav", ("WAV", "FLOAT")),
        (("OGG", "VORBIS"), "x.ogg", ("OGG", "VORBIS")),
        (("OGG", "OPUS"), "x.ogg", ("OGG", "OPUS")),
        (("WAV", "PCM_16"), "x.opus", ("OGG", "OPUS")),
        (("MP3", "MPEG_LAYER_III"), "-", ("WAV", "FLOAT")),
        (("FLAC", "PCM_16"), "-", ("WAV", "PCM_16")),
        (("WAVEX", "PCM_16"), "x.wav", ("WAVEX", "PCM_16")),
        (("WAV", "PCM_16"), "no suffix", ("WAV", "PCM_16")),
    ],
)
def test_the_format_is_kept_unless_the_name_asks_otherwise(received, destination, expected):
    assert output_format(*received, destination) == expected


def test_a_suffix_of_no_format_is_refused_unless_it_is_the_source_s_own():
    with pytest.raises(AudioError, match=r"^n\.ape: expected .*\.wav, .*\.mp3, .*, received \.ape$"):
        output_format("WAV", "PCM_16", "n.ape", "n.wav")
    assert output_format("NIST", "PCM_16", "n.extended.sph", "n.sph") == ("NIST", "PCM_16")
    with pytest.raises(AudioError, match=r"^n\.extended\.mat: MAT5 files can be read, not written"):
        output_format("MAT5", "PCM_16", "n.extended.mat", "n.mat")


def test_rates_that_a_format_cannot_hold_become_the_next_it_can():
    assert writable_rate("OPUS", 44100) == 48000
    assert writable_rate("MPEG_LAYER_III", 96000) == 48000
    assert writable_rate("PCM_16", 12345) == 12345
