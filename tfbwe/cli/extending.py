"""The command ``tfbwe extend``: files and folders, several at a time, each reported by itself."""

from __future__ import annotations

import argparse
import functools
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audio.destinations import refuse_output
from ..audio.formats import STANDARD
from ..console import Progress, counted, one_line, progress_bar, say
from ..errors import AudioError, ConfigError, TfbweError
from ..leftovers import remove_leftovers
from ..settings import CutoffError
from ..storage.addresses import is_address
from ..storage.objects import existing, is_file
from ..working.processes import Killed, Tell
from . import engine
from .engine import Pair
from .outputs import MadeFolders, into_folder, left_out, plan_outputs, unreadable_here
from .printing import too_high

EXTENDED, UNCHANGED, SKIPPED, FAILED = "extended", "with nothing to add", "skipped", "failed"
"""What may come of a file, as the closing line counts it."""


@dataclass(frozen=True)
class Outcome:
    """What came of a file.

    Attributes
    ----------
    kind : str
        One of the kinds that are counted.
    line : str
        What is printed of it, empty if nothing is.
    notes : tuple of str
        What is said of it on standard error.
    recoded : str
        Its name, where lossy sound was coded again; else empty.
    held : str
        Under which temporary name the output lies, where it was to be held back; else empty.
    """

    kind: str
    line: str = ""
    notes: tuple[str, ...] = ()
    recoded: str = ""
    held: str = ""


def extend(options: argparse.Namespace) -> int:
    """Extend files; one that fails is reported and the others go on."""
    from ..decoder import Decoder
    from ..model.bundle import load_bundle

    pairs = engine.seen_by_all(plan_outputs(options.inputs, options.output), options)
    to_standard = any(destination == STANDARD for _, destination in pairs)
    if to_standard and not options.dry_run and sys.stdout is not None and sys.stdout.isatty():
        raise ConfigError(
            "standard output: is a terminal, which shows no sound; choose a file with -o, or add > out.wav"
        )
    for name in left_out(options.inputs, options.output, pairs):
        say(f"{name}: lies in the output folder, and is left out")
    for line in unreadable_here(options.inputs, options.output):
        say(line)
    if options.dry_run:
        return _dry_run(pairs, options)
    model = load_bundle(options.model, options.trust)
    # What no file can mend, such as a phase that the model lacks, is said once, before any is opened.
    Decoder(model, model.manifest.graph.get("channels", 1), None, options.diffuse, options.phase)
    _remove_leftovers(pairs)
    settings = {
        "model": model,
        "cutoff_hz": options.cutoff,
        "diffuse": options.diffuse,
        "phase": options.phase,
        "clip": options.clip,
        "bitrate_kbps": options.bitrate,
        "quality": options.quality,
        "strict": options.strict,
        "force": options.force,
        "hold": options.cluster is not None,
    }
    label = pairs[0][0] if len(pairs) == 1 else counted(len(pairs), "file")
    with progress_bar(label, shown=not options.quiet) as bar:
        report = _Report(len(pairs), options.quiet, sys.stderr if to_standard else sys.stdout, bar)
        try:
            _extend_all(pairs, settings, options, report)
        except KeyboardInterrupt:
            if len(pairs) > 1:
                report.close()
                how = "with --skip-existing in place of --force" if options.force else "with --skip-existing"
                say(f"the same command {how} goes on from here")
            raise
        report.close()
    return report.status


