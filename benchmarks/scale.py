"""Sizing: docs/scale.md made of the figures in docs/scale.json: ``python -m benchmarks.scale``.

With ``--measure --data music --shards shards`` it measures those of this machine first, in some ten minutes,
and writes docs/scale.json. What was given or assumed there stays as it is: change it in the file.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfbwe.atomic import replacing
from training.comparison.blocks import between_marks
from training.comparison.tables import table
from training.examples.shards import EXAMPLE, PIECE_HOURS

DOCS = Path(__file__).parent.parent / "docs"
FIGURES, PAGE, PICTURE = DOCS / "scale.json", DOCS / "scale.md", DOCS / "scale.png"
EXTENDED, TRAINED = (1, 1000, 100_000), (1, 1000, 10_000)
"""Hours of music."""
SHARD_GB = EXAMPLE.itemsize / PIECE_HOURS / 1e9
"""Of an hour in one variant."""
DECODED_GB = 2 * 4 * 44100 * 3600 / 1e9
"""Of an hour of stereo, as training keeps it."""
Figures = dict[str, Any]


def main() -> None:
    """Measure, if wanted, and fill the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--measure", action="store_true", help="measure this machine, and write docs/scale.json"
    )
    parser.add_argument("--data", type=Path, help="music folder with manifest.csv, to measure with")
    parser.add_argument("--shards", type=Path, help="folder of shards, to measure with")
    options = parser.parse_args()
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    if options.measure:
        if not (options.data and options.shards):
            parser.error("--measure needs --data and --shards")
        from benchmarks.scale_measuring import measured

        figures["measured"] = measured(options.data, options.shards)
        _write(FIGURES, json.dumps(figures, indent=1) + "\n")
    _write(PAGE, page(PAGE.read_text(encoding="utf-8"), figures))
    draw(figures, PICTURE)


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(path)


def page(text: str, figures: Figures) -> str:
    """Return docs/scale.md with its tables made anew."""
    return between_marks(text, {name: functools.partial(make, figures) for name, make in BLOCKS.items()})


def extending(figures: Figures, hours: float, model: str, kind: str) -> dict[str, float]:
    """What extending so many hours of music takes, in and out as files of a kind."""
    its, assumed = figures["measured"]["extend"][model][kind], figures["assumed"]
    cores = assumed["cores_per_machine"]
    core_hours = hours * its["processor_s_per_s"]
    gb_in, gb_out = hours * its["mb_in_per_hour"] / 1e3, hours * its["mb_out_per_hour"] / 1e3
    machine_hours = core_hours / cores
    return {
        "core_hours": core_hours,
        "machine_hours": machine_hours,
        "machines": machine_hours / (24 * assumed["days"]),
        "gb_in": gb_in,
        "gb_out": gb_out,
        "gbit_s_per_machine": 8 * (gb_in + gb_out) / (machine_hours * 3600),
        "memory_gb": cores * its["peak_mb"] / 1024,
        "cores_money": core_hours * assumed["core_hour"],
        "storage_money": (gb_in + gb_out) * assumed["gb_month"],
        "egress_money": gb_out * assumed["egress_gb"],
    }


def training(figures: Figures, hours: float) -> dict[str, float]:
    """What training both extending networks and the restoring one on so many hours of music takes."""
    its, assumed, given = figures["measured"], figures["assumed"], figures["given"]
    variants, passes = assumed["variants"], assumed["passes"]
    per_core = drawn_per_core(figures)
    shown_s = hours * 3600 * passes
    gpu_hours = shown_s / given["gpu_audio_s_per_s"]["value"] / 3600
    scanning = hours * its["scan_processor_s_per_s"]
    decoding = hours * its["decode_processor_s_per_s"]
    precomputing = hours * variants / per_core
    return {
        "scan": scanning,
        "decode": decoding,
        "precompute": precomputing,
        "core_hours": scanning + decoding + precomputing,
        "fresh": shown_s / per_core / 3600,
        "music_gb": hours * its["extend"]["stft"]["flac"]["mb_in_per_hour"] / 1e3,
        "decoded_gb": hours * DECODED_GB,
        "shards_gb": hours * variants * SHARD_GB,
        "gpu_hours": gpu_hours,
        "days_on_one": gpu_hours / 24,
        "read_gb": hours * passes * SHARD_GB,
        "cores_here": shown_s / its["feeding"]["steps"]["stft"]["audio_s_per_core_s"] / 3600,
        "money": (scanning + decoding + precomputing) * assumed["core_hour"]
        + gpu_hours * assumed["gpu_hour"],
        "storage_money": hours * (DECODED_GB + variants * SHARD_GB) * assumed["gb_month"],
    }


