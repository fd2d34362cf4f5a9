"""The settings of a receiver: what they may be, and what is said of those that are not."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from .errors import ConfigError
from .phase import PHASES

MAX_CHANNELS = 8


class CutoffError(ConfigError):
    """A cutoff that a signal cannot have, in the words of Python; the command line has its own.

    Attributes
    ----------
    limit_hz : float
        The highest that it may be.
    """

    def __init__(self, message: str, limit_hz: float = 0.0) -> None:
        super().__init__(message)
        self.limit_hz = limit_hz


def check_settings(
    sample_rate: int, cutoff_hz: float | None, diffuse: float, phase: str, name: str = ""
) -> None:
    """Refuse settings of another type or outside their ranges.

    Parameters
    ----------
    sample_rate : int
        Of the received signal, in Hz.
    cutoff_hz : float or None
        Expected in (0, sample_rate / 2].
    diffuse : float
        Expected in [0, 1].
    phase : str
        Expected to be one of `tfbwe.phase.PHASES`.
    name : str
        The file that they are for, named in the message.

    Raises
    ------
    CutoffError
        If the cutoff is outside.
    ConfigError
        If another is.
    """
    where = f"{name}: " if name else ""
    if cutoff_hz is not None and not (_is_number(cutoff_hz) and 0 < cutoff_hz <= sample_rate / 2):
        raise CutoffError(
            f"{where}cutoff_hz: expected more than 0 and at most {sample_rate / 2:g} Hz, half the sample"
            f" rate, or None to measure it, received {_shown(cutoff_hz)}",
            sample_rate / 2,
        )
    if not (_is_number(diffuse) and 0 <= diffuse <= 1):
        raise ConfigError(f"{where}diffuse: expected 0 to 1, received {_shown(diffuse)}")
    if not isinstance(phase, str) or phase not in PHASES:
        raise ConfigError(f"{where}phase: expected one of {', '.join(PHASES)}, received {phase!r}")


def whole_number(name: str, value: Any) -> int:
    """Return a whole number as int, whatever type holds it.

    Parameters
    ----------
    name : str
        What the message calls it.
    value : any
        Expected to be a number without a fraction, such as ``48000`` or ``np.float64(48000)``.

    Returns
    -------
    int

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if not (_is_number(value) and (isinstance(value, Integral) or float(value).is_integer())):
        raise ConfigError(f"{name}: expected a whole number, received {_shown(value)}")
    return int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return str(value) if _is_number(value) else repr(value)