def _extend_all(
    pairs: list[Pair], settings: dict[str, Any], options: argparse.Namespace, report: _Report
) -> None:
    folder = into_folder(options.inputs, options.output)
    there = _there_already(pairs, options)
    with MadeFolders() as folders:

        def to_do() -> Iterator[Pair]:
            for pair in pairs:
                if options.skip_existing and (pair[1] in there or os.path.isfile(pair[1])):
                    report(pair, Outcome(SKIPPED, f"{pair[1]}: exists already, skipped"))
                    continue
                try:
                    if is_address(pair[1]) and options.cluster:
                        refuse_output(pair[1], force=options.force, source=pair[0])
                    elif folder and not is_address(pair[1]):
                        folders.make(Path(pair[1]).parent)
                except TfbweError as error:
                    report(pair, Outcome(FAILED, notes=(str(error),)))
                    continue
                yield pair

        # Processes of their own have no standard input, and share no standard output.
        if any(STANDARD in pair for pair in pairs):
            options.jobs = 1
        work = functools.partial(attempt, settings)
        try:
            with engine.results(work, to_do(), len(pairs), options, report.show, report.note) as results:
                for pair, result in results:
                    if isinstance(result, Killed):
                        for name in _written_folders([pair]):
                            remove_leftovers(name)
                        why, way_out = "", ""
                        if "SIGKILL" in result.how:
                            why, way_out = ", perhaps for want of memory", "; fewer --jobs need less"
                        said = f"{pair[0]}: {result.how}{why}; nothing written{way_out}"
                        result = Outcome(FAILED, notes=(said,))
                    elif result.held and (wrong := engine.release(pair, result.held, options.force)):
                        result = Outcome(FAILED, notes=(wrong,))
                    report(pair, result)
        finally:
            # A process that was stopped had no time for it, perhaps; a lost attempt on a cluster neither.
            for name in _written_folders(pairs):
                remove_leftovers(name, own=options.cluster is not None)


def attempt(settings: dict[str, Any], pair: Pair, tell: Tell) -> Outcome:
    """Extend a file; what fails is an outcome too.

    Parameters
    ----------
    settings : dict
        Those of `extend_file` that are the same for all files.
    pair : (str, str)
        Source and destination.
    tell : callable
        Called with the seconds done and those to be done in all.

    Returns
    -------
    Outcome
    """
    from ..offline.files import extend_file

    source, destination = pair
    name = "standard input" if source == STANDARD else source
    if settings["hold"] and is_address(destination):
        # A worker that was lost may have put it there already, and who sends the work looked before.
        settings = {**settings, "force": True}
    try:
        summary = extend_file(source, destination, progress=tell, **settings)
    except CutoffError as error:
        expected = f"up to {error.limit_hz:g}, half the sample rate"
        return Outcome(FAILED, notes=(too_high(name, settings["cutoff_hz"], expected),))
    except TfbweError as error:
        return Outcome(FAILED, notes=(str(error),))
    except MemoryError:
        return Outcome(FAILED, notes=(f"{name}: not enough memory",))
    line = (
        "" if destination == STANDARD else f"{destination}: {_describe(summary.cutoff_hz, summary.measured)}"
    )
    coded = "" if summary.encoding is None else f", {summary.encoding}"
    return Outcome(
        EXTENDED if summary.extended else UNCHANGED,
        line and f"{line}, {summary.seconds:.1f} s{coded}",
        tuple(f"{name}: {note}" for note in summary.notes),
        name if summary.recoded else "",
        summary.held,
    )


