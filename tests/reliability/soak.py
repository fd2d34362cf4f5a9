"""Decoders through a day of sound: ``python -m tests.reliability.soak --data MUSIC``.

Each decoder runs in a process of its own, in blocks of 1 to 65536 samples, through what `programme` makes.
All along its output must be finite, bounded, and late by `latency` to the sample. At hours 1, 6, 12 and 24 it
is held to a new decoder that was fed the last five minutes alone, and its memory to that of the first hour.
At the end it is reset, and must then give the very bits that a new one gives. OUT/NAME.json has the result;
one that is there for the same settings is not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers.paths import CLIP, ROOT
from tests.reliability.programme import ALIGNED, CHUNK, Samples, Segment, passage, programme, songs_of
from tests.reliability.watching import Watch, level_differences_db, resident_mb, state_bytes
from tfbwe import Decoder
from tfbwe.atomic import replacing
from tfbwe.measures.cost import peak_rss_mb
from tfbwe.stft import SAMPLE_RATE

DECODERS: dict[str, tuple[str, int, str]] = {
    "wave-stereo": ("stft", 2, "mirror"),
    "wave-mono": ("stft", 1, "mirror"),
    "stft": ("stft", 2, "pghi"),
    "cqt": ("cqt", 2, "mirror"),
}
"""Model, channels and phase: `stft` runs as the graph from wave to wave, but for pghi."""
HOURS = (1.0, 6.0, 12.0, 24.0)
PASSAGE_S = 300.0
KINDS = ("wall", "gentle")
"""Filters of the passage on which decoders are compared."""
SAME_CUTOFF = 0.06
SAME_DB, OTHER_CUTOFF_DB = 0.1, 3.0
"""Of a decoder that ran long, against a new one after a passage. Their cutoffs may differ by what the tracker
takes for the same; levels in thirds of an octave above the cutoff then differ next to it, else hardly."""
GROWTH_BYTES = 256
"""States may grow by so much: tables of the bins above the cutoff go by the cutoff."""
GROWTH_MB = 4.0
_STEP_S = 600.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak the decoders that are named; 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability.soak", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(DECODERS)}; all by default")
    parser.add_argument("--hours", type=float, default=24.0, help="of sound (default 24)")
    parser.add_argument(
        "--data", type=Path, default=CLIP.parent, help="music folder (default: the shipped clip)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "build/soak", help="folder of the results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="decoders at the same time")
    options = parser.parse_args(arguments)
    names = options.names or list(DECODERS)
    if unknown := set(names) - set(DECODERS):
        parser.error(f"names: expected some of {', '.join(DECODERS)}, received {', '.join(unknown)}")
    if not songs_of(options.data):
        parser.error(f"--data: expected a folder with sound files, received {options.data}")
    options.out.mkdir(parents=True, exist_ok=True)
    if len(names) == 1:
        return _one(names[0], options)
    given = [f"--{key}={getattr(options, key)}" for key in ("hours", "data", "out", "seed")]
    command = [sys.executable, "-m", "tests.reliability.soak", *given]
    with ThreadPoolExecutor(options.jobs) as pool:
        codes = list(pool.map(lambda name: subprocess.run([*command, name], cwd=ROOT).returncode, names))
    print(HEADING, *(row(name, _found(name, options)) for name in names), sep="\n")
    return max(codes)


def _found(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what is known of a decoder under these settings."""
    asked = {"hours": options.hours, "data": options.data.name, "seed": options.seed}
    path = options.out / f"{name}.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found if found.get("asked") == asked else {"asked": asked}


def _one(name: str, options: argparse.Namespace) -> int:
    found, path = _found(name, options), options.out / f"{name}.json"
    if "problems" in found:
        print(f"{name}: done already, see {path}")
    else:
        for state in soak(name, songs_of(options.data), options.hours, options.seed):
            found |= state
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {'; '.join(found['problems']) or 'no problem'}")
    return int(bool(found["problems"]))


HEADING = """\
| decoder | hours | blocks | off a new one: wall | gentle filter | low band | memory | problems |
|---|---|---|---|---|---|---|---|"""


