"""The arguments of the command line. Nothing heavy is imported, so that ``--help`` is quick."""

from __future__ import annotations

import argparse
import math

from .._version import __version__
from ..audio.listing import help_lines
from ..phase import PHASES
from ..working import cluster

_TOP = """\
examples:
  tfbwe extend song.mp3                     writes song.extended.mp3
  tfbwe info song.mp3                       shows where its band ends, and why
  tfbwe compare original.wav extended.wav   measures how near they are
  tfbwe benchmark                           measures what extending costs here
"""
_EXTEND = f"""\
The output keeps container, sample format, tags and length; its rate is at
least 44.1 kHz. Without -o it lies beside the input as NAME.extended.EXT.
-o is a folder, made if need be, for several inputs, for a folder, and where
its name ends in a slash. "-" is standard input or output (WAV). Files and
folders may be at addresses: s3://, gs://, sftp:// (needs tfbwe[cloud]).

Behind a sharp cutoff all below it stays as it was; what a gentle filter
weakened is raised from 0.8 of it on.

Several files are extended at the same time; a line says what came of each,
the last one of all. The exit status is 1 if any failed. A run that was
stopped goes on with --skip-existing. With --cluster the workers of a Dask
cluster do the work; they must see the files under the same names.

{help_lines()}

examples:
  tfbwe extend song.mp3
  tfbwe extend albums/ -o extended/         keeps the tree
  tfbwe extend albums/ -o extended/ --skip-existing
  tfbwe extend /music -o /extended/ --cluster tcp://10.0.0.1:8786
  tfbwe extend call.wav -o call.flac --cutoff 3400
  cat song.wav | tfbwe extend - > song44.wav
  tfbwe extend s3://bucket/album/ -o s3://bucket/extended/
"""
_INFO = """\
Several files, or a folder, give a table: first the files that would gain
most, by the octaves from the cutoff to where the model ends (20 kHz). The
exit status is 1 if any cannot be read.

examples:
  tfbwe info song.mp3
  tfbwe info albums/ --csv > albums.csv
  tfbwe info tape.wav --png spectrum.png
  tfbwe info s3://bucket/album/
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
  tfbwe compare original.wav s3://bucket/extended.wav
"""
_BENCHMARK = """\
examples:
  tfbwe benchmark
  tfbwe benchmark --model cqt --json
  tfbwe benchmark --all
"""


def _cutoff(text: str) -> float | None:
    if text == "auto":
        return None
    return _positive(text, "HZ, more than 0, or auto")


def _bitrate(text: str) -> float:
    return _positive(text, "kb/s, more than 0")


def _positive(text: str, expected: str) -> float:
    number = _number(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected {expected}, received {text!r}")
    return number


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


def _count(text: str) -> int:
    count = _number(text)
    if not (count >= 1 and count.is_integer()):
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, received {text!r}")
    return int(count)


def _name(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a file, received an empty one")
    return text


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
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
    info.add_argument(
        "files", nargs="+", type=_name, metavar="FILE", help="sound files or folders, or a model"
    )
    _add_model(info)
    form = info.add_mutually_exclusive_group()
    form.add_argument(
        "--json", action="store_true", help="print JSON: of one file an object, of several a list"
    )
    form.add_argument("--csv", action="store_true", help="print comma-separated values, a row for each file")
    _add_jobs(info)
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


def _add_jobs(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--jobs", type=_count, metavar="N", help="files at the same time (default: processor cores)"
    )


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
    parser.add_argument("-o", "--output", type=_name, metavar="OUT", help="output file or folder")
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
    lossy = parser.add_mutually_exclusive_group()
    lossy.add_argument(
        "--bitrate",
        type=_bitrate,
        metavar="KBPS",
        help="of a lossy output, all channels together (default: the input's, and what the wider band takes)",
    )
    lossy.add_argument(
        "--quality",
        type=_part,
        metavar="0..1",
        help="instead: MP3 variable, V 10 to V 0; Vorbis -q 0 to 10; others from lowest to highest bit rate",
    )
    parser.add_argument(
        "--strict", action="store_true", help="refuse damaged files; else what is left of them is extended"
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--force", action="store_true", help="replace existing outputs")
    existing.add_argument(
        "--skip-existing", action="store_true", help="skip inputs whose output exists: goes on after a stop"
    )
    where = parser.add_mutually_exclusive_group()
    _add_jobs(where)
    cluster.add_option(where)
    parser.add_argument("--dry-run", action="store_true", help="only say which file would go where")
    parser.add_argument(
        "--quiet", action="store_true", help="print errors and the closing line of many files alone"
    )
