"""The conditions that systems are compared on, each named by its regime."""

import dataclasses

from tfbwe.audio.resampler import RESAMPLER_EDGE

from .codecs import CODECS, Codec, at_rate
from .degrade import Degradation, Mix
from .filters import LowCut, Lowpass
from .rounding import Rounding

NOTHING = "nothing is left"
RIGHT_PHASE = "a weak high band in its right phase is left"
TURNED_PHASE = "a weak high band is left, its phase turned"
IMAGES = "nothing is left but images of what lies below"
CODED = "nothing is left, and the codec's noise below"
WHOLE = "the band reaches so far up that there is nothing to add"
REGIMES = (NOTHING, IMAGES, RIGHT_PHASE, TURNED_PHASE, CODED, WHOLE)
"""What is left above the cutoff, which decides what can be gained."""


@dataclasses.dataclass(frozen=True)
class Condition:
    """One narrow condition.

    Attributes
    ----------
    name : str
    regime : str
        One of `REGIMES`.
    degradation : Degradation
    cutoff_hz : float
        Where the received band ends, as every system is given it.
    note : str
        What else the reader of a table should know.
    """

    name: str
    regime: str
    degradation: Degradation
    cutoff_hz: float
    note: str = ""

    @property
    def needs_ffmpeg(self) -> bool:
        """Whether a codec of it is none of libsndfile's."""
        return any(isinstance(stage, Codec) and CODECS[stage.name].by_ffmpeg for stage in self.degradation)


def _brick_wall(name: str, cutoff_hz: float) -> Condition:
    return Condition(name, NOTHING, (Lowpass("brickwall", cutoff_hz), Rounding()), cutoff_hz)


def _dithered(name: str, cutoff_hz: float) -> Condition:
    degradation = (Lowpass("brickwall", cutoff_hz), Rounding(dither="triangular"))
    return Condition(name, NOTHING, degradation, cutoff_hz, "16 bits with triangular dither")


def _images(name: str, cutoff_hz: float) -> Condition:
    note = f"kept at {2 * cutoff_hz:g} Hz, read back by linear interpolation"
    return Condition(name, IMAGES, (Lowpass("linear", cutoff_hz), Rounding()), cutoff_hz, note)


def _recursive(
    name: str, family: str, cutoff_hz: float, phase: str, note: str = "", rounded: bool = True
) -> Condition:
    lowpass = Lowpass(family, cutoff_hz, 6, phase)
    degradation: Degradation = (lowpass, Rounding()) if rounded else (lowpass,)
    regime = TURNED_PHASE if phase == "causal" else RIGHT_PHASE
    return Condition(name, regime, degradation, cutoff_hz, note or _RUNS[phase])


_RUNS = {
    "causal": "order 6, causal",
    "zero": "order 6, zero phase: 36 dB an octave",
    "forward-backward": "order 6, forward and backward: 72 dB an octave",
}


def _aac(name: str, rate_kbps: int, cutoff_hz: float) -> Condition:
    """AAC of constant rate. Its cutoff is that of ffmpeg's encoder, which goes by the rate."""
    degradation = (at_rate("aac", rate_kbps), Rounding())
    return Condition(name, CODED, degradation, cutoff_hz, f"ffmpeg's, constant {rate_kbps} kb/s")


def _resampled(name: str, rate: float) -> Condition:
    """Music that was kept at a low rate; its band ends where the resampler's does."""
    degradation = (Lowpass("resample", rate / 2), Rounding())
    return Condition(name, NOTHING, degradation, RESAMPLER_EDGE * rate / 2, f"kept at {rate:g} Hz")


def _mp3(name: str, regime: str, rate_kbps: int, cutoff_hz: float, mono: bool = False) -> Condition:
    """MP3 of constant rate. Its cutoff is that of LAME's low-pass, which goes by the rate of a channel."""
    degradation: Degradation = (*([Mix()] if mono else []), at_rate("mp3", rate_kbps), Rounding())
    note = f"LAME, constant {rate_kbps} kb/s{', mono' if mono else ''}"
    return Condition(name, regime, degradation, cutoff_hz, note)


