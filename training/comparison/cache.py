"""What was measured before: kept by a hash of all that it depends on.

These are the track with its bandwidth, the condition, the system with its weights, the libraries, and the
code. So whatever changes is measured anew, and nothing else.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfbwe.atomic import replacing

from ..degradation import degrade
from ..degradation.conditions import Condition
from ..music.manifest import Track
from ..provenance import code_version, versions
from . import measuring, scoring
from .lineup import System
from .measuring import EXCERPT_S, Values

LIBRARIES = ("numpy", "scipy", "soxr", "soundfile", "ai-edge-litert", "visqol-python")
MEASURING = (measuring.__name__, degrade.__name__)
SCORING = (*MEASURING, scoring.__name__)


class Kept:
    """What was measured on one track in one condition: a JSON file, values by the hash of their origin.

    Parameters
    ----------
    cache : Path
        Folder of such files; it must exist.
    track : Track
    condition : Condition
    """

    def __init__(self, cache: Path, track: Track, condition: Condition) -> None:
        origin = [track.file, track.size_bytes, track.mtime_ns, track.bandwidth_hz, EXCERPT_S]
        origin += [repr(condition.degradation), condition.cutoff_hz, versions(*LIBRARIES)]
        self._origin = origin
        self._path = cache / f"{_hash(origin)}.json"
        try:
            self._values: dict[str, Values] = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a damaged one is measured again
            self._values = {}

    def _key(self, system: System, score: bool) -> str:
        code = SCORING if score else MEASURING
        version = code_version(*code, *system.code)
        return _hash([*self._origin, system.kind, *system.identity, version, score])

    def has(self, system: System, score: bool) -> bool:
        """Whether a system was measured, and its score predicted if that is asked for."""
        return all(self._key(system, part) in self._values for part in {False, score})

    def get(self, system: System, score: bool) -> Values:
        """Return what was measured."""
        quick = self._values[self._key(system, False)]
        return {**quick, **(self._values[self._key(system, True)] if score else {})}

    def put(self, system: System, values: Values, score: bool = False) -> None:
        """Add what was measured."""
        self._values[self._key(system, score)] = values

    def write(self) -> None:
        """Write the file in one step."""
        with replacing(self._path) as temporary:
            temporary.write_text(json.dumps(self._values), encoding="utf-8")


def _hash(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
