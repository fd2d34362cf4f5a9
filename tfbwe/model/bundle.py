"""The model file: a TFLite flatbuffer with its manifest appended as a zip entry.

The zip follows the TFLite metadata convention, so interpreters ignore it and Python's `zipfile` reads it. A
damaged flatbuffer may run, or hang, without an error; so a file is loaded only if every byte of it is what
the manifest's hash and the zip's form say.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..stft import SAMPLE_RATE

FORMAT_VERSION = 2
"""Of files with a graph from wave to wave; those of a step or block graph have 1, and say nothing of it."""
STEP = {"kind": "step"}
MANIFEST_NAME = "tfbwe.json"
MAX_BYTES = 64 * 2**20
MAX_MANIFEST_BYTES = 2**20
WEIGHTS = Path(__file__).parent.parent / "weights"
DEFAULT = "stft"
"""The shipped model that is taken where none is named."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a model file says of itself.

    Attributes
    ----------
    format_version : int
        Of this manifest; a loader refuses a newer one.
    model : str
        ``stft`` or ``cqt``.
    transform : dict
        ``kind`` (``stft`` or ``cqt``), ``sample_rate`` and ``bins``, how many bins or bands are predicted;
        of the STFT ``n_fft, hop_length, window``, of the CQT ``block_length, overlap, bins_per_octave,
        f_min, f_max``.
    normalisation : dict
        ``epsilon, offset, scale``: the network reads (log(|Y| + epsilon) + offset) / scale.
    heads : tuple of str
        Outputs of the network, nepers: float32 in the shape of its input ``features``, (1, 1, bins) for a
        frame of the STFT, (1, frames, bins) for a block of the CQT.
    states : dict of str to tuple of int
        Shape of every state, input ``name`` and output ``next_name``, float32, zero at the start; none for
        the CQT, whose blocks stand alone.
    cutoff_range_hz : tuple of two floats
        Cutoffs that the network was trained for.
    highest_hz : float
        Up to where the high band is predicted.
    quantisation : str
        ``none``, ``float16``, ``dynamic`` or ``int8``.
    macs_per_s : float
        Multiply-accumulate operations per channel and second of audio.
    licence : str
        SPDX identifier of the weights' licence.
    training : dict
        The run: configuration, versions, revision, and the run it started from.
    verification : dict
        Largest and root mean square difference from the trained network, nepers, on held-out music.
    sha256 : str
        Of the flatbuffer.
    size_bytes : int
        Of the flatbuffer.
    graph : dict
        ``kind``: ``step`` for a network that the decoder runs, or ``wave`` for the whole decoder, then with
        ``channels``, ``hop_length``, ``latency_samples``, ``default_cutoff_hz``, for receivers that neither
        track the cutoff nor are given one, and ``tensors``, what each input and output is.
    """

    format_version: int
    model: str
    transform: dict[str, Any]
    normalisation: dict[str, float]
    heads: tuple[str, ...]
    states: dict[str, tuple[int, ...]]
    cutoff_range_hz: tuple[float, float]
    highest_hz: float
    quantisation: str
    macs_per_s: float
    licence: str
    training: dict[str, Any]
    verification: dict[str, Any]
    sha256: str
    size_bytes: int
    graph: dict[str, Any] = dataclasses.field(default_factory=lambda: dict(STEP))

    def to_json(self) -> str:
        """Return the manifest as JSON text, keys in a fixed order."""
        values = dataclasses.asdict(self)
        if self.format_version == 1:
            del values["graph"]
        return json.dumps(values, indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read JSON text; `ValueError` says what is off."""
        try:
            values = json.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if not isinstance(values, dict):
            raise ValueError("expected a JSON object")
        version = values.get("format_version")
        if type(version) is int and version > FORMAT_VERSION:
            raise ValueError(
                f"expected format version {FORMAT_VERSION} or older, received {version};"
                " upgrade tfbwe to use it"
            )
        expected = {field.name for field in dataclasses.fields(cls)}
        if version == 1:
            expected.remove("graph")
        if set(values) != expected:
            raise ValueError(f"missing or unknown keys: {', '.join(sorted(set(values) ^ expected))}")
        _check_types(values)
        values["heads"] = tuple(values["heads"])
        values["states"] = {name: tuple(shape) for name, shape in values["states"].items()}
        values["cutoff_range_hz"] = tuple(values["cutoff_range_hz"])
        return cls(**values)


def _check_types(values: dict[str, Any]) -> None:
    number = (int, float)
    types: dict[str, Any] = {
        "format_version": int,
        "transform": dict,
        "normalisation": dict,
        "heads": list,
        "states": dict,
        "cutoff_range_hz": list,
        "highest_hz": number,
        "macs_per_s": number,
        "training": dict,
        "verification": dict,
        "size_bytes": int,
        "graph": dict,
    }
    for name, value in values.items():
        if not isinstance(value, types.get(name, str)) or isinstance(value, bool):
            raise ValueError(f"{name}: unexpected value {value!r}")
    if values["format_version"] < 1:
        raise ValueError(f"format_version: expected 1 or more, received {values['format_version']}")
    cutoffs = values["cutoff_range_hz"]
    if len(cutoffs) != 2 or not all(isinstance(hz, number) for hz in cutoffs):
        raise ValueError("cutoff_range_hz: expected two numbers")
    if not 0 <= cutoffs[0] <= cutoffs[1] <= values["highest_hz"] < math.inf:
        highest_hz = values["highest_hz"]
        raise ValueError(f"expected 0 <= cutoff_range_hz <= highest_hz, received {cutoffs}, {highest_hz}")
    if not all(isinstance(head, str) for head in values["heads"]):
        raise ValueError("heads: expected names")
    _check_graph(values.get("graph", STEP))
    for name, shape in values["states"].items():
        if not isinstance(shape, list) or not all(type(n) is int and 0 < n <= 2**16 for n in shape):
            raise ValueError(f"states: unexpected shape of {name}")


