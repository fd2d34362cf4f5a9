"""The comparison of systems, from the command line to its report."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from tests.helpers.paths import ROOT

pytest.importorskip("scipy")

from tests.helpers.schema_check import problems
from tests.helpers.smoke import music_folder
from tfbwe.decoder import Decoder
from tfbwe.errors import ModelError
from training import cards, evaluate
from training.comparison import costs, decoded, lineup, measuring, rows, systems
from training.comparison.report import read_report
from training.degradation import ffmpeg
from training.degradation.conditions import CONDITIONS

COST = {"rtf": 0.02, "peak_rss_mb": 80.0, "latency_samples": 2048, "macs_per_s": 7e7, "size_bytes": 412656}
TWO = [
    *["--visqol", "0", "--phases", "mirror"],
    *["--conditions", "brickwall-8k", "mp3-64k", "--systems", "mirror", "model"],
]


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """Music that is all of the test split."""
    data = music_folder(tmp_path_factory.mktemp("evaluate") / "music", songs=2)
    manifest = data / "manifest.csv"
    text = manifest.read_text()
    manifest.write_text(text.replace(",valid,", ",test,").replace(",train,", ",test,"))
    return data


@pytest.fixture(scope="module")
def report(held_out, tmp_path_factory):
    """Folder of a report on two conditions."""
    out = tmp_path_factory.mktemp("evaluate") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(costs, "_measured", lambda path: COST)
        assert again(held_out, out) == 0
    return out


def read(out):
    return json.loads((out / "report.json").read_text())


def rows_in(out):
    with open(out / "report-rows.csv", newline="") as file:
        return list(csv.DictReader(file))


def again(held_out, out, *more):
    return evaluate.main(["--data", str(held_out), "--out", str(out), "--jobs", "1", *TWO, *more])


def test_a_report_is_as_its_schema_says(report):
    assert problems(read(report)) == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda r: r.pop("estimates"),
        lambda r: r.update(split="train"),
        lambda r: r.update(more=1),
        lambda r: r["estimates"]["brickwall-8k"]["received"].update(sdr_db="loud"),
        lambda r: r["estimates"]["brickwall-8k"]["received"].update(loudness=[1.0, 1.0, 1.0]),
        lambda r: r["estimates"]["brickwall-8k"]["received"]["lsd"].pop(),
        lambda r: r["systems"][0].update(kind="magic"),
    ],
)
def test_the_schema_refuses_what_is_no_report(report, spoil):
    spoilt = read(report)
    spoil(spoilt)
    assert problems(spoilt)


@pytest.mark.parametrize("stem", ["report", "paper"])
def test_the_committed_reports_are_small_and_as_the_schema_says(stem):
    path = ROOT / "docs" / f"{stem}.json"
    assert problems(json.loads(path.read_text())) == []
    assert path.stat().st_size < 300_000


def test_all_but_the_rows_is_made_of_them_again(report, tmp_path):
    copy = shutil.copytree(
        report, tmp_path / "report", ignore=shutil.ignore_patterns(".rows", "plots", "*.md")
    )
    assert cards.main(["--report", str(copy), "--out", str(copy)]) == 0
    for path in [report / "report.md", *(report / "plots").iterdir()]:
        assert (copy / path.relative_to(report)).read_bytes() == path.read_bytes()
    found = read_report(copy)
    assert json.loads(json.dumps(found.results.as_json())).items() <= read(report).items()


def test_every_system_is_measured_on_every_track_through_every_condition(report):
    found = read(report)
    without = ["stft, diffuse 0", "stft, diffuse 0, as a stream", "stft, diffuse 0, cutoff found"]
    systems = ["received", "mirror at -12 dB", *without, "stft, diffuse 1"]
    assert [system["name"] for system in found["systems"]] == systems
    assert len(rows_in(report)) == 2 * 2 * len(systems)
    assert {row["condition"] for row in rows_in(report)} == {"brickwall-8k", "mp3-64k"}
    assert found["costs"]["stft"]["latency_samples"] == 2048


def test_the_rate_that_a_codec_spent_is_stated(report):
    conditions = {condition["name"]: condition for condition in read(report)["conditions"]}
    assert conditions["brickwall-8k"]["rate_kbps"] is None
    assert conditions["mp3-64k"]["rate_kbps"] == pytest.approx(64, abs=2)


def test_tables_and_pictures_are_there_and_named(report):
    text = (report / "report.md").read_text()
    for heading in ("In short", "What it costs", "brickwall-8k: nothing is left", "mp3-64k"):
        assert heading in text
    pictures = sorted(path.name for path in (report / "plots").iterdir())
    assert pictures == ["brickwall-8k.png", "gain-against-cost.png", "mp3-64k.png"]
    assert all(f"plots/{name}" in text for name in pictures)


def test_the_command_is_written_as_it_was_given(report, held_out):
    words = read(report)["command"].split()
    assert words[:3] == ["python", "-m", "training.evaluate"]
    assert words[words.index("--out") + 1] == str(report)
    assert str(ROOT) not in json.dumps(read(report)).replace(str(held_out), "").replace(str(report), "")


def test_what_was_measured_is_not_measured_again(report, held_out, tmp_path, monkeypatch):
    out = tmp_path / "report"
    monkeypatch.setattr(measuring, "excerpt", lambda path: pytest.fail("measured again"))
    assert again(held_out, out, "--cache", str(report / ".rows")) == 0
    assert rows_in(out) == rows_in(report)


def test_a_killed_evaluation_goes_on_where_it_was(report, held_out, tmp_path, monkeypatch):
    out = tmp_path / "report"
    arguments = ["--data", str(held_out), "--out", str(out), "--jobs", "1", *TWO[:-1]]
    monkeypatch.setattr(costs, "_measured", lambda path: COST)
    killed = subprocess.run(
        [sys.executable, "tests/helpers/killed_evaluate.py", *arguments, "--cache", str(tmp_path / "rows")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (out / "report.json").exists()
    made = []
    measured = rows.measured
    monkeypatch.setattr(rows, "measured", lambda *a: made.append(a) or measured(*a))
    assert evaluate.main([*arguments, "--cache", str(tmp_path / "rows")]) == 0
    assert len(made) == 8 - 2
    assert rows_in(out) == [row for row in rows_in(report) if not row["system"].startswith("stft")]


def test_a_changed_model_is_measured_again_and_nothing_else(report, held_out, tmp_path, monkeypatch):
    cache = shutil.copytree(report / ".rows", tmp_path / "rows")
    made = []
    load, decode, mirror = lineup.load_model, decoded.decoded, systems.mirror
    monkeypatch.setattr(costs, "_measured", lambda path: made.append("cost") or COST)
    monkeypatch.setattr(lineup, "load_model", lambda m: dataclasses.replace(load(m), identity="another"))
    monkeypatch.setattr(decoded, "decoded", lambda *a: made.append("model") or decode(*a))
    monkeypatch.setattr(systems, "mirror", lambda *a: made.append("mirror") or mirror(*a))
    assert again(held_out, tmp_path / "report", "--cache", str(cache), "--tracks", "1") == 0
    assert made == ["cost", *["model"] * 8]


def test_a_damaged_cache_is_measured_anew(report, held_out, tmp_path):
    cache = shutil.copytree(report / ".rows", tmp_path / "rows")
    for path in cache.iterdir():
        if not path.name.startswith("cost"):
            path.write_bytes(path.read_bytes()[:100])
    more = ["--cache", str(cache), "--conditions", "brickwall-8k", "--systems", "mirror", "--tracks", "1"]
    assert again(held_out, tmp_path / "report", *more) == 0
    found = rows_in(tmp_path / "report")
    assert len(found) == 2
    assert found == [row for row in rows_in(report) if row in found]


def test_a_cost_is_measured_in_a_process_of_its_own_once(tmp_path):
    model = lineup.load_model("stft")
    found = costs.cost(model, "stft", tmp_path)
    assert set(found) == set(COST)
    assert found["size_bytes"] == Decoder("stft", 2).bundle.manifest.size_bytes
    assert costs.cost(model, "no such file", tmp_path) == found


def test_a_model_that_cannot_be_run_is_one_line(tmp_path):
    model = dataclasses.replace(lineup.load_model("stft"), identity="another")
    with pytest.raises(ModelError, match="cost could not be measured"):
        costs.cost(model, str(tmp_path / "none.tflite"), tmp_path)


def test_a_broken_track_is_named_and_the_others_are_evaluated(held_out, tmp_path, capsys):
    data = shutil.copytree(held_out, tmp_path / "music")
    files = sorted(data.rglob("*.flac"))
    files[0].write_bytes(b"not music")
    out = tmp_path / "report"
    assert again(data, out, "--conditions", "brickwall-8k", "--systems", "mirror") == 0
    found = read(out)
    assert found["failed"] == [files[0].relative_to(data).as_posix()]
    assert found["tracks"] == len(files) - 1 == len({row["track"] for row in rows_in(out)})
    assert capsys.readouterr().err.count("left out") == 1


def test_music_that_cannot_be_read_at_all_is_one_line(held_out, tmp_path, capsys):
    data = shutil.copytree(held_out, tmp_path / "music")
    for path in data.rglob("*.flac"):
        path.unlink()
    assert again(data, tmp_path / "report", "--systems", "mirror") == 1
    assert "there is none" in capsys.readouterr().err.splitlines()[-1]


def test_a_track_that_makes_a_library_raise_is_left_out_like_one_that_cannot_be_read(
    held_out, tmp_path, capsys, monkeypatch
):
    measured = rows.measured
    made = []

    def raising_once(*arguments):
        made.append(arguments)
        if len(made) == 1:
            raise ValueError("too few samples")
        return measured(*arguments)

    monkeypatch.setattr(rows, "measured", raising_once)
    assert again(held_out, tmp_path / "report", "--systems", "mirror") == 0
    found = read(tmp_path / "report")
    assert (len(found["failed"]), found["tracks"]) == (1, 1)
    assert "ValueError: too few samples" in capsys.readouterr().err


def test_a_mistake_of_the_code_is_not_taken_for_one_of_a_file(held_out, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "measured", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        again(held_out, tmp_path / "report", "--systems", "mirror")


def test_a_folder_without_test_tracks_is_one_line(tmp_path, capsys):
    data = music_folder(tmp_path / "music", songs=2)
    assert evaluate.main(["--data", str(data), "--out", str(tmp_path / "report")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_models_of_one_name_are_refused(held_out, tmp_path, capsys):
    arguments = ["--models", "stft", "stft", "--data", str(held_out), "--out", str(tmp_path / "report")]
    assert evaluate.main(arguments) == 1
    assert "different names" in capsys.readouterr().err


def test_a_phase_that_a_model_has_not_is_named(held_out, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(costs, "_measured", lambda path: COST)
    more = ["--models", "cqt", "--phases", "pghi", "--systems", "mirror", "--tracks", "1"]
    assert again(held_out, tmp_path / "report", *more) == 0
    assert "cqt: no row of the phase pghi" in capsys.readouterr().err


def test_a_condition_that_needs_ffmpeg_is_left_out_where_there_is_none(
    held_out, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(ffmpeg, "found", lambda: None)
    more = ["--conditions", "aac-48k", "brickwall-8k", "--systems", "mirror", "exciter", "--tracks", "1"]
    assert again(held_out, tmp_path / "report", *more) == 0
    said = capsys.readouterr().err
    assert "aac-48k is left out" in said
    assert "no row for its exciter" in said
    assert {row["condition"] for row in rows_in(tmp_path / "report")} == {"brickwall-8k"}


def test_names_of_conditions_are_unique_and_the_first_five_are_kept():
    names = [condition.name for condition in CONDITIONS]
    assert len(set(names)) == len(names)
    kept = {"brickwall-8k", "brickwall-4k", "butterworth-8k", "butterworth-8k-float", "butterworth-8k-causal"}
    assert kept <= set(names)