def row(name: str, found: dict[str, Any]) -> str:
    """Return a row of the table in docs/reliability.md."""
    points = found.get("checkpoints", [])
    if not points:
        return f"| {name} | before its first checkpoint | | | | | | |"
    every = [part for point in points for part in point["parts"]]
    parts = [[part for part in every if part["filter"] == kind] for kind in KINDS]
    worst = [
        "the same bits"
        if all(part["same_bits"] for part in found_parts)
        else f"{max(part['level_db'] for part in found_parts):.2f} dB"
        for found_parts in parts
    ]
    memory = [f"{point['resident_mb']:.0f}" for point in points]
    problems = found.get("problems", ["not at its end"])
    cells = [
        name,
        f"{found['samples'] / SAMPLE_RATE / 3600:.1f}",
        f"{found['calls']:,}",
        *worst,
        f"{found['low_band_db']:.0f} dB",
        f"{', '.join(memory)} MB",
        "; ".join(problems) or "none",
    ]
    return f"| {' | '.join(cells)} |"


def soak(
    name: str, songs: Sequence[Path], hours: float, seed: int, passage_s: float = PASSAGE_S
) -> Iterator[dict[str, Any]]:
    """Run one decoder; yield what is known so far every ten minutes of sound, with `problems` at the end."""
    run = Run(name, seed)
    points = [h for h in HOURS if h < hours] + [hours]
    checkpoints: list[dict[str, Any]] = []
    parts = programme(songs, seed)
    shown = 0.0
    for number, point in enumerate(points):
        begin = max(0, round((point * 3600 - passage_s) * SAMPLE_RATE)) // ALIGNED * ALIGNED
        while run.samples < begin:
            segment = next(parts)
            run.play(segment, begin - run.samples)
            if run.samples >= shown * SAMPLE_RATE:
                shown += _STEP_S
                yield run.state()
                print(f"{name}: {run.samples / SAMPLE_RATE / 3600:.2f} h", flush=True)
        checkpoints.append(run.checkpoint(passage(songs, passage_s, seed + 1 + number)))
        yield {**run.state(), "checkpoints": checkpoints}
    run.check_reset(passage(songs, passage_s / 4, seed))
    first = checkpoints[0]
    for point in checkpoints[1:]:
        if point["state_bytes"] > first["state_bytes"] + GROWTH_BYTES:
            run.problems.append(f"states grew from {first['state_bytes']} to {point['state_bytes']} bytes")
        if point["resident_mb"] > first["resident_mb"] + GROWTH_MB:
            run.problems.append(f"memory grew from {first['resident_mb']} to {point['resident_mb']} MB")
    yield {**run.state(), "checkpoints": checkpoints, "problems": sorted(set(run.problems))}


