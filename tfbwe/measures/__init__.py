"""How near an estimate comes to its reference, and what it costs: `MEASURES` lists what is measured."""

from __future__ import annotations

import dataclasses

MORE, LESS, ZERO = "more is better", "less is better", "0 is best"
"""What a measure aims at; of the last one, that it grew says neither that an estimate is better nor worse."""


@dataclasses.dataclass(frozen=True)
class Measure:
    """One figure of how near an estimate comes.

    Attributes
    ----------
    name : str
        Key in JSON, and in what `distances.compare` returns.
    heading : str
        Of a column.
    unit : str
        Empty for scores and for decades of power.
    aim : str
        `MORE`, `LESS` or `ZERO`.
    needs_band : bool
        Whether it is measured above a cutoff alone, and not defined where no band is missing.
    """

    name: str
    heading: str
    unit: str
    aim: str
    needs_band: bool = False

    @property
    def column(self) -> str:
        """Heading with its unit."""
        return f"{self.heading} {self.unit}".strip()


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("sdr_db", "SDR", "dB", MORE),
        Measure("snr_db", "SNR", "dB", MORE),
        Measure("lsd", "LSD", "", LESS),
        Measure("lsd_hf", "LSD above cutoff", "", LESS, needs_band=True),
        Measure("lsd_hf_matched", "LSD above cutoff, level matched", "", LESS, needs_band=True),
        Measure("lsd_top", "LSD 16 to 20 kHz", "", LESS),
        Measure("level_hf_db", "level above cutoff", "dB", ZERO, needs_band=True),
        Measure("visqol", "ViSQOL", "", MORE),
    )
}
"""By name, in the order of tables.

Signal-to-distortion ratio (median of frames of 1 s); signal-to-noise ratio of the whole; log-spectral
distances in decades of power, of all bins, from the cutoff to 16 kHz, the same after the energy below the
cutoff was matched by one gain, and from 16 to 20 kHz; the power of the estimate over that of the reference,
from the cutoff to 20 kHz; the listener's score of `listening`, measured apart.
"""
SHORT = ("sdr_db", "lsd_hf", "lsd_top")
"""One for the waveform and two for the spectrum, where there is room for so many."""
