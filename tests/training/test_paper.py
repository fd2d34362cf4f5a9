"""The paper's comparison, from training to its table, with very small runs."""

import csv
import json
import shutil

import pytest

pytest.importorskip("keras")

from tests.helpers.schema_check import problems
from tests.helpers.smoke import music_folder
from tests.helpers.tiny_cqt import bundle
from tfbwe.model.bundle import pack
from training import fit, paper
from training.comparison.statistics import Estimate

TINY = ["epoch_hours=0.001", "batch_size=2", "valid_crops=2", "network.bottleneck=8"]


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    data = music_folder(tmp_path_factory.mktemp("paper") / "music", songs=3)
    manifest = data / "manifest.csv"
    lines = manifest.read_text().splitlines()
    for place, split in enumerate(("train", "valid", "test"), 1):
        lines[place] = lines[place].replace(",train,", f",{split},").replace(",valid,", f",{split},")
    manifest.write_text("\n".join(lines) + "\n")
    return data


@pytest.fixture(scope="module")
def cqt_file(tmp_path_factory):
    model = bundle()
    path = tmp_path_factory.mktemp("paper") / "cqt.tflite"
    path.write_bytes(pack(model.flatbuffer, model.manifest))
    return path


def read_rows(out):
    with open(out / "paper-rows.csv", newline="") as file:
        return list(csv.DictReader(file))


def run(music, out, cqt_file, *more):
    arguments = ["--data", str(music), "--out", str(out), "--hours", "0.001", "--jobs", "1"]
    return paper.main([*arguments, "--models", "stft", str(cqt_file), *more, "--set", *TINY])


def test_one_command_trains_measures_and_tells_and_goes_on_where_it_was(music, cqt_file, tmp_path):
    out = tmp_path / "paper"
    assert run(music, out, cqt_file) == 0
    report = json.loads((out / "paper.json").read_text())
    assert problems(report) == []
    rows = read_rows(out)
    systems = {row["system"] for row in rows}
    assert systems >= {"received", "paper-stft", "paper-cqt", "stft, diffuse 0", "cqt, diffuse 1"}
    assert {row["condition"] for row in rows} == set(paper.CONDITION_NAMES)
    hours = {report["models"][f"paper-{kind}"]["hours"] for kind in paper.KINDS}
    assert hours == {0.001}
    text = (out / "paper.md").read_text()
    assert "| butterworth-8k-float | paper-cqt |" in text
    assert "- brickwall-8k, diffuse 0, SDR:" in text

    weights = (out / "paper-stft" / "best.keras").read_bytes()
    shutil.rmtree(out / "paper-cqt")
    (out / "paper.json").unlink()
    assert run(music, out, cqt_file) == 0
    assert (out / "paper-stft" / "best.keras").read_bytes() == weights
    first = [row for row in rows if row["system"] != "paper-cqt"]
    assert [row for row in read_rows(out) if row["system"] != "paper-cqt"] == first


def test_a_training_that_fails_ends_it(music, cqt_file, tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "main", lambda arguments: 130)
    assert run(music, tmp_path / "paper", cqt_file) == 130
    assert not (tmp_path / "paper" / "paper.json").exists()


def test_both_presets_get_the_same_hours_and_settings(music, cqt_file, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(fit, "main", lambda arguments: given.append(arguments) or len(given) - 1)
    assert run(music, tmp_path / "paper", cqt_file) == 1
    (stft, cqt) = given
    assert [a.replace("stft", "cqt") for a in stft] == cqt
    assert "hours=0.001" in stft
    assert "--resume" in stft


def test_models_in_the_wrong_order_are_refused_before_any_training(music, cqt_file, tmp_path, capsys):
    assert paper.main(["--data", str(music), "--out", str(tmp_path), "--models", str(cqt_file), "stft"]) == 1
    assert "then one of the CQT" in capsys.readouterr().err


def difference(mean, low, high):
    return Estimate(28, mean, (low, high), mean, (low, high))


@pytest.mark.parametrize(
    ("gain", "measure", "words"),
    [
        (difference(0.5, 0.1, 0.9), "sdr_db", "the CQT is better than the STFT (+0.50 dB, +0.10 to +0.90)"),
        (difference(-0.5, -0.9, -0.1), "sdr_db", "the CQT is worse"),
        (difference(-0.5, -0.9, -0.1), "lsd", "the CQT is better"),
        (difference(0.5, 0.1, 0.9), "lsd", "the CQT is worse"),
        (difference(0.5, -0.1, 0.9), "snr_db", "no difference that these tracks show"),
        (difference(0.004, 0.001, 0.009), "sdr_db", "no difference that these tracks show (+0.00 dB"),
    ],
)
def test_the_sentence_goes_by_the_interval_and_the_kind_of_measure(gain, measure, words):
    assert paper.sentence(gain, measure).startswith(words)