class Run:
    """A decoder, where it is in its day, and what was seen of it."""

    def __init__(self, name: str, seed: int) -> None:
        self.model, self.channels, self.phase = DECODERS[name]
        self.decoder = self._new()
        self.samples, self.calls = 0, 0
        self.problems: list[str] = []
        self._watch = Watch(self.channels, self.decoder.latency, self.problems)
        self._sizes = np.random.default_rng(seed + 1000)
        self._used_s: dict[int, list[float]] = {}
        self._kinds: dict[str, float] = {}

    def _new(self) -> Decoder:
        return Decoder(self.model, self.channels, phase=self.phase)

    def play(self, segment: Segment, most: int) -> None:
        """Feed a segment, or so many samples of it."""
        left = min(most, segment.samples)
        self._kinds[segment.kind] = self._kinds.get(segment.kind, 0.0) + left / SAMPLE_RATE
        for x in segment.chunks(self.channels):
            if left <= 0:
                break
            x = x[:, :left]
            left -= x.shape[1]
            begun = time.process_time()
            y = self._fed(self.decoder, x, segment.kind == "lost")
            hour = self._used_s.setdefault(self.samples // (3600 * SAMPLE_RATE), [0.0, 0.0])
            hour[0] += time.process_time() - begun
            hour[1] += x.shape[1] / SAMPLE_RATE
            self.samples += x.shape[1]
            self._watch.see(x, y, segment, self.decoder.cutoff_hz)

    def _fed(self, decoder: Decoder, x: Samples, lost: bool) -> Samples:
        """Feed a chunk in blocks whose sizes spread evenly over octaves."""
        out, at = [], 0
        while at < x.shape[1]:
            count = min(int(2 ** self._sizes.uniform(0, 16)), x.shape[1] - at)
            out.append(decoder.process(None, count) if lost else decoder.process(x[:, at : at + count]))
            self.calls += 1
            at += count
        return np.concatenate(out, axis=1)

    def checkpoint(self, parts: Sequence[Segment]) -> dict[str, Any]:
        """Hold the decoder against a new one that is fed these parts alone."""
        new, at = self._new(), self.samples
        differences = []
        for part in parts:
            kept = max(1, part.samples // 10 // CHUNK)
            ends: list[tuple[Samples, Samples]] = []
            for x in part.chunks(self.channels):
                y, other = self._fed(self.decoder, x, False), self._fed(new, x, False)
                self.samples += x.shape[1]
                self._watch.see(x, y, part, self.decoder.cutoff_hz)
                # What is added, in the last tenth of the part: what is forgotten is forgotten by then.
                ends = [*ends, (y - self._watch.delayed, other - self._watch.delayed)][-kept:]
            if part.kind != "song":
                continue
            mine, others = (np.concatenate(pieces, axis=1) for pieces in zip(*ends, strict=True))
            cutoffs = self.decoder.cutoff_hz, new.cutoff_hz
            differences.append(
                {
                    "filter": part.filter,
                    "cutoffs_hz": cutoffs,
                    "sample_db": _decibels(np.square(mine - others).mean() / np.square(others).mean()),
                    "same_bits": bool(np.array_equal(mine, others)),
                    "level_db": level_differences_db(mine, others, part.cutoff_hz),
                }
            )
            hours = self.samples / SAMPLE_RATE / 3600
            if None in cutoffs or abs(cutoffs[0] / cutoffs[1] - 1) > SAME_CUTOFF:
                self.problems.append(
                    f"{hours:.2f} h, {part.filter}: cutoff {cutoffs[0]}, of a new one {cutoffs[1]}"
                )
            most = SAME_DB if cutoffs[0] == cutoffs[1] else OTHER_CUTOFF_DB
            if (level := differences[-1]["level_db"]) > most:
                self.problems.append(f"{hours:.2f} h, {part.filter}: {level:.2f} dB off")
        return {
            "hours": self.samples / SAMPLE_RATE / 3600,
            "passage_s": (self.samples - at) / SAMPLE_RATE,
            "parts": differences,
            "level_db": max(found["level_db"] for found in differences),
            "state_bytes": state_bytes(self.decoder),
            "resident_mb": resident_mb(),
            "peak_mb": peak_rss_mb(),
        }

    def check_reset(self, parts: Sequence[Segment]) -> None:
        """Reset the decoder, and hold it to the bits of a new one."""
        self.decoder.reset()
        new = self._new()
        for part in parts:
            for x in part.chunks(self.channels):
                if not np.array_equal(self._fed(self.decoder, x, False), self._fed(new, x, False)):
                    self.problems.append("after a reset other bits than those of a new decoder")
                    return
        if (self.decoder.cutoff_hz, self.decoder.limited_frames) != (new.cutoff_hz, new.limited_frames):
            self.problems.append("after a reset another cutoff or count of limited frames")

    def state(self) -> dict[str, Any]:
        """What is known so far, ready for JSON."""
        return {
            "samples": self.samples,
            "calls": self.calls,
            "limited_frames": self.decoder.limited_frames,
            "loudest_db": _decibels(self._watch.loudest),
            "low_band_db": _decibels(self._watch.low_band),
            "low_band_windows": self._watch.windows,
            "kinds_h": {kind: round(used / 3600, 3) for kind, used in sorted(self._kinds.items())},
            "rtf_by_hour": [round(used / lasted, 5) for used, lasted in self._used_s.values()],
            "found_so_far": sorted(set(self.problems)),
        }


def _decibels(power: float) -> float:
    return float(10 * np.log10(max(float(power), 1e-30)))


if __name__ == "__main__":
    sys.exit(main())
