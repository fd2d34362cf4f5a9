"""tfbwe puts the high band back into band-limited music.

``extend`` takes a signal and returns it extended; ``Decoder`` does the same block by block, in real time.
Both are imported when first used; the decoder needs NumPy and a LiteRT interpreter only.
"""

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .errors import AudioError, ConfigError, ModelError, StorageError, TfbweError

if TYPE_CHECKING:
    from .decoder import Decoder
    from .offline.signals import extend

__all__ = [
    "AudioError",
    "ConfigError",
    "Decoder",
    "ModelError",
    "StorageError",
    "TfbweError",
    "__version__",
    "extend",
]


def __getattr__(name: str) -> Any:
    if name == "extend":
        from .offline.signals import extend

        return extend
    if name == "Decoder":
        from .decoder import Decoder

        return Decoder
    raise AttributeError(f"module 'tfbwe' has no attribute {name!r}")
