"""A made library with all kinds of tags and pictures through ``tfbwe extend``; ffprobe says what was kept.

``python -m tests.reliability.library [FOLDER]`` makes 65 files in 13 formats and prints a table.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from tests.helpers.ffmpeg import run
from tests.helpers.paths import ROOT
from tests.helpers.tagged import SOUNDS, VALUES, png, probed, sound, tagged

BY_FFMPEG = {
    "AAC": ("m4a", ("-c:a", "aac", "-b:a", "128k")),
    "ALAC": ("m4a", ("-c:a", "alac", "-sample_fmt", "s16p")),
    "WMA": ("wma", ("-c:a", "wmav2", "-b:a", "128k")),
    "WavPack": ("wv", ("-c:a", "wavpack", "-sample_fmt", "s16p")),
    "WebM": ("webm", ("-c:a", "libopus", "-b:a", "96k")),
    "Matroska": ("mka", ("-c:a", "flac")),
}
VARIANTS = ((1, 44100), (2, 48000), (2, 44100), (1, 48000), (2, 24000))
"""Channels and sample rate."""
_REPLACED = ("encoder", "encoded_by", "encoding", "software")
"""What names the program that wrote the file: its place is taken by ours."""
_TECHNICAL = ("major_brand", "minor_version", "compatible_brands", "handler_name", "vendor_id", "duration")
"""What ffprobe says of the file, not of the music."""
_RESCALED = "time_reference"
"""In samples: another number at another rate."""


def made(folder: Path, variants: int) -> dict[str, list[Path]]:
    """Make a library; return its files by format."""
    found: dict[str, list[Path]] = {}
    for number, (channels, rate) in enumerate(VARIANTS[:variants]):
        for suffix in SOUNDS:
            own_rate = 48000 if suffix == "opus" and rate == 44100 else rate
            path = folder / "Träume, leise" / f"song {number}.{suffix}"
            tagged(path, rate=own_rate, channels=channels, seconds=2.0)
            found.setdefault(suffix, []).append(path)
        path = folder / "caf" / f"song {number}.caf"
        path.parent.mkdir(exist_ok=True)
        source = sound(folder.parent / f"source {number}.flac", rate=rate, channels=channels, seconds=2.0)
        x, _ = soundfile.read(source)
        with soundfile.SoundFile(path, "w", rate, channels, "PCM_24", format="CAF") as file:
            file.title, file.artist = VALUES["title"][0], VALUES["artist"][0]
            file.write(np.asarray(x))
        found.setdefault("caf", []).append(path)
        for name, (suffix, arguments) in BY_FFMPEG.items():
            path = folder / name / f"song {number}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            _by_ffmpeg(path, source, arguments, cover=suffix == "m4a")
            found.setdefault(name, []).append(path)
    return found


def _by_ffmpeg(path: Path, source: Path, arguments: tuple[str, ...], cover: bool) -> None:
    texts = [("-metadata", f"{key}={values[0]}") for key, values in VALUES.items() if len(values) == 1]
    picture = source.with_suffix(".png")
    picture.write_bytes(png())
    covered = (
        "-i",
        picture,
        "-map",
        "0:a",
        "-map",
        "1:v",
        "-c:v",
        "copy",
        "-disposition:v:0",
        "attached_pic",
    )
    run("-i", source, *(covered if cover else ()), *arguments, *sum(texts, ()), path)


def compared(source: Path, output: Path, lines: list[str]) -> dict[str, int]:
    """Count texts and pictures of a file: kept, named as not kept, lost in silence."""
    said = " ".join(line.lower() for line in lines if line.startswith(f"tfbwe: {source}: "))
    said += "replaygain_track_gain" if "replaygain" in said else ""
    (before, pictures), (after, kept_pictures) = probed(source), probed(output)
    counts = {"texts": 0, "kept": 0, "named": 0, "lost": 0}
    for key, value in before.items():
        if key in _TECHNICAL or key.startswith(_REPLACED):
            continue
        counts["texts"] += 1
        named = key.replace("_", " ") in said or key in said or "all tags" in said
        same = after.get(key) == value or (key == _RESCALED and key in after)
        counts["kept" if same else "named" if named else "lost"] += 1
    there = sum(picture in kept_pictures for picture in pictures)
    return {**counts, "pictures": len(pictures), "kept pictures": there}


def main(argv: list[str] | None = None) -> int:
    """Make, extend and compare; return 1 if a file failed or something was lost in silence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="new folder for the library and its outputs")
    parser.add_argument("--variants", type=int, default=len(VARIANTS), help="files of each format")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "library"
        (folder / "in").mkdir(parents=True)
        library = made(folder / "in", options.variants)
        command = [sys.executable, "-m", "tfbwe", "extend", folder / "in", "-o", folder / "out"]
        done = subprocess.run(
            [*command, "--cutoff", "5000"], capture_output=True, text=True, cwd=ROOT, check=False
        )
        print("| format | files | texts kept | pictures kept | named as not kept | lost in silence |")
        print("|---|---|---|---|---|---|")
        lost = 0
        for name, files in library.items():
            total: dict[str, int] = {}
            for source in files:
                output = folder / "out" / source.relative_to(folder / "in")
                for key, count in compared(source, output, done.stderr.splitlines()).items():
                    total[key] = total.get(key, 0) + count
            lost += total["lost"]
            print(
                f"| {name} | {len(files)} | {total['kept']} of {total['texts']} | {total['kept pictures']} of"
                f" {total['pictures']} | {total['named']} | {total['lost']} |"
            )
        print(f"\n{done.stdout.splitlines()[-1]}")
    return 1 if lost or done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
