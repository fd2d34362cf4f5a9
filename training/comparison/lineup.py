"""Who takes part in a comparison: every row of a table, how its signal is made, and what it depends on."""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tfbwe import settings
from tfbwe.errors import ConfigError
from tfbwe.model.bundle import Bundle, load_bundle
from tfbwe.phase.mirror import PHASES

from ..degradation.conditions import Condition
from ..degradation.degrade import Degradation
from ..degradation.filters import RECURSIVE_FAMILIES
from . import systems

FloatArray = npt.NDArray[np.float32]
KINDS = ("received", "mirror", "inverse", "exciter", "true", "model")
RECEIVED = "received"
MIRROR = f"mirror at {systems.MIRROR_DB:g} dB"
INVERSE = "inverse of the known filter"
TRUE_NAMES = {"stft": "true magnitudes, {} phase", "cqt": "true CQT magnitudes, {} phase"}


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """What a system gets; only the rows of true magnitudes look at the original."""

    received: FloatArray
    original: FloatArray
    condition: Condition


@dataclasses.dataclass(frozen=True)
class System:
    """One row of a table.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    make : callable
        Given an `Excerpt`, returns the output, (channels, samples) float32.
    identity : tuple of str
        What the output depends on beside the excerpt and the code.
    code : tuple of str
        Modules whose code, with all that they import of this project, the output depends on.
    model : str
        Name of the model in the report, or empty.
    diffuse, phase
        Settings of a decoder.
    """

    name: str
    kind: str
    make: Callable[[Excerpt], FloatArray]
    identity: tuple[str, ...] = ()
    code: tuple[str, ...] = (systems.__name__,)
    model: str = ""
    diffuse: float | None = None
    phase: str | None = None

    def takes_part(self, condition: Condition) -> bool:
        """Whether there is such a row: a brick wall, a resampler and a codec have no inverse."""
        if self.kind != "inverse":
            return True
        channel = condition.degradation
        return isinstance(channel, Degradation) and channel.lowpass.family in RECURSIVE_FAMILIES


@dataclasses.dataclass(frozen=True)
class Model:
    """A model file, or the run folder of a preset `paper`.

    Attributes
    ----------
    name : str
        What the tables call it: the file's name, less its suffix.
    source : Bundle or Path
    identity : str
        SHA-256 of all that decides what it predicts.
    description : dict
        The manifest, or the configuration of the run.
    """

    name: str
    source: Bundle | Path
    identity: str
    description: dict[str, Any]

    @property
    def kind(self) -> str:
        """Transform, ``stft`` or ``cqt``."""
        return str(self.description["model"])


def load_model(model: str) -> Model:
    """Load a model file, a shipped model by its name, or a run folder of the preset `paper`.

    Raises
    ------
    ModelError, ConfigError
        If there is none, or it is not one that can be compared.
    """
    if Path(model).is_dir():
        return _load_run(Path(model))
    bundle = load_bundle(model)
    contents = bundle.flatbuffer + bundle.manifest.to_json().encode()
    name = Path(model).name.removesuffix(".tflite")
    return Model(name, bundle, hashlib.sha256(contents).hexdigest(), dataclasses.asdict(bundle.manifest))


def _load_run(folder: Path) -> Model:
    from ..learning.run import BEST, read_config

    config = read_config(folder)
    if config.network.heads != ("log_residual",):
        raise ConfigError(f"{folder}: a network of two heads is compared as a model file; export it first")
    try:
        weights = (folder / BEST).read_bytes()
    except OSError as error:
        raise ConfigError(f"{folder / BEST}: expected the best network of a run: {error.strerror}") from None
    description = dataclasses.asdict(config)
    contents = json.dumps(description, sort_keys=True).encode() + weights
    return Model(folder.resolve().name, folder, hashlib.sha256(contents).hexdigest(), description)


def load_models(names: Sequence[str]) -> list[Model]:
    """Load all of them; `ConfigError` if two have one name."""
    models = [load_model(name) for name in names]
    if len({model.name for model in models}) < len(models):
        raise ConfigError("--models: expected files of different names, for the table goes by them")
    return models


def line_up(
    models: Sequence[Model], kinds: Sequence[str] = KINDS, phases: Sequence[str] = ("mirror",)
) -> list[System]:
    """Every system of these kinds, in the order of the tables.

    Parameters
    ----------
    models : sequence of Model
    kinds : sequence of str
        Among `KINDS`; ``received`` always takes part. The exciter does where ffmpeg is installed.
    phases : sequence of str
        Phases of the diffuse term, each a row of its own, as far as a model knows it.
    """
    found = [
        System(RECEIVED, "received", _received, code=()),
        System(MIRROR, "mirror", _mirror),
        System(INVERSE, "inverse", _inverse),
    ]
    if systems.exciter_found():
        found.append(System("exciter of ffmpeg", "exciter", _exciter))
    for model in models:
        if isinstance(model.source, Bundle):
            found += _decoders(model, model.source, phases)
        else:
            found.append(_paper(model, model.source))
    for transform, name in TRUE_NAMES.items():
        for phase in PHASES:
            make = functools.partial(_true, transform=transform, phase=phase)
            found.append(System(name.format(phase), "true", make, (transform, phase), phase=phase))
    return [system for system in found if system.kind in (*kinds, "received")]


def phases_of(model: Model) -> tuple[str, ...]:
    """Phases that a model file can give to the diffuse term."""
    return settings.PHASES if model.kind == "stft" else PHASES


def _decoders(model: Model, bundle: Bundle, phases: Sequence[str]) -> list[System]:
    """A model file without the diffuse term, whose phase is of no matter then, and with it in each phase."""
    found = []
    known = phases_of(model)
    for diffuse, phase in [(0.0, "mirror"), *((1.0, phase) for phase in phases if phase in known)]:
        name = f"{model.name}, diffuse {diffuse:g}"
        found.append(
            System(
                name if phase == "mirror" else f"{name}, {phase} phase",
                "model",
                functools.partial(_decoded, bundle=bundle, diffuse=diffuse, phase=phase),
                (model.identity, f"{diffuse:g}", phase),
                (systems.__name__,),
                model.name,
                diffuse,
                phase,
            )
        )
    return found


def _paper(model: Model, run: Path) -> System:
    make = functools.partial(_predicted, run=run)
    return System(model.name, "model", make, (model.identity,), model=model.name, phase="received")


# Functions of the module, not closures: they travel to other processes.


def _received(x: Excerpt) -> FloatArray:
    return x.received


def _mirror(x: Excerpt) -> FloatArray:
    return systems.mirror(x.received, x.condition.cutoff_hz)


def _inverse(x: Excerpt) -> FloatArray:
    assert isinstance(x.condition.degradation, Degradation)
    return systems.inverse_filter(x.received, x.condition.degradation.lowpass)


def _exciter(x: Excerpt) -> FloatArray:
    return systems.exciter(x.received, x.condition.cutoff_hz)


def _decoded(x: Excerpt, bundle: Bundle, diffuse: float, phase: str) -> FloatArray:
    return systems.decoded(bundle, x.received, x.condition.cutoff_hz, diffuse, phase)


def _predicted(x: Excerpt, run: Path) -> FloatArray:
    return systems.predicted_magnitudes(run, x.received, x.condition.cutoff_hz)


def _true(x: Excerpt, transform: str, phase: str) -> FloatArray:
    make = systems.true_magnitudes if transform == "stft" else systems.true_cqt_magnitudes
    return make(x.received, x.original, x.condition.cutoff_hz, phase)
