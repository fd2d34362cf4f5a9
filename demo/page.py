"""A page to listen on: ``python -m demo.page build/page`` writes one folder, to be opened as index.html."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tfbwe
from demo.demo import CLIP
from demo.excerpts import excerpt, excerpt_id, write_excerpt
from demo.page_files import PageFiles
from tfbwe.atomic import replace_synced, replacing
from tfbwe.errors import AudioError, ConfigError, TfbweError
from tfbwe.extension import EXTENSIONS
from tfbwe.model.bundle import shipped
from tfbwe.stft import SAMPLE_RATE
from training.comparison.lineup import line_up, load_models
from training.degradation.conditions import CONDITIONS, Condition

STATIC = Path(__file__).parent / "page"
PARTS = ("page.css", "player.js", "sounds.js", "votes.js", "page.js", "ballot.js", "controls.js")
TEMPLATE = "index.html"
NOTICE = CLIP.with_name("NOTICE.md")
NOTICE_LINK = '<a href="NOTICE.txt">Whose music this is</a>'
DEFAULT_CONDITIONS = ("brickwall-8k", "butterworth-8k")


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.page",
        description="Write a folder with a page on which people listen and compare.",
        epilog="example: python -m demo.page page --clips song.flac --conditions mp3-64k",
    )
    parser.add_argument("out", type=Path, help="folder to write: a new or an empty one")
    parser.add_argument("--clips", type=Path, nargs="+", default=[CLIP], metavar="FILE",
                        help="music, the middle 10 s of each file (default: the shipped clip)")  # fmt: skip
    parser.add_argument("--models", nargs="+", default=list(shipped()), metavar="MODEL",
                        help="shipped models or model files (default: all that are shipped)")  # fmt: skip
    parser.add_argument("--conditions", nargs="+", default=list(DEFAULT_CONDITIONS), metavar="NAME",
                        help=f"conditions (default: {' '.join(DEFAULT_CONDITIONS)})")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace the files of an earlier page")
    options = parser.parse_args(argv)
    try:
        build(options.out, options.clips, options.models, options.conditions, options.force)
    except (TfbweError, OSError) as error:
        print(f"demo.page: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo.page: stopped", file=sys.stderr)
        return 130
    print(f"open {options.out / TEMPLATE} in a browser")
    return 0


def build(
    out: Path, clips: Sequence[Path], models: Sequence[str], conditions: Sequence[str], force: bool = False
) -> dict[str, Any]:
    """Write the page, all of it or nothing, and return what excerpts.json holds.

    Parameters
    ----------
    out : Path
        Folder to write, made if missing.
    clips : sequence of Path
        Original music.
    models : sequence of str
        Shipped models or model files.
    conditions : sequence of str
        Names among `training.degradation.conditions.CONDITIONS`.
    force : bool
        Replace the files of an earlier page; other files in the folder stay.

    Raises
    ------
    AudioError, ModelError, ConfigError
        If a clip or model cannot be read, a condition is unknown, or the folder is not free.
    """
    _refuse_folder(out, force)
    out = out.resolve()
    chosen = [_condition(name) for name in conditions]
    loaded = load_models(models)
    late_ms = {model.name: round(1000 * EXTENSIONS[model.kind].latency / SAMPLE_RATE) for model in loaded}
    found_systems = line_up(loaded, ("received", "model"))
    systems = [system for system in found_systems if not system.setting]
    systems.sort(key=lambda system: system.diffuse == 0)  # what is restored alone comes last
    staging = out.with_name(f".part-{out.name}")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(parents=True)
        ids: set[str] = set()
        found = []
        files = PageFiles(staging)
        for clip in clips:
            x, title = excerpt(clip)
            for condition in chosen:
                name = excerpt_id(clip, condition, ids)
                found.append(write_excerpt(files, name, title, x, condition, systems, late_ms))
                print(_summary(clip.name, found[-1]))
        data = {"id": _hash_of_sounds(staging), "version": tfbwe.__version__, "excerpts": found}
        _write_page(staging, data, with_notice=any(clip.resolve() == CLIP.resolve() for clip in clips))
        _publish(staging, out)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return data


def _refuse_folder(out: Path, force: bool) -> None:
    if not out.name:
        raise ConfigError(f"{out}: expected a folder with a name of its own")
    if out.exists() and not out.is_dir():
        raise AudioError(f"{out}: expected a folder, received a file")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise AudioError(f"{out}: the folder is not empty; choose another, or replace its page with --force")


def _condition(name: str) -> Condition:
    known = {condition.name: condition for condition in CONDITIONS}
    if name not in known:
        raise ConfigError(f"--conditions: expected some of {', '.join(known)}, received {name!r}")
    return known[name]


def _summary(clip: str, found: dict[str, Any]) -> str:
    """One line: what was written, and what was not because it would be heard twice."""
    line = f"{clip}, {found['condition']}: {len(found['versions'])} versions"
    same = "; ".join(found["unchanged"])
    return f"{line}; the same as received, so left out: {same}" if same else line


def _hash_of_sounds(folder: Path) -> str:
    """Name of this page, by which its votes are kept apart from those of another one."""
    sums = [hashlib.sha256(path.read_bytes()).digest() for path in sorted(folder.rglob("*.flac"))]
    return hashlib.sha256(b"".join(sums)).hexdigest()[:12]


def _write_page(folder: Path, data: dict[str, Any], with_notice: bool) -> None:
    text = json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False)
    write_text(folder / "excerpts.json", text + "\n")
    for name in PARTS:
        write_text(folder / name, (STATIC / name).read_text(encoding="utf-8"))
    if with_notice:
        write_text(folder / "NOTICE.txt", NOTICE.read_text(encoding="utf-8"))
    page = (STATIC / TEMPLATE).read_text(encoding="utf-8")
    page = page.replace("{{notice}}", NOTICE_LINK if with_notice else "")
    inside_script = text.replace("<", "\\u003c")  # so that no name can end the script element
    write_text(folder / TEMPLATE, page.replace("{{excerpts}}", inside_script))


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step, as UTF-8 with plain line ends."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _publish(staging: Path, out: Path) -> None:
    """Put the finished folder in its place; into an existing page file by file, index.html last."""
    if not out.is_dir() or not any(out.iterdir()):
        if out.is_dir():
            out.rmdir()
        os.replace(staging, out)
        return
    files = [path.relative_to(staging) for path in sorted(staging.rglob("*")) if path.is_file()]
    for file in sorted(files, key=lambda file: file.name == TEMPLATE):
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        replace_synced(staging / file, out / file)


if __name__ == "__main__":
    sys.exit(main())