def drawn_per_core(figures: Figures) -> float:
    """Seconds of audio drawn from music in a second of a core, as training gets them."""
    rows = figures["measured"]["feeding"]["drawing"]
    of_music = [row for row in rows if (row["model"], row["source"]) == ("stft", "music")]
    return float(max(row["audio_s_per_core_s"] for row in of_music))


def _number(value: float) -> str:
    """Two digits that count, thousands apart."""
    if value < 0.001:
        return "< 0.001"
    if value >= 100:
        digits = len(str(int(value))) - 2
        return f"{int(round(value, -digits)):,}"
    return f"{value:.2g}" if value >= 0.01 else f"{value:.1g}"


def _rows(columns: list[dict[str, float]], lines: list[tuple[str, str]]) -> list[list[str]]:
    return [[heading, *(_number(column[key]) for column in columns)] for heading, key in lines]


def _extend(figures: Figures) -> str:
    assumed = figures["assumed"]
    rows = []
    for model, kind in (("stft", "flac"), ("cqt", "flac"), ("stft", "mp3")):
        columns = [extending(figures, hours, model, kind) for hours in EXTENDED]
        lines = [("hours of a core", "core_hours")]
        lines += [(f"hours of one machine of {assumed['cores_per_machine']} cores", "machine_hours")]
        lines += [(f"machines, to be done in {assumed['days']} day", "machines")]
        lines += [("GB read", "gb_in"), ("GB written", "gb_out"), ("cores, money", "cores_money")]
        lines += [
            ("storage of both a month, money", "storage_money"),
            ("to send the result out", "egress_money"),
        ]
        own = f"`{model}`, {kind.upper()} to {kind.upper()}"
        rows += [[f"**{own}**", "", "", ""], *_rows(columns, lines)]
    rows.append(["a Dask cluster adds", *([_cluster(figures)] * 3)])
    return table(["hours of music extended", *(f"{hours:,}" for hours in EXTENDED)], rows)


def _cluster(figures: Figures) -> str:
    found = figures["measured"].get("cluster")
    return "not measured yet" if found is None else f"{100 * found['overhead']:.1f} % of the time"


def _train(figures: Figures) -> str:
    its = figures["assumed"]
    lines = [
        ("scan, hours of a core", "scan"),
        ("decode once, hours of a core", "decode"),
        (f"precompute {its['variants']} variants, hours of a core", "precompute"),
        ("music as FLAC, GB", "music_gb"),
        ("decoded, GB", "decoded_gb"),
        ("shards, GB", "shards_gb"),
        (f"`stft` shown {its['passes']} times: hours of one H200", "gpu_hours"),
        ("the same, days", "days_on_one"),
        ("read from the shards meanwhile, GB", "read_gb"),
        ("the same without an accelerator, hours of a core", "cores_here"),
        ("without shards, all drawn anew: hours of a core", "fresh"),
        ("cores and accelerator, money", "money"),
        ("decoded music and shards a month, money", "storage_money"),
    ]
    rows = _rows([training(figures, hours) for hours in TRAINED], lines)
    return table(["hours of music trained on", *(f"{hours:,}" for hours in TRAINED)], rows)


