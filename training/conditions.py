"""The channels that systems are compared on, each named by its regime. One entry is one condition."""

import dataclasses

from .degrade import Degradation
from .filters import Lowpass


@dataclasses.dataclass(frozen=True)
class Condition:
    """One channel.

    Attributes
    ----------
    name : str
    regime : str
        What is left above the cutoff, which decides what can be gained.
    degradation : Degradation
    """

    name: str
    regime: str
    degradation: Degradation

    @property
    def cutoff_hz(self) -> float:
        """Where the received band ends."""
        return self.degradation.lowpass.cutoff_hz


def _brick_wall(cutoff_hz: float) -> Degradation:
    return Degradation(Lowpass("brickwall", cutoff_hz), bits=16)


def _butterworth(zero_phase: bool, bits: int | None = 16) -> Degradation:
    return Degradation(Lowpass("butterworth", 8000.0, order=6, zero_phase=zero_phase), bits=bits)


CONDITIONS = (
    Condition("brickwall-8k", "nothing is left", _brick_wall(8000.0)),
    Condition("brickwall-4k", "nothing is left", _brick_wall(4000.0)),
    Condition("butterworth-8k", "a weak high band in its right phase is left", _butterworth(True)),
    Condition("butterworth-8k-float", "the same, not rounded", _butterworth(True, None)),
    Condition("butterworth-8k-causal", "a weak high band is left, its phase turned", _butterworth(False)),
)