class _Report:
    """Says what came of each file, counts, and shows how far all of them are."""

    def __init__(self, files: int, quiet: bool, stream: Any, bar: Progress) -> None:
        self._files, self._quiet, self._stream, self._bar = files, quiet, stream, bar
        self._counts: Counter[str] = Counter()
        self._shares: dict[Pair, tuple[float, float]] = {}
        self._done_s = self._total_s = 0.0
        self._recoded = False

    @property
    def status(self) -> int:
        """Exit status."""
        return 1 if self._counts[FAILED] else 0

    def note(self, line: str) -> None:
        """Say a line that is of no file."""
        self._bar.clear()
        if not self._quiet:
            say(line)

    def show(self, pair: Pair, done_s: float, total_s: float) -> None:
        """Show progress; files that are not open yet count as the mean of those that are or were."""
        done_before_s, total_before_s = self._shares.get(pair, (0.0, 0.0))
        self._shares[pair] = (done_s, total_s)
        self._done_s += done_s - done_before_s
        self._total_s += total_s - total_before_s
        unopened = self._files - sum(self._counts[kind] for kind in (SKIPPED, FAILED)) - len(self._shares)
        self._bar(self._done_s, self._total_s * (1 + max(0, unopened) / len(self._shares)))

    def __call__(self, pair: Pair, outcome: Outcome) -> None:
        """Say what came of a file, and count it."""
        self._counts[outcome.kind] += 1
        if outcome.kind == FAILED:
            done_s, total_s = self._shares.pop(pair, (0.0, 0.0))
            self._done_s, self._total_s = self._done_s - done_s, self._total_s - total_s
        self._bar.clear()
        if outcome.kind == FAILED or not self._quiet:
            for note in outcome.notes:
                say(note)
        if outcome.recoded and not self._recoded and not self._quiet:
            say(f"{outcome.recoded}: lossy, and coded again loses a little more; -o NAME.flac loses nothing")
            self._recoded = True
        if outcome.line and not self._quiet:
            print(one_line(outcome.line), file=self._stream, flush=True)

    def close(self) -> None:
        """Print how many files came to what, if there are several."""
        self._bar.clear()
        if self._files > 1:
            kinds = (EXTENDED, UNCHANGED, SKIPPED, FAILED)
            shown = [f"{self._counts[kind]} {kind}" for kind in kinds if self._counts[kind]]
            print(", ".join(shown) or f"0 {EXTENDED}", file=self._stream, flush=True)


def _dry_run(pairs: list[Pair], options: argparse.Namespace) -> int:
    """Say which file would go where; nothing is opened or written."""
    counts: Counter[str] = Counter()
    folder = into_folder(options.inputs, options.output)
    skipped = _there_already(pairs, options)
    for source, destination in pairs:
        names = ["standard input" if source == STANDARD else source]
        names.append("standard output" if destination == STANDARD else destination)
        there = is_address(destination) or os.path.lexists(destination)
        skip = options.skip_existing and (destination in skipped or os.path.isfile(destination))
        kind = SKIPPED if skip else EXTENDED
        try:
            if source != STANDARD and not (is_file(source) or os.path.exists(source)):
                raise AudioError(f"{source}: cannot be read: No such file or directory")
            if destination != STANDARD and kind == EXTENDED and (there or not folder):
                refuse_output(destination, force=options.force, source=source)
        except TfbweError as error:
            kind = FAILED
            say(str(error))
        counts[kind] += 1
        if kind != FAILED and not options.quiet:
            print(one_line(" -> ".join(names)) + (": exists already, skipped" if kind == SKIPPED else ""))
    if len(pairs) > 1:
        verbs = {EXTENDED: "would be extended", SKIPPED: "would be skipped", FAILED: "would fail"}
        print(", ".join(f"{counts[kind]} {said}" for kind, said in verbs.items() if counts[kind]))
    return 1 if counts[FAILED] else 0


def _there_already(pairs: list[Pair], options: argparse.Namespace) -> set[str]:
    """Outputs at addresses that are to be skipped; a store is asked once for all of them."""
    addresses = (destination for _, destination in pairs if is_address(destination))
    return existing(addresses) if options.skip_existing else set()


def _remove_leftovers(pairs: list[Pair]) -> None:
    """Remove what killed runs left where this one writes; say so."""
    for folder in _written_folders(pairs):
        if removed := remove_leftovers(folder):
            say(f"{folder}: removed {counted(removed, 'unfinished file')} of a run that was killed")


def _written_folders(pairs: list[Pair]) -> list[Path]:
    """Folders of this machine in which temporary files are written."""
    beside = (Path(name).parent for _, name in pairs if name != STANDARD and not is_address(name))
    return list(dict.fromkeys([*beside, Path(tempfile.gettempdir())]))


def _describe(cutoff_hz: float | None, measured: bool) -> str:
    if cutoff_hz is None:
        return "no cutoff found"
    return f"cutoff {cutoff_hz:.0f} Hz ({'measured' if measured else 'given'})"