def _bottleneck(figures: Figures) -> str:
    given, assumed = figures["given"]["gpu_audio_s_per_s"]["value"], figures["assumed"]
    per_core, read = drawn_per_core(figures), given * SHARD_GB * 1e9 / 3600
    flac, mp3 = (extending(figures, 1, "stft", kind) for kind in ("flac", "mp3"))
    link = assumed["gbit_s_per_machine"]
    store, cores = assumed["store_gbit_s"], assumed["cores_per_machine"]
    rate, coded = flac["gbit_s_per_machine"], mp3["gbit_s_per_machine"]
    lines = [
        f"- **Extending** is bound by cores. A machine of {cores} cores reads and writes {rate:.1f} Gbit/s",
        f"of FLAC, or {coded:.2f} of MP3, of the {link:g} Gbit/s that it is assumed to have, and takes",
        f"{flac['memory_gb']:.1f} GB of memory. What all machines share ends first: storage that gives",
        f"{store:g} Gbit/s in all serves {int(store / rate)} machines.",
        f"\n- **Training from music drawn anew** is bound by drawing: a core draws {per_core:.0f} s of audio",
        f"a second, an H200 takes {given:,}. That is {given / per_core:.0f} cores for each.",
        f"\n- **Training from shards** is bound by reading: {read / 1e9:.2f} GB/s, or {8 * read / 1e9:.1f}",
        "Gbit/s, for each H200. Keep shards on a disk of the machine, or in its memory.\n",
    ]
    return " ".join(lines).replace(" \n", "\n")


def _measured(figures: Figures) -> str:
    its = figures["measured"]
    rows = []
    for model, kinds in its["extend"].items():
        for kind, row in kinds.items():
            rows.append(
                [f"`{model}`, {kind.upper()}: real-time factor", f"{row['processor_s_per_s']:.4f}"],
            )
            rows.append(["memory of a process, MB", f"{row['peak_mb']:.0f}"])
            rows.append(
                ["MB an hour, in and out", f"{row['mb_in_per_hour']:.0f}, {row['mb_out_per_hour']:.0f}"]
            )
    rows += [
        ["scan, of real time", f"{its['scan_processor_s_per_s']:.4f}"],
        ["decode for training, of real time", f"{its['decode_processor_s_per_s']:.4f}"],
        ["drawn from music, s of audio a second and core", f"{drawn_per_core(figures):.0f}"],
        ["shards, GB an hour and variant", f"{SHARD_GB:.2f}"],
    ]
    for model, row in its["feeding"]["steps"].items():
        speed = f"{row['audio_s_per_core_s']:.0f}"
        rows.append([f"training `{model}` on a core, s of audio a second of its time", speed])
    return table([f"measured on {its['machine']}", ""], rows)


def _assumed(figures: Figures) -> str:
    given = [[f"*given*: {row['what']}", str(row["value"])] for row in figures["given"].values()]
    words = figures["words"]
    return table(
        ["given and assumed", ""],
        [*given, *([words[key], str(value)] for key, value in figures["assumed"].items())],
    )


BLOCKS: dict[str, Callable[[Figures], str]] = {
    "extend": _extend,
    "train": _train,
    "bottleneck": _bottleneck,
    "measured": _measured,
    "assumed": _assumed,
}


def draw(figures: Figures, path: Path) -> None:
    """Draw how long 100,000 hours take by machines, and which accelerators a machine feeds, by its cores."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    machines = [1, 2, 4, 8, 16, 32, 64]
    for model in ("stft", "cqt"):
        whole = extending(figures, EXTENDED[-1], model, "flac")["machine_hours"]
        left.plot(machines, [whole / n for n in machines], "o-", label=model)
    left.set(xscale="log", yscale="log", xlabel="machines of 16 cores", ylabel="hours")
    left.set_title(f"{EXTENDED[-1]:,} hours of music extended")
    given = figures["given"]["gpu_audio_s_per_s"]["value"]
    cores = [1, 2, 4, 8, 16, 32, 64, 128]
    right.plot(cores, [n * drawn_per_core(figures) for n in cores], "o-", label="drawn from music")
    rows = figures["measured"]["feeding"]["drawing"]
    read = max(row["audio_s_per_core_s"] for row in rows if row["source"] == "shards")
    right.axhline(read, color="C2", label="a core reads from shards in memory")
    right.axhline(given, color="C1", linestyle="--", label="one H200 takes")
    right.set(xscale="log", yscale="log", xlabel="cores", ylabel="s of audio a second")
    right.set_title("what feeds an accelerator")
    for axis in (left, right):
        axis.grid(alpha=0.3)
        axis.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
    print(path)


if __name__ == "__main__":
    main()
