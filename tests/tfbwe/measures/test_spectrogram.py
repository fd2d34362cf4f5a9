from __future__ import annotations

import sys

import numpy as np
import pytest

from tfbwe.errors import AudioError, ConfigError
from tfbwe.measures.spectrogram import levels_db, save_spectrograms


@pytest.mark.parametrize("samples", [0, 1, 1000, 500_000])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_spectrogram_is_finite_and_never_wider_than_asked(channels, samples):
    picture = levels_db(np.zeros((channels, samples), np.float32), columns=200)
    assert picture.shape[0] == 1025
    assert 1 <= picture.shape[1] <= 200
    assert np.isfinite(picture).all()


def test_a_full_scale_sine_lies_at_its_frequency_at_0_db():
    x = np.sin(2 * np.pi * 200 / 2048 * np.arange(44100)).astype(np.float32)[None]
    picture = levels_db(x)
    middle = picture[:, picture.shape[1] // 2]
    assert np.argmax(middle) == 200
    assert middle[200] == pytest.approx(0.0, abs=0.01)


def test_pictures_are_written_whole_and_not_replaced_without_force(tmp_path, low_passed):
    pytest.importorskip("matplotlib")
    pictures = [("received $1_a$", low_passed(2, 0.5)), ("extended", low_passed(2, 0.5, cutoff_hz=16000))]
    path = tmp_path / "two of them.png"
    save_spectrograms(path, pictures, 44100, 6000)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(AudioError, match="--force"):
        save_spectrograms(path, pictures, 44100)
    save_spectrograms(path, [("silence", np.zeros((1, 0), np.float32))], 8000, force=True)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_picture_of_another_name_than_png_is_refused(tmp_path, low_passed):
    with pytest.raises(AudioError, match=r"p\.jpg: expected a name that ends in \.png"):
        save_spectrograms(tmp_path / "p.jpg", [("x", low_passed(1, 0.1))], 44100)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_matplotlib_folder_or_signal_is_one_clear_error(tmp_path, low_passed, monkeypatch):
    pictures = [("x", low_passed(1, 0.1))]
    with pytest.raises(AudioError, match="does not exist"):
        save_spectrograms(tmp_path / "no" / "x.png", pictures, 44100)
    with pytest.raises(ConfigError, match="at least one"):
        save_spectrograms(tmp_path / "x.png", [], 44100)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"pip install tfbwe\[report\]"):
        save_spectrograms(tmp_path / "x.png", pictures, 44100)
    assert list(tmp_path.iterdir()) == []
