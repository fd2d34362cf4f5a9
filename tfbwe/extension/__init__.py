"""From what the networks return to the high band of a stream: `EXTENSIONS` has the class for each transform.

`WaveExtension` serves models whose graph is the whole decoder.
"""

from .cqt import CqtExtension
from .extension import Extension
from .stft import StftExtension
from .wave import WaveExtension

EXTENSIONS: dict[str, type[StftExtension] | type[CqtExtension]] = {"stft": StftExtension, "cqt": CqtExtension}

__all__ = ["EXTENSIONS", "Extension", "WaveExtension"]
