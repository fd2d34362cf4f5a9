"""What a model file says of itself, as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

FORMAT_VERSION = 2
NYQUIST_HZ = 22050.0
"""Of the rate at which all graphs run; not imported, for help must not need NumPy."""


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a model file says of itself.

    Attributes
    ----------
    format_version : int
        Of this manifest; a loader refuses any other.
    model : str
        ``stft`` or ``cqt``.
    transform : dict
        ``kind`` (``stft`` or ``cqt``), ``sample_rate`` and ``bins``, how many bins or bands are predicted;
        of the STFT ``n_fft, hop_length, window``, of the CQT ``block_length, overlap, bins_per_octave,
        f_min, f_max``.
    normalisation : dict
        ``epsilon, offset, scale``: the extending network reads (log(|C| + epsilon) + offset) / scale, and
        returns ``log_residual``, nepers, float32 in the same shape: (1, 1, bins) for a frame of the STFT,
        (1, frames, bins) for a block of the CQT.
    restoring : dict
        Of the network that undoes the condition: ``parameters``, ``macs_per_s`` for all channels together,
        and ``training``, its run; empty where there is none. In a step graph it is the signature
        ``serving_restore``,         from ``statistics`` (1, 155, 6) to ``log_gain`` (1, 155) float32, nepers.
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
        Multiply-accumulate operations of the extending network per channel and second of audio.
    licence : str
        SPDX identifier of the weights' licence.
    training : dict
        The run of the extending network: configuration, versions, revision, and the run it started from.
    verification : dict
        Largest and root mean square difference from the trained networks, nepers, on held-out music.
    sha256 : str
        Of the flatbuffer.
    size_bytes : int
        Of the flatbuffer.
    graph : dict
        ``kind``: ``step`` for a network that the decoder runs, or ``wave`` for the whole decoder;
        ``parameters`` of the network. Of ``wave`` also ``channels``, ``hop_length``, ``latency_samples``,
        ``default_cutoff_hz``, for receivers that neither track the cutoff nor are given one, and
        ``tensors``, what each input and output is.
    """

    format_version: int
    model: str
    transform: dict[str, Any]
    normalisation: dict[str, float]
    restoring: dict[str, Any]
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
    graph: dict[str, Any]

    @property
    def mono_macs_per_s(self) -> float:
        """Multiply-accumulate operations of both networks per second of one channel."""
        return self.macs_per_s + float(self.restoring.get("macs_per_s", 0.0))

    def to_json(self) -> str:
        """Return the manifest as JSON text, keys in a fixed order."""
        return json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n"

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
        if type(version) is not int or version != FORMAT_VERSION:
            newer = type(version) is int and version > FORMAT_VERSION
            advice = "upgrade tfbwe to use it" if newer else "export the model again with tfbwe-export"
            raise ValueError(f"format_version: expected {FORMAT_VERSION}, received {version!r}; {advice}")
        expected = {field.name for field in dataclasses.fields(cls)}
        if set(values) != expected:
            unlike = ", ".join(sorted(set(values) ^ expected))
            raise ValueError(f"missing or unknown keys: {unlike}; export the model again with tfbwe-export")
        _check_types(values)
        values["states"] = {name: tuple(shape) for name, shape in values["states"].items()}
        values["cutoff_range_hz"] = tuple(values["cutoff_range_hz"])
        return cls(**values)


def _check_types(values: dict[str, Any]) -> None:
    number = (int, float)
    types: dict[str, Any] = {
        "format_version": int,
        "transform": dict,
        "normalisation": dict,
        "restoring": dict,
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
    cutoffs = values["cutoff_range_hz"]
    if len(cutoffs) != 2 or not all(isinstance(hz, number) for hz in cutoffs):
        raise ValueError("cutoff_range_hz: expected two numbers")
    if not 0 <= cutoffs[0] <= cutoffs[1] <= values["highest_hz"] < math.inf:
        highest_hz = values["highest_hz"]
        raise ValueError(f"expected 0 <= cutoff_range_hz <= highest_hz, received {cutoffs}, {highest_hz}")
    _check_restoring(values["restoring"])
    _check_graph(values["graph"])
    for name, shape in values["states"].items():
        if not isinstance(shape, list) or not all(type(n) is int and 0 < n <= 2**16 for n in shape):
            raise ValueError(f"states: unexpected shape of {name}")


def _check_restoring(restoring: dict[str, Any]) -> None:
    expected = {"parameters", "macs_per_s", "training"} if restoring else set()
    if set(restoring) != expected or not isinstance(restoring.get("training", {}), dict):
        raise ValueError(f"restoring: expected {', '.join(sorted(expected))}, received {sorted(restoring)}")
    for name in expected - {"training"}:
        if type(restoring[name]) not in (int, float) or not 0 < restoring[name] < math.inf:
            raise ValueError(f"restoring: {name}: expected a number above 0, received {restoring[name]!r}")


def _check_graph(graph: dict[str, Any]) -> None:
    if graph.get("kind") not in ("step", "wave"):
        raise ValueError(f"graph: expected the kind step or wave, received {graph.get('kind')!r}")
    counts = (
        "parameters",
        *(("channels", "hop_length", "latency_samples") if graph["kind"] == "wave" else ()),
    )
    for name in counts:
        if type(graph.get(name)) is not int or graph[name] < 1:
            raise ValueError(f"graph: {name}: expected a whole number above 0, received {graph.get(name)!r}")
    if graph["kind"] == "step":
        return
    cutoff_hz: Any = graph.get("default_cutoff_hz")
    if type(cutoff_hz) not in (int, float) or not 0 < cutoff_hz <= NYQUIST_HZ:
        raise ValueError(
            f"graph: default_cutoff_hz: expected Hz up to {NYQUIST_HZ:g}, received {cutoff_hz!r}"
        )
    if not isinstance(graph.get("tensors"), dict):
        raise ValueError("graph: tensors: expected what each tensor is")
