"""What the tables of a comparison say, from rows that are known."""

import dataclasses

import pytest

pytest.importorskip("scipy")

from training.comparison import charts, tables
from training.comparison.lineup import System, line_up, load_model
from training.comparison.results import Results
from training.degradation.conditions import CONDITIONS, NOTHING, RIGHT_PHASE

NAMES = ("brickwall-8k", "brickwall-4k", "butterworth-8k")
THROUGH = [next(c for c in CONDITIONS if c.name == name) for name in NAMES]
TRACKS = [f"{i}.flac" for i in range(8)]
MODEL = load_model("stft")
EXACT = dataclasses.replace(
    MODEL, name="exact", identity="exact", description={**MODEL.description, "quantisation": "none"}
)


def made_up(gains, through=THROUGH):
    """Results of tracks that differ much, with known gains by (system, condition)."""
    systems = line_up([MODEL, EXACT], ["model", "true"], ["mirror", "received"])
    rows = []
    for place, track in enumerate(TRACKS):
        for condition in through:
            for system in systems:
                gain = gains.get((system.name, condition.name), 0.0)
                values = {"sdr_db": 20.0 + 5 * place + gain, "lsd_hf": 3.0 + 0.3 * place - gain}
                rows.append({"track": track, "condition": condition.name, "system": system.name, **values})
    return Results(rows, through, systems)


def with_top(gains):
    """The same with what is measured above 16 kHz, and with walls at 15 and at 16 kHz."""
    walls = [dataclasses.replace(THROUGH[0], name=f"wall-{khz}k", cutoff_hz=1000.0 * khz) for khz in (15, 16)]
    results = made_up(gains, [*THROUGH, *walls])
    for row in results.rows:
        gain = gains.get((row["system"], row["condition"]), 0.0)
        row |= {"lsd_top": 2.0 - gain, "level_hf_db": -40.0 + gain}
        if row["condition"] == "wall-16k":
            del row["lsd_hf"]
    return Results(results.rows, results.conditions, results.systems)


def test_a_gain_is_the_difference_track_by_track():
    results = made_up({("stft, diffuse 1", "brickwall-8k"): 0.25})
    gain = results.gain("brickwall-8k", "stft, diffuse 1", "sdr_db")
    assert gain.mean == pytest.approx(0.25)
    assert gain.mean_interval == pytest.approx((0.25, 0.25))
    assert results.gain("brickwall-4k", "stft, diffuse 1", "sdr_db").mean == 0
    low, high = results.estimate("brickwall-8k", "received", "sdr_db").mean_interval
    assert high - low > 5


def test_a_regime_averages_its_conditions_and_no_others():
    gains = {
        ("stft, diffuse 1", "brickwall-8k"): 1.0,
        ("stft, diffuse 1", "brickwall-4k"): 3.0,
        ("stft, diffuse 1", "butterworth-8k"): 9.0,
    }
    results = made_up(gains)
    assert results.regimes == [NOTHING, RIGHT_PHASE]
    assert results.regime_gain(NOTHING, "stft, diffuse 1", "sdr_db").mean == pytest.approx(2.0)
    assert results.regime_gain(RIGHT_PHASE, "stft, diffuse 1", "sdr_db").mean == pytest.approx(9.0)


