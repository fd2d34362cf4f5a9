"""The systems that are compared: what they leave alone, and how near they come."""

from __future__ import annotations

import functools
import json
import os

import numpy as np
import pytest
import soundfile

from tests.helpers.paths import CLIP

pytest.importorskip("scipy")

from tfbwe.band import HIGHEST_HZ
from tfbwe.errors import AudioError, ConfigError
from tfbwe.measures.distances import compare, lsd_hf, snr_db
from tfbwe.model.bundle import load_bundle
from tfbwe.stft import SAMPLE_RATE, stft
from tfbwe.transform import TRANSFORMS
from training.comparison import lineup, systems
from training.comparison.decoded import AS_A_STREAM, CUTOFF_FOUND, decoded
from training.degradation import degrade
from training.degradation.conditions import CONDITIONS
from training.degradation.filters import PHASES, Lowpass

CUTOFF_HZ = 8000.0
BUTTERWORTH = Lowpass("butterworth", CUTOFF_HZ, 6, phase="forward-backward")
ORACLES = [functools.partial(systems.true_magnitudes, transform) for transform in TRANSFORMS.values()]


@pytest.fixture(scope="module")
def clip():
    x = soundfile.read(CLIP, dtype="float32", always_2d=True, frames=2 * SAMPLE_RATE)[0].T
    return degrade.apply(x, SAMPLE_RATE, CONDITIONS[0].degradation)


def _low(x):
    return np.abs(stft(x))[..., : int(7500 / SAMPLE_RATE * 2048)]


def inner_snr_db(x, y):
    """Away from both ends, where the music is cut, which is a click in all bands."""
    return snr_db(x[:, 4096:-4096], y[:, 4096:-4096])


@pytest.mark.parametrize("oracle", ORACLES)
@pytest.mark.parametrize("phase", ["received", "mirror"])
def test_true_magnitudes_come_nearer_to_the_original_spectrum_than_any_other_system(clip, oracle, phase):
    received, original = clip
    y = oracle(received, original, CUTOFF_HZ, phase)
    mirrored = systems.mirror(received, CUTOFF_HZ)
    far = lsd_hf(original, received, SAMPLE_RATE, CUTOFF_HZ)
    near = lsd_hf(original, y, SAMPLE_RATE, CUTOFF_HZ)
    assert near < 1.05 < lsd_hf(original, mirrored, SAMPLE_RATE, CUTOFF_HZ) < far


@pytest.mark.parametrize("oracle", ORACLES)
def test_true_magnitudes_with_the_true_phase_are_the_original(clip, oracle):
    _, original = clip
    y = oracle(original, original, CUTOFF_HZ, "received")
    assert np.abs(y - original).max() < 1e-4


@pytest.mark.parametrize("oracle", ORACLES)
def test_true_magnitudes_undo_a_filter_that_left_the_phase(clip, oracle):
    received, original = degrade.apply(clip[1], SAMPLE_RATE, (BUTTERWORTH,))
    y = oracle(received, original, CUTOFF_HZ, "received")
    assert snr_db(original, y) > snr_db(original, received) + 3


def test_systems_without_a_network_leave_the_received_band_alone(clip):
    received, original = clip
    for y in (
        systems.mirror(received, CUTOFF_HZ),
        *(oracle(received, original, CUTOFF_HZ, "mirror") for oracle in ORACLES),
    ):
        assert y.shape == received.shape
        assert y.dtype == np.float32
        difference = _low(y - received)
        assert np.sqrt((difference**2).mean()) < 2e-3 * np.sqrt((_low(received) ** 2).mean())


@pytest.mark.parametrize("phase", PHASES)
def test_a_known_filter_is_undone_phase_included(clip, phase):
    lowpass = Lowpass("butterworth", CUTOFF_HZ, 6, phase)
    received, original = degrade.apply(clip[1], SAMPLE_RATE, (lowpass,))
    y = systems.inverse_filter(received, lowpass)
    assert y.shape == received.shape
    weak = slice(int(8200 / SAMPLE_RATE * 2048), int(10000 / SAMPLE_RATE * 2048))
    inside = np.s_[:, 40:-40, weak]  # away from the ends, where the filter did not see all
    missing = np.linalg.norm(stft(received - original)[inside])
    assert np.linalg.norm(stft(y - original)[inside]) < 0.02 * missing


