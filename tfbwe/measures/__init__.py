"""How near an estimate comes to its reference, and what it costs: `MEASURES` lists what is measured."""

from __future__ import annotations

import dataclasses


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
    more_is_better : bool
    needs_band : bool
        Whether it is measured above a cutoff alone, and not defined where no band is missing.
    """

    name: str
    heading: str
    unit: str
    more_is_better: bool
    needs_band: bool = False

    @property
    def column(self) -> str:
        """Heading with its unit."""
        return f"{self.heading} {self.unit}".strip()


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("sdr_db", "SDR", "dB", True),
        Measure("snr_db", "SNR", "dB", True),
        Measure("lsd", "LSD", "", False),
        Measure("lsd_hf", "LSD above cutoff", "", False, needs_band=True),
        Measure("lsd_hf_matched", "LSD above cutoff, level matched", "", False, needs_band=True),
        Measure("visqol", "ViSQOL", "", True),
    )
}
"""By name, in the order of tables.

Signal-to-distortion ratio (median of frames of 1 s); signal-to-noise ratio of the whole; log-spectral
distances in decades of power, of all bins, from the cutoff to 16 kHz, and the same after the energy below the
cutoff was matched by one gain; the listener's score of `listening`, measured apart.
"""
SHORT = ("sdr_db", "lsd_hf")
"""One for the waveform and one for the spectrum, where there is room for two."""