def test_the_overview_has_gain_and_cost_and_what_is_none():
    results = made_up({("stft, diffuse 1", "butterworth-8k"): 1.5})
    cost = {"rtf": 0.0163, "macs_per_s": 71.6e6, "size_bytes": 412656, "latency_samples": 2048}
    lines = tables.overview(results, {"stft": cost}).splitlines()
    line = next(line for line in lines if line.startswith("| stft, diffuse 1 |"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:] == ["(+0.00) / (+0.00)", "+1.50 / -1.50", "0.016", "71.6", "413", "46"]
    assert not any(line.startswith("| received |") for line in lines)


def test_a_quantised_model_is_held_against_its_own_float_twin():
    other = dataclasses.replace(EXACT, description={**EXACT.description, "training": {"seed": 1}})
    assert tables.quantised_pairs([MODEL, EXACT]) == [(MODEL, EXACT)]
    assert tables.quantised_pairs([MODEL, other]) == []
    text = tables.markdown(made_up({("stft, diffuse 0", "brickwall-8k"): -0.5}), [MODEL, EXACT], {})
    part = text.split("## Are the quantised")[1].split("\n## ")[0]
    assert "| stft, diffuse 0 | exact, diffuse 0 | -0.25 / +0.25 | (+0.00) / (+0.00) |" in part
    shown = "-0.25 (-0.25 to -0.25) worse | +0.25 (+0.25 to +0.25) worse |"
    assert f"| stft, diffuse 0 | exact, diffuse 0 | nothing is left | {shown}" in part
    assert "The largest of all: SDR dB 0.25; LSD above cutoff 0.25." in part
    assert tables.NO_DIFFERENCE in part


def test_a_float_twin_stands_in_its_own_table_and_not_in_the_first():
    text = tables.markdown(made_up({}), [MODEL, EXACT], {})
    first = text.split("## In short")[1].split("\n## ")[0]
    assert "| stft, diffuse 1 |" in first
    assert "exact" not in first
    assert "| exact, diffuse 1 |" in text


def test_phases_are_compared_within_one_model_and_setting():
    text = tables.markdown(made_up({}), [MODEL, EXACT], {})
    part = text.split("## Which phase?")[1].split("\n## ")[0]
    pairs = {
        tuple(c.strip() for c in line.split("|")[1:3]) for line in part.splitlines() if "phase |" in line
    }
    assert pairs == {
        ("stft, diffuse 1, received phase", "stft, diffuse 1"),
        ("true magnitudes, received phase", "true magnitudes, mirror phase"),
        ("true CQT magnitudes, received phase", "true CQT magnitudes, mirror phase"),
    }


def test_words_follow_the_sign_and_the_kind_of_measure():
    results = made_up({("stft, diffuse 1", "brickwall-8k"): 1.0})
    sdr, lsd = (results.gain("brickwall-8k", "stft, diffuse 1", m) for m in ("sdr_db", "lsd_hf"))
    assert tables.verdict(sdr, "sdr_db") == "better"
    assert tables.verdict(lsd, "lsd_hf") == "better"
    assert tables.verdict(lsd, "visqol") == "worse"
    assert tables.verdict(lsd, "level_hf_db") == "lower"
    assert tables.verdict(sdr, "level_hf_db") == "higher"
    assert tables.verdict(dataclasses.replace(sdr, mean=0.004), "sdr_db") == tables.NO_DIFFERENCE


def test_pictures_are_the_same_bytes_for_the_same_rows(tmp_path):
    results = made_up({("stft, diffuse 1", "brickwall-8k"): 1.0})
    cost = {"stft": {"rtf": 0.016}}
    first = charts.draw(tmp_path / "a", results, cost)
    second = charts.draw(tmp_path / "b", results, cost)
    assert first == second
    assert "plots/gain-against-cutoff.png" in first
    for name in first:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_scores_of_some_tracks_are_said_to_be_of_some():
    results = made_up({})
    rows = [
        {**row, "visqol": 4.0 - (row["system"] == "received")} if row["track"] in TRACKS[:6] else row
        for row in results.rows
    ]
    scored = Results(rows, THROUGH, results.systems)
    text = tables.overview(scored, {})
    assert "ViSQOL (more is better; on 6 of the tracks)" in text
    assert "| stft, diffuse 1 | (+0.00) / (+0.00) / +1.00 |" in text
    assert "ViSQOL" not in tables.overview(results, {})


def test_a_wall_at_16_khz_is_shown_by_the_distance_above_it():
    results = with_top({("stft, diffuse 1", "wall-16k"): 0.5})
    by_name = {condition.name: condition for condition in results.conditions}
    assert {name: results.distance(condition) for name, condition in by_name.items()} == {
        **dict.fromkeys(NAMES, "lsd_hf"),
        **dict.fromkeys(["wall-15k", "wall-16k"], "lsd_top"),
    }
    assert [made_up({}).distance(condition) for condition in by_name.values()] == [
        *["lsd_hf"] * 3,
        *["lsd"] * 2,
    ]
    text = tables.markdown(results, [MODEL, EXACT], {})
    assert "LSD above cutoff (less is better) / LSD 16 to 20 kHz (less is better)" in text
    part = text.split("### wall-16k")[1]
    assert "| system | SDR dB | LSD above cutoff | LSD 16 to 20 kHz | level above cutoff dB |" in part
    shown = "1.50 (1.50 to 1.50) | -39.50 (-39.50 to -39.50) |"
    assert f"| - | {shown}" in next(
        line for line in part.splitlines() if line.startswith("| stft, diffuse 1 |")
    )
    # Of four conditions one has no distance below 16 kHz, and does not count for it.
    assert results.regime_gain(NOTHING, "stft, diffuse 1", "lsd_top").mean == pytest.approx(-0.125)
    assert results.regime_gain(NOTHING, "stft, diffuse 1", "lsd_hf").mean == 0


def test_pictures_are_drawn_for_walls_at_16_khz_alone(tmp_path):
    results = with_top({})
    walls = [condition for condition in results.conditions if condition.cutoff_hz >= 16000]
    rows = [row for row in results.rows if row["condition"] == walls[0].name]
    names = charts.draw(tmp_path, Results(rows, walls, results.systems), {"stft": {"rtf": 0.016}})
    assert names == ["plots/wall-16k.png", "plots/gain-against-cost.png"]
    assert "plots/gain-against-cutoff.png" in charts.draw(tmp_path, results, {})


def test_a_measure_that_nobody_has_is_no_column():
    results = made_up({})
    assert results.measures == ["sdr_db", "lsd_hf"]
    nothing = Results([], THROUGH, [System("received", "received", lambda excerpt: excerpt.received)])
    assert nothing.estimate("brickwall-8k", "received", "sdr_db") is None
