"""The transform against other implementations: nsgt, patched, and librosa's frequencies."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.patched_nsgt import transform
from tfbwe.cqt import CQT
from tfbwe.cqt.tables import SINE_MAGNITUDE


@pytest.mark.parametrize(
    "parameters",
    [
        (44100, 32768, 48, 64.0, 20500.0),
        (44100, 16384, 24, 55.0, 18000.0),
        (16000, 9000, 12, 100.0, 7000.0),
        (22050, 8192, 3, 80.0, 6000.0),
    ],
)
def test_coefficients_of_constant_q_are_those_of_nsgt_but_for_its_normalisation(parameters):
    pytest.importorskip("nsgt")
    sample_rate, block_length, bins_per_octave, *_ = parameters
    cqt = CQT(*parameters)
    frames, _ = cqt.shape
    reference = transform(cqt.frequencies[cqt.constant_q], bins_per_octave, sample_rate, block_length)
    reference.M[:] = frames
    x = np.random.default_rng(0).uniform(-1, 1, block_length).astype(np.float32)
    # Its scale is that of the inverse FFT; its first and last band join those at 0 Hz and Nyquist otherwise.
    scale = SINE_MAGNITUDE * 2 * frames / block_length
    expected = np.array(reference.forward(x.astype(np.float64))[2:-2]).T * scale
    received = cqt.forward(x)[:, cqt.constant_q][:, 1:-1]
    assert received.shape == expected.shape
    assert np.abs(received - expected).max() < 1e-6 * np.abs(expected).max()


def test_both_invert_the_same_block():
    pytest.importorskip("nsgt")
    cqt = CQT(16000, 4096, 24, 100.0, 7000.0)
    reference = transform(cqt.frequencies[cqt.constant_q], 24, 16000, 4096)
    x = np.random.default_rng(0).uniform(-1, 1, 4096).astype(np.float32)
    assert np.abs(reference.backward(reference.forward(x)) - cqt.inverse(cqt.forward(x))).max() < 1e-6


@pytest.mark.parametrize(("bins_per_octave", "f_min"), [(48, 55.0), (12, 32.7), (36, 110.0)])
def test_centre_frequencies_are_those_of_librosa(bins_per_octave, f_min):
    librosa = pytest.importorskip("librosa")
    cqt = CQT(bins_per_octave=bins_per_octave, f_min=f_min, f_max=20000.0)
    hertz = cqt.frequencies[cqt.constant_q]
    expected = librosa.cqt_frequencies(len(hertz), fmin=f_min, bins_per_octave=bins_per_octave)
    np.testing.assert_allclose(hertz, expected, rtol=1e-12)