def _check_graph(graph: dict[str, Any]) -> None:
    if graph.get("kind") not in ("step", "wave"):
        raise ValueError(f"graph: expected the kind step or wave, received {graph.get('kind')!r}")
    if graph["kind"] == "step":
        return
    for name in ("channels", "hop_length", "latency_samples"):
        if type(graph.get(name)) is not int or graph[name] < 1:
            raise ValueError(f"graph: {name}: expected a whole number above 0, received {graph.get(name)!r}")
    cutoff_hz = graph.get("default_cutoff_hz")
    if type(cutoff_hz) not in (int, float) or not 0 < cutoff_hz <= SAMPLE_RATE / 2:
        raise ValueError(
            f"graph: default_cutoff_hz: expected Hz up to {SAMPLE_RATE / 2:g}, received {cutoff_hz!r}"
        )
    if not isinstance(graph.get("tensors"), dict):
        raise ValueError("graph: tensors: expected what each tensor is")


@dataclasses.dataclass(frozen=True)
class Bundle:
    """A checked model: its manifest and its flatbuffer.

    Attributes
    ----------
    name : str
        The file, for messages.
    manifest : Manifest
    flatbuffer : bytes
    """

    name: str
    manifest: Manifest
    flatbuffer: bytes

    @property
    def cutoff_range_hz(self) -> tuple[float, float]:
        """Lowest and highest cutoff that the network was trained for."""
        return self.manifest.cutoff_range_hz


def pack(flatbuffer: bytes, manifest: Manifest) -> bytes:
    """Return the bytes of a model file."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo(MANIFEST_NAME, date_time=(1980, 1, 1, 0, 0, 0))
        entry.create_system = 3
        archive.writestr(entry, manifest.to_json())
    return flatbuffer + memory.getvalue()


def digest(flatbuffer: bytes) -> str:
    """SHA-256 of a flatbuffer, as the manifest states it."""
    return hashlib.sha256(flatbuffer).hexdigest()


def shipped() -> dict[str, Path]:
    """Files of the models that lie in the package, by name, the default first."""
    found = sorted(WEIGHTS.glob("*.tflite"), key=lambda path: (path.stem != DEFAULT, path.stem))
    return {path.stem: path for path in found}


def shipped_graphs() -> dict[str, Path]:
    """Files of all graphs that lie in the package, by name: the models, and the wave graphs made of them."""
    waves = sorted((WEIGHTS / "wave").glob("*.tflite"))
    return {**shipped(), **{f"wave/{path.stem}": path for path in waves}}


def load_bundle(model: str | os.PathLike[str] | Bundle, trust: bool = False) -> Bundle:
    """Load and check a model file.

    Parameters
    ----------
    model : str, Path or Bundle
        Name of a shipped model (``stft``, ``cqt``), a file, or a bundle that is loaded already.
    trust : bool
        Also take a flatbuffer with no manifest in it, described by the ``.json`` beside it, whose hash is
        not checked. A damaged or hostile flatbuffer can hang or crash the interpreter.

    Returns
    -------
    Bundle

    Raises
    ------
    ModelError
        If the file is missing, damaged, of a newer format, or has no manifest and `trust` is false.
    """
    if isinstance(model, Bundle):
        return model
    if not isinstance(model, (str, os.PathLike)):
        raise ModelError(f"model: expected a name, a path or a Bundle, received {model!r}")
    path = shipped().get(str(model), Path(model))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        names = ", ".join(shipped()) or "none"
        reason = getattr(error, "strerror", None) or error
        raise ModelError(
            f"{path}: no such model ({reason}); expected a model file or a shipped one: {names}"
        ) from None
    if len(data) > MAX_BYTES:
        raise ModelError(f"{path}: expected a model of at most {MAX_BYTES} bytes, it is larger")
    return _checked(path, data, trust)


def _checked(path: Path, data: bytes, trust: bool) -> Bundle:
    try:
        text = _manifest_text(data)
    except ValueError as error:
        if trust and data[4:8] == b"TFL3":
            return Bundle(str(path), _sidecar(path), data)
        raise ModelError(
            f"{path}: expected a model with a manifest in it, found none ({error});"
            " damaged, or not made by tfbwe-export"
        ) from None
    try:
        manifest = Manifest.from_json(text)
    except ValueError as error:
        raise ModelError(f"{path}: manifest: {error}") from None
    flatbuffer = data[: manifest.size_bytes]
    if digest(flatbuffer) != manifest.sha256 or pack(flatbuffer, manifest) != data:
        raise ModelError(
            f"{path}: damaged: its bytes are not those that its manifest describes; fetch it again"
        )
    return Bundle(str(path), manifest, flatbuffer)


def _manifest_text(data: bytes) -> bytes:
    """Return the manifest's zip entry; `ValueError` if it cannot be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = archive.getinfo(MANIFEST_NAME)
            # `pack` only stores; checking first keeps a small file from unpacking into gigabytes.
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                raise ValueError("its manifest is packed")
            if entry.file_size > MAX_MANIFEST_BYTES:
                raise ValueError("its manifest is too large")
            return archive.read(entry)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, OSError) as error:
        raise ValueError(str(error)) from None


def _sidecar(path: Path) -> Manifest:
    beside = path.with_suffix(".json")
    try:
        return Manifest.from_json(beside.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: expected its description in {beside}: {error}") from None