# Where the codecs' bands end was measured on six to ten tracks of the training list: the highest bin within
# 3 dB of the original's power, and the place of the steepest fall. It is the same for every track. Opus,
# but at its lowest rates, fills the band up to 20 kHz with noise of the right level, coherent with the
# original only up to 4 or 6 kHz.
CONDITIONS = (
    _brick_wall("brickwall-8k", 8000.0),
    _brick_wall("brickwall-4k", 4000.0),
    _brick_wall("brickwall-11k", 11025.0),
    _brick_wall("brickwall-16k", 16000.0),
    _dithered("dithered-8k", 8000.0),
    _dithered("dithered-4k", 4000.0),
    _images("images-8k", 8000.0),
    _images("images-4k", 4000.0),
    _resampled("resampled-8k", 8000.0),
    Condition(
        "telephone",
        NOTHING,
        (LowCut(300.0), Lowpass("resample", 4000.0), Rounding()),
        RESAMPLER_EDGE * 4000.0,
        "kept at 8000 Hz, nothing below 300 Hz",
    ),
    _resampled("resampled-16k", 16000.0),
    _resampled("resampled-22k", 22050.0),
    _recursive("butterworth-8k-once", "butterworth", 8000.0, "zero"),
    _recursive("butterworth-8k-once-float", "butterworth", 8000.0, "zero", "the same, not rounded", False),
    _recursive("butterworth-5k-once", "butterworth", 5000.0, "zero"),
    _recursive("butterworth-12k-once", "butterworth", 12000.0, "zero"),
    _recursive("butterworth-8k", "butterworth", 8000.0, "forward-backward"),
    _recursive(
        "butterworth-8k-float", "butterworth", 8000.0, "forward-backward", "the same, not rounded", False
    ),
    _recursive("butterworth-5k", "butterworth", 5000.0, "forward-backward"),
    _recursive("butterworth-12k", "butterworth", 12000.0, "forward-backward"),
    Condition(
        "gaussian-8k",
        RIGHT_PHASE,
        (Lowpass("gaussian", 8000.0), Rounding()),
        8000.0,
        "a roll-off that no network was trained on",
    ),
    _recursive("chebyshev-11k", "chebyshev1", 11025.0, "forward-backward"),
    _recursive("butterworth-8k-causal", "butterworth", 8000.0, "causal"),
    _mp3("mp3-32k", CODED, 32, 5550.0),
    _mp3("mp3-32k-mono", CODED, 32, 8250.0, mono=True),
    _mp3("mp3-64k", CODED, 64, 11000.0),
    _mp3("mp3-64k-mono", CODED, 64, 16500.0, mono=True),
    _mp3("mp3-96k", CODED, 96, 15100.0),
    _mp3("mp3-96k-mono", WHOLE, 96, 20000.0, mono=True),
    _mp3("mp3-128k", CODED, 128, 16600.0),
    Condition(
        "vorbis-low", CODED, (Codec("vorbis", 0.99), Rounding()), 15100.0, "quality 0.1 of 10, about 67 kb/s"
    ),
    _aac("aac-48k", 48, 7600.0),
    _aac("aac-64k", 64, 12400.0),
    Condition(
        "opus-12k-mono",
        CODED,
        (Mix(), Codec("opus", 0.979), Rounding()),
        8000.0,
        "variable rate; the codec's wide band",
    ),
    Condition(
        "opus-24k",
        WHOLE,
        (Codec("opus", 0.979), Rounding()),
        20000.0,
        "variable rate; the codec makes up a band",
    ),
    Condition(
        "opus-32k",
        WHOLE,
        (Codec("opus", 0.963), Rounding()),
        20000.0,
        "variable rate; the codec makes up a band",
    ),
)