@pytest.mark.parametrize("family", ["butterworth", "gaussian"])
def test_a_filter_that_is_known_is_undone_without_raising_the_noise(clip, family):
    """Of rounded music it undoes more than an inverse filter of all frequencies alike."""
    lowpass = Lowpass(family, CUTOFF_HZ, 6 * (family != "gaussian"), phase="forward-backward")
    received, original = degrade.apply(clip[1], SAMPLE_RATE, (lowpass, degrade.Rounding(16)))
    y = systems.restored_with(received, lowpass, CUTOFF_HZ)
    assert y.shape == received.shape
    assert y.dtype == np.float32
    assert inner_snr_db(original, y) > inner_snr_db(original, received) + 1
    if family == "butterworth":
        assert inner_snr_db(original, y) > inner_snr_db(original, systems.inverse_filter(received, lowpass))


def test_no_two_systems_are_kept_as_one():
    """Rows are kept by kind and identity."""
    found = lineup.line_up(lineup.load_models(["stft", "cqt"]), phases=("mirror", "received", "pghi"))
    assert len({(system.kind, system.identity) for system in found}) == len(found)


def test_only_a_filter_that_leaves_something_has_an_inverse():
    gentle = ("butterworth", "chebyshev", "gaussian")
    for inverse in (s for s in lineup.line_up([]) if s.kind == "inverse"):
        taking_part = {condition.name for condition in CONDITIONS if inverse.takes_part(condition)}
        assert taking_part == {c.name for c in CONDITIONS if c.name.startswith(gentle)}


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_shipped_model_halves_the_distance_and_is_aligned(clip, model):
    received, original = clip
    bundle = load_bundle(model)
    full = decoded(bundle, received, CUTOFF_HZ, 1.0, "mirror")
    before, after = (compare(original, y, SAMPLE_RATE, CUTOFF_HZ) for y in (received, full))
    assert after["lsd_hf"] < 0.5 * before["lsd_hf"]
    late = decoded(bundle, received, CUTOFF_HZ, 0.0, "mirror")
    assert snr_db(original, late) > before["snr_db"] - 0.2


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_decoder_runs_as_for_a_file_or_as_a_stream_or_with_a_cutoff_of_its_own_finding(clip, model):
    bundle = load_bundle(model)
    y, x = degrade.apply(clip[1], SAMPLE_RATE, (BUTTERWORTH, degrade.Rounding(16)))
    known, stream, found = (
        decoded(bundle, y, CUTOFF_HZ, 0.0, "mirror", setting) for setting in ("", AS_A_STREAM, CUTOFF_FOUND)
    )
    early = np.s_[:, 4096 : SAMPLE_RATE // 4]
    np.testing.assert_array_equal(stream[early], y[early])  # nothing is known of the music yet
    assert np.abs(known[early] - y[early]).max() > 1e-3
    assert inner_snr_db(x, known) > inner_snr_db(x, stream) > inner_snr_db(x, y)
    assert inner_snr_db(x, found) > inner_snr_db(x, y)
    whole = clip[1]
    assert decoded(bundle, whole, CUTOFF_HZ, 1.0, "mirror", CUTOFF_FOUND) is whole


@pytest.mark.parametrize(("model", "least_db"), [("stft", 0.5), ("cqt", 0.5)])
def test_a_zero_phase_butterworth_is_partly_undone(clip, model, least_db):
    received, original = degrade.apply(clip[1], SAMPLE_RATE, (BUTTERWORTH, degrade.Rounding(16)))
    y = decoded(load_bundle(model), received, CUTOFF_HZ, 0.0, "mirror")
    assert inner_snr_db(original, y) > inner_snr_db(original, received) + least_db


def _run_folder(folder, model, name, shift=0.0):
    """Untrained run whose network predicts `shift` nepers everywhere."""
    pytest.importorskip("keras")
    from tfbwe.network.autoencoder import autoencoder
    from training.learning.presets import preset
    from training.learning.run import describe

    config = preset(model, name)
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(describe(config, 0, False, None)))
    network = autoencoder(config.network)
    if shift:
        last = [v for v in network.trainable_variables if v.path.endswith("bias")][-1]
        last.assign(np.full(last.shape, shift, np.float32))
    network.save(folder / "best.keras")
    return folder


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_an_untrained_network_of_the_paper_changes_nothing(clip, tmp_path, model):
    received = clip[0]
    run = _run_folder(tmp_path / "run", model, "paper")
    from training.comparison.predicted import predicted_magnitudes

    y = predicted_magnitudes(run, received, CUTOFF_HZ)
    assert np.abs(y - received).max() < 1e-5


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_network_of_the_paper_raises_what_is_above_the_cutoff_alone(clip, tmp_path, model):
    original = clip[1]
    run = _run_folder(tmp_path / "run", model, "paper", shift=0.5)
    from training.comparison.predicted import predicted_magnitudes

    y = predicted_magnitudes(run, original, CUTOFF_HZ)
    high = slice(int(9000 / SAMPLE_RATE * 2048), int(15000 / SAMPLE_RATE * 2048))
    ratio = np.linalg.norm(stft(y)[..., high]) / np.linalg.norm(stft(original)[..., high])
    assert 1.4 < ratio < 1.8  # exp(0.5), whatever the loudness of the quietest bins
    assert np.abs(_low(y) - _low(original)).max() < 0.02 * _low(original).max()


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_run_that_reads_what_was_restored_is_sent_to_export_first(tmp_path, model):
    run = _run_folder(tmp_path / "run", model, "smoke")
    with pytest.raises(ConfigError, match="export it first"):
        lineup.load_models([str(run)])


