"""From the network's heads to the high band of a stream: `EXTENSIONS` has the class for each transform."""

from .cqt import CqtExtension
from .extension import Extension
from .stft import StftExtension

EXTENSIONS: dict[str, type[Extension]] = {"stft": StftExtension, "cqt": CqtExtension}

__all__ = ["EXTENSIONS", "Extension"]
