"""The command line. Nothing heavy is imported before it is needed, so that ``--help`` is quick."""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import NoReturn

from .._version import __version__
from ..console import say
from ..errors import TfbweError
from ..phase import PHASES

FAILED, INTERRUPTED, BROKEN_PIPE = 1, 130, 141

_TOP = """\
examples:
  tfbwe extend song.mp3                     writes song.extended.mp3
  tfbwe info song.mp3                       shows where its band ends, and why
  tfbwe compare original.wav extended.wav   measures how near they are
  tfbwe benchmark                           measures what extending costs here
"""
_EXTEND = """\
The output keeps container, sample format, tags and length; its rate is at
least 44.1 kHz. Without -o it lies beside the input as NAME.extended.EXT.
"-" is standard input or output (WAV).

examples:
  tfbwe extend song.mp3
  tfbwe extend albums/ -o extended/         keeps the tree; extended must exist
  tfbwe extend call.wav -o call.flac --cutoff 3400
  cat song.wav | tfbwe extend - > song44.wav
"""
_INFO = """\
examples:
  tfbwe info song.mp3
  tfbwe info tape.wav --png spectrum.png
  tfbwe info my_model.tflite
"""
_COMPARE = """\
sdr_db, snr_db   signal over error; more is better
lsd              log-spectral distance in decades of power; less is better
lsd_hf           the same from the cutoff to 16 kHz; lsd_hf_matched with the
                 levels below the cutoff matched
lsd_top          the same from 16 to 20 kHz
level_hf_db      level of the estimate over that of the reference, from the
                 cutoff to 20 kHz; 0 is best

The last four end where the reference's own band does. The cutoff is measured
in the estimate unless it is given. What is not defined is left out: all from
a cutoff on where there is no edge, lsd_hf where that is 16 kHz or more.

examples:
  tfbwe compare original.wav extended.wav --cutoff 8000
  tfbwe compare original.wav extended.wav --json --png spectra.png
"""
_BENCHMARK = """\
examples:
  tfbwe benchmark
  tfbwe benchmark --model cqt --json
  tfbwe benchmark --all
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0, 1 after an error (a line on standard error), 2 for wrong usage, 130 when interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # A name may hold what the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    try:
        options = _parser().parse_args(argv)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        with _quiet_libraries(), _stopped_cleanly():
            from . import commands

            status: int = getattr(commands, options.command)(options)
            if sys.stdout is not None:
                sys.stdout.flush()
            return status
    except TfbweError as error:
        say(str(error))
        return FAILED
    except BrokenPipeError:
        _forget_standard_output()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except OSError as error:
        # Sound files and models name themselves in errors of their own: what has no name was printed.
        say(f"{error.filename or 'standard output'}: {error.strerror or error}")
        _forget_standard_output()
        return FAILED
    except MemoryError:
        say("not enough memory")
        return FAILED


def _forget_standard_output() -> None:
    """Python flushes standard output once more at exit, and must not fail there."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Keep C libraries off standard error: mpg123 and LiteRT write notes there, past Python."""
    try:
        if sys.stderr.fileno() != 2:
            raise OSError
    except (AttributeError, OSError, ValueError):
        yield
        return
    python_stderr, kept, nowhere = sys.stderr, os.dup(2), os.open(os.devnull, os.O_WRONLY)
    with open(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace") as ours:
        try:
            os.dup2(nowhere, 2)
            sys.stderr = ours
            yield
        finally:
            sys.stderr = python_stderr
            os.dup2(kept, 2)
            os.close(kept)
            os.close(nowhere)


@contextlib.contextmanager
def _stopped_cleanly() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the process as Ctrl-C does: unfinished files are removed."""

    def stop(number: int, frame: object) -> NoReturn:
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {}
    try:
        for number in numbers:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # nohup ignores SIGHUP.
                before[number] = signal.signal(number, stop)
    except ValueError:  # Not the main thread.
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cutoff(text: str) -> float | None:
    if text == "auto":
        return None
    cutoff_hz = _number(text)
    if not 0 < cutoff_hz < math.inf:
        raise argparse.ArgumentTypeError(f"expected HZ, more than 0, or auto, received {text!r}")
    return cutoff_hz


def _part(text: str) -> float:
    part = _number(text)
    if not 0 <= part <= 1:
        raise argparse.ArgumentTypeError(f"expected 0 to 1, received {text!r}")
    return part


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a file, received an empty one")
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tfbwe",
        description="Puts the high band back into band-limited music.",
        epilog=_TOP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tfbwe {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, short: str, epilog: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=short,
            description=short[0].upper() + short[1:] + ".",
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    _add_extend(command("extend", "put the high band back into sound files", _EXTEND))

    info = command("info", "show what a sound file or a model file holds", _INFO)
    info.add_argument("file", type=_name, metavar="FILE")
    _add_model(info)
    info.add_argument("--json", action="store_true", help="print JSON")
    info.add_argument(
        "--png", type=_name, metavar="FILE", help="draw received and restored spectrum (needs tfbwe[report])"
    )
    info.add_argument("--force", action="store_true", help="replace an existing picture")

    compare = command("compare", "measure how near an estimate is to its reference", _COMPARE)
    compare.add_argument("reference", type=_name, metavar="REFERENCE", help="the original sound file")
    compare.add_argument("estimate", type=_name, metavar="ESTIMATE", help="the sound file to be judged")
    compare.add_argument(
        "--cutoff", type=_cutoff, metavar="HZ|auto", help="where the received band ends (default: auto)"
    )
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.add_argument(
        "--png", type=_name, metavar="FILE", help="draw both spectrograms (needs tfbwe[report])"
    )
    compare.add_argument("--force", action="store_true", help="replace an existing picture")

    benchmark = command("benchmark", "measure what extending costs on this machine", _BENCHMARK)
    _add_model(benchmark)
    _add_phase(benchmark)
    benchmark.add_argument(
        "--all", action="store_true", help="every shipped graph, a row each, whole and hop by hop"
    )
    benchmark.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add_phase(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--phase",
        choices=PHASES,
        default="mirror",
        help="phase of the diffuse part; pghi goes with stft (default: mirror)",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        type=_name,
        default="stft",
        metavar="stft|cqt|FILE",
        help="shipped model or file (default: stft)",
    )
    parser.add_argument("--trust", action="store_true", help="load a model file without a manifest")


def _add_extend(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", type=_name, metavar="IN", help="sound files or folders")
    parser.add_argument(
        "-o", "--output", type=_name, metavar="OUT", help="output file, or an existing folder"
    )
    _add_model(parser)
    parser.add_argument(
        "--cutoff",
        type=_cutoff,
        metavar="HZ|auto",
        help="where the received band ends (default: auto, measured)",
    )
    parser.add_argument(
        "--diffuse",
        type=_part,
        default=1.0,
        metavar="0..1",
        help="part of the band with a made-up phase: 0 best SDR, 1 full spectrum (default: 1)",
    )
    _add_phase(parser)
    parser.add_argument(
        "--clip",
        choices=("soft", "clamp", "rescale"),
        default="soft",
        help="beyond an integer format's range: lower the high band alone (default), clamp, or scale all",
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse damaged files; else what is left of them is extended"
    )
    parser.add_argument("--force", action="store_true", help="replace existing outputs")