@pytest.mark.parametrize(
    "change",
    [{"network": [1]}, {"network": {"depth": 5}}, {"model": "dct"}, {"model": ["stft"]}, {"objective": None}],
)
def test_a_run_of_another_shape_is_refused(tmp_path, change):
    run = _run_folder(tmp_path / "run", "stft", "paper")
    description = json.loads((run / "config.json").read_text())
    description["config"].update(change)
    (run / "config.json").write_text(json.dumps(description))
    with pytest.raises(ConfigError):
        lineup.load_models([str(run)])


def test_a_run_is_known_by_its_weights(tmp_path):
    first = lineup.load_model(str(_run_folder(tmp_path / "run", "stft", "paper")))
    second = lineup.load_model(str(_run_folder(tmp_path / "run", "stft", "paper", shift=0.5)))
    assert first.name == second.name == "run"
    assert first.identity != second.identity


def test_each_phase_is_a_row_and_without_a_diffuse_term_each_setting():
    names = [s.name for s in lineup.line_up(lineup.load_models(["stft"]), ["model"], ["mirror", "received"])]
    without = "stft, diffuse 0"
    settings = [without, f"{without}, as a stream", f"{without}, cutoff found"]
    assert names == ["received", *settings, "stft, diffuse 1", "stft, diffuse 1, received phase"]


STAND_IN = f"""#!/bin/sh
case "$*" in *aexciter=freq=8000:ceil={HIGHEST_HZ:g}*) cat ;; *) echo "no such filter" >&2; exit 1 ;; esac
"""


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands in for ffmpeg")
def test_the_exciter_is_a_row_where_ffmpeg_is_installed(clip, tmp_path, monkeypatch):
    assert "exciter" not in {s.kind for s in lineup.line_up([], ["mirror"])}
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    program = tmp_path / "ffmpeg"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    assert "exciter" in {s.kind for s in lineup.line_up([])}
    np.testing.assert_array_equal(systems.exciter(clip[0], CUTOFF_HZ), clip[0])
    with pytest.raises(AudioError, match="no such filter"):
        systems.exciter(clip[0], 4000.0)


def test_a_restoring_network_is_sent_to_export(tmp_path):
    pytest.importorskip("keras")
    from training.learning.presets import preset
    from training.learning.run import describe

    description = describe(preset("restore", "smoke"), 0, False, None)
    (tmp_path / "config.json").write_text(json.dumps(description))
    with pytest.raises(ConfigError, match="--restore"):
        lineup.load_models([str(tmp_path)])
