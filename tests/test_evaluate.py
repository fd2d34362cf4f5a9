"""The comparison of systems, and the reference systems themselves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy")

from smoke import music_folder

from tfbwe.measures import compare, lsd_hf, snr_db
from tfbwe.stft import SAMPLE_RATE, stft
from training import degrade, evaluate, systems
from training.conditions import CONDITIONS

CLIP = Path(__file__).parent / "data" / "clip.flac"
BRICK_WALL = CONDITIONS[0]
CUTOFF_HZ = 8000.0


@pytest.fixture(scope="module")
def clip() -> tuple[np.ndarray, np.ndarray]:
    x = soundfile.read(CLIP, dtype="float32", always_2d=True, frames=4 * SAMPLE_RATE)[0].T
    return degrade.apply(x, SAMPLE_RATE, BRICK_WALL.degradation)


def _low(x: np.ndarray) -> np.ndarray:
    return np.abs(stft(x))[..., : int(7500 / SAMPLE_RATE * 2048)]


@pytest.mark.parametrize("phase", ["received", "mirror"])
def test_true_magnitudes_come_nearer_to_the_original_spectrum_than_any_other_system(clip, phase):
    received, original = clip
    oracle = systems.true_magnitudes(received, original, CUTOFF_HZ, phase)
    mirrored = systems.mirror(received, CUTOFF_HZ)
    far = lsd_hf(original, received, SAMPLE_RATE, CUTOFF_HZ)
    near = lsd_hf(original, oracle, SAMPLE_RATE, CUTOFF_HZ)
    assert near < 1.0 < lsd_hf(original, mirrored, SAMPLE_RATE, CUTOFF_HZ) < far


def test_systems_without_a_network_leave_the_received_band_alone(clip):
    received, original = clip
    for y in (
        systems.mirror(received, CUTOFF_HZ),
        systems.true_magnitudes(received, original, CUTOFF_HZ, "mirror"),
    ):
        assert y.shape == received.shape
        difference = _low(y - received)
        assert np.sqrt((difference**2).mean()) < 1e-3 * np.sqrt((_low(received) ** 2).mean())


def test_the_shipped_model_halves_the_distance_and_is_aligned(clip):
    received, original = clip
    bundle = evaluate.load_bundle("stft")
    full = systems.decoded(bundle, received, CUTOFF_HZ, 1.0, "mirror")
    before, after = (compare(original, y, SAMPLE_RATE, CUTOFF_HZ) for y in (received, full))
    assert after.lsd_hf < 0.5 * before.lsd_hf
    late = systems.decoded(bundle, received, CUTOFF_HZ, 0.0, "mirror")
    assert snr_db(original, late) > before.snr_db - 0.2


def test_a_zero_phase_butterworth_is_partly_undone(clip):
    condition = next(c for c in CONDITIONS if c.name == "butterworth-8k")
    received, original = degrade.apply(clip[1], SAMPLE_RATE, condition.degradation)
    y = systems.decoded(evaluate.load_bundle("stft"), received, CUTOFF_HZ, 0.0, "mirror")
    assert snr_db(original, y) > snr_db(original, received) + 1.0


def test_intervals_hold_the_mean_and_narrow_with_more_tracks():
    rng = np.random.default_rng(1)
    few, many = rng.normal(3, 1, 10).astype(np.float32), rng.normal(3, 1, 1000).astype(np.float32)
    for values in (few, many):
        low, high = evaluate.interval(values)
        assert low < values.mean() < high
    assert np.ptp(evaluate.interval(many)) < np.ptp(evaluate.interval(few)) / 3


def test_a_broken_track_is_named_and_the_others_are_evaluated(tmp_path, capsys):
    data = music_folder(tmp_path / "music")
    manifest = data / "manifest.csv"
    text = manifest.read_text()
    manifest.write_text(text.replace(",valid,", ",test,").replace(",train,", ",test,"))
    files = sorted(path for path in data.rglob("*.flac"))
    files[0].write_bytes(b"not music")
    out = tmp_path / "report"
    arguments = ["--data", str(data), "--out", str(out), "--jobs", "1", "--conditions", "brickwall-8k"]
    assert evaluate.main(arguments) == 0
    report = json.loads((out / "report.json").read_text())
    assert report["failed"] == [files[0].relative_to(data).as_posix()]
    assert report["tracks"] == len(files) - 1
    assert {row["system"] for row in report["rows"]} >= {"received", "mirror at -12 dB", "stft, diffuse 1"}
    assert "### brickwall-8k" in (out / "report.md").read_text()
    assert "left out" in capsys.readouterr().err


def test_a_folder_without_test_tracks_is_one_line(tmp_path, capsys):
    data = music_folder(tmp_path / "music")
    assert evaluate.main(["--data", str(data), "--out", str(tmp_path / "report")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_an_untrained_network_of_the_paper_changes_nothing(clip, tmp_path):
    pytest.importorskip("keras")
    from tfbwe.models import autoencoder
    from training.presets import preset
    from training.run import describe

    config = preset("stft", "paper")
    (tmp_path / "config.json").write_text(json.dumps(describe(config, 0, False, None)))
    autoencoder(config.network).save(tmp_path / "best.keras")
    received, _ = clip
    y = systems.predicted_magnitudes(tmp_path, received[:, : 2 * SAMPLE_RATE], CUTOFF_HZ)
    assert np.abs(y - received[:, : 2 * SAMPLE_RATE]).max() < 1e-5


def test_a_run_of_two_heads_is_sent_to_export_first(tmp_path):
    pytest.importorskip("keras")
    from training.presets import preset
    from training.run import describe

    (tmp_path / "config.json").write_text(json.dumps(describe(preset("stft", "smoke"), 0, False, None)))
    with pytest.raises(evaluate.ConfigError, match="export it first"):
        systems.predicted_magnitudes(tmp_path, np.zeros((1, 5000), np.float32), CUTOFF_HZ)


def test_models_of_one_name_are_refused(tmp_path, capsys):
    data = music_folder(tmp_path / "music")
    arguments = ["--models", "stft", "stft", "--data", str(data), "--out", str(tmp_path / "report")]
    assert evaluate.main(arguments) == 1
    assert "different names" in capsys.readouterr().err
