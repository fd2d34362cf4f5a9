"""The model file: a TFLite flatbuffer with its manifest appended as a zip entry.

The zip follows the TFLite metadata convention, so interpreters ignore it and Python's `zipfile` reads it. A
damaged flatbuffer may run, or hang, without an error; so a file is loaded only if every byte of it is what
the manifest's hash and the zip's form say.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..storage.addresses import is_address
from .manifest import Manifest

MANIFEST_NAME = "tfbwe.json"
MAX_BYTES = 64 * 2**20
MAX_MANIFEST_BYTES = 2**20
WEIGHTS = Path(__file__).parent.parent / "weights"
SIDES = {"mono": 1, "stereo": 2}
"""Channels of the graphs from wave to wave, by the end of their names."""
DEFAULT = "stft"
"""The shipped model that is taken where none is named."""


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
    loaded_from: tuple[str, bool] | None = dataclasses.field(default=None, init=False, compare=False)
    """Name of a shipped model, or absolute path, and whether it was trusted; None of one made in memory."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process by name and hash: there the file is read, once."""
        if self.loaded_from is None:
            return Bundle, (self.name, self.manifest, self.flatbuffer)
        return _loaded_there, (*self.loaded_from, digest(self.flatbuffer))

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


def wave_graph(bundle: Bundle, channels: int) -> Bundle | None:
    """Graph from wave to wave of a shipped model, for so many channels, if it is one and there is one."""
    name = bundle.manifest.model
    side = next((side for side, count in SIDES.items() if count == channels), None)
    if name not in shipped() or bundle.manifest.sha256 != _shipped_hash(name):
        return None
    path = WEIGHTS / "wave" / f"{name}-{side}.tflite"
    return load_bundle(path) if path.exists() else None


@functools.cache
def _shipped_hash(name: str) -> str:
    """Hash of the flatbuffer of a shipped model."""
    return load_bundle(name).manifest.sha256


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
    if is_address(model):
        raise ModelError(f"{model}: expected a model of this machine; copy it here first")
    path = shipped().get(str(model), Path(model))
    known = str(model) if str(model) in shipped() else os.path.abspath(path)
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
    bundle = _checked(path, data, trust)
    object.__setattr__(bundle, "loaded_from", (known, trust))
    return bundle


@functools.lru_cache(maxsize=16)
def _loaded_there(model: str, trust: bool, sha256: str) -> Bundle:
    bundle = load_bundle(model, trust)
    if digest(bundle.flatbuffer) != sha256:
        raise ModelError(f"{bundle.name}: expected the same model as there, it is another one")
    return bundle


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
