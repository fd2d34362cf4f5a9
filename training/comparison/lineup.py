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

from tfbwe.errors import ConfigError
from tfbwe.model.bundle import SIDES, Bundle, load_bundle, wave_graph
from tfbwe.network.run_folder import BEST, RESTORE, network_config, read_description
from tfbwe.phase.mirror import MEMORYLESS
from tfbwe.transform import TRANSFORMS

from ..degradation import ffmpeg
from ..degradation.conditions import Condition
from ..degradation.degrade import lowpass_of
from ..degradation.filters import FAMILIES
from . import decoded, systems
from .measuring import Excerpt

FloatArray = npt.NDArray[np.float32]
KINDS = ("received", "mirror", "inverse", "exciter", "true", "model")
RECEIVED = "received"
MIRROR = f"mirror at {systems.MIRROR_DB:g} dB"
INVERSE, KNOWN = "inverse of the known filter", "restored, the filter known"
TRUE_NAMES = {
    name: f"true {'' if name == 'stft' else name.upper() + ' '}magnitudes, {{}} phase" for name in TRANSFORMS
}
"""By transform; the STFT goes without saying."""


@dataclasses.dataclass(frozen=True)
class System:
    """One row of a table.

    Attributes
    ----------
    name : str
    kind : str
        One of `KINDS`.
    make : callable or None
        Given an `Excerpt`, returns the output, (channels, samples) float32; None where the system is only
        known from a report.
    identity : tuple of str
        What the output depends on beside the excerpt and the code.
    code : tuple of str
        Modules whose code, with all that they import of this project, the output depends on.
    model : str
        Name of the model in the report, or empty.
    diffuse, phase
        Settings of a decoder, or the phase of true magnitudes.
    transform : str or None
        Of true magnitudes.
    setting : str
        How else a decoder runs than as for a file whose cutoff is given; see `decoded`.
    """

    name: str
    kind: str
    make: Callable[[Excerpt], FloatArray] | None = None
    identity: tuple[str, ...] = ()
    code: tuple[str, ...] = (systems.__name__,)
    model: str = ""
    diffuse: float | None = None
    phase: str | None = None
    transform: str | None = None
    setting: str = ""

    def output(self, excerpt: Excerpt) -> FloatArray:
        """Return what the system makes of an excerpt, (channels, samples) float32."""
        assert self.make is not None
        return self.make(excerpt)

    def takes_part(self, condition: Condition) -> bool:
        """Whether there is such a row: a brick wall, a resampler and a codec have no inverse."""
        if self.kind != "inverse":
            return True
        lowpass = lowpass_of(condition.degradation)
        return lowpass is not None and FAMILIES[lowpass.family].gentle


@dataclasses.dataclass(frozen=True)
class Model:
    """A model file, or the run folder of a preset `paper`.

    Attributes
    ----------
    name : str
        What the tables call it: the file's name, less its suffix.
    source : Bundle, Path or None
        None where the model is only known from a report.
    identity : str
        SHA-256 of all that decides what it predicts.
    description : dict
        The manifest, or the configuration of the run.
    """

    name: str
    source: Bundle | Path | None
    identity: str
    description: dict[str, Any]

    @property
    def kind(self) -> str:
        """Transform, ``stft`` or ``cqt``."""
        return str(self.description["model"])


def load_model(model: str) -> Model:
    """Load a model file, a shipped model by its name, or a run folder of a preset `paper`.

    Raises
    ------
    ModelError, ConfigError
        If there is none, or it is not one that can be compared.
    """
    if Path(model).is_dir():
        return _load_run(Path(model))
    bundle = load_bundle(model)
    graphs = [bundle, *(graph for channels in SIDES.values() if (graph := wave_graph(bundle, channels)))]
    contents = b"".join(graph.flatbuffer + graph.manifest.to_json().encode() for graph in graphs)
    name = Path(model).name.removesuffix(".tflite")
    return Model(name, bundle, hashlib.sha256(contents).hexdigest(), dataclasses.asdict(bundle.manifest))


def _load_run(folder: Path) -> Model:
    description = read_description(folder)["config"]
    network_config(folder)
    kind = description["model"]
    if kind == RESTORE:
        raise ConfigError(
            f"{folder}: a restoring network is compared as a part of a model file; export it with --restore"
        )
    if not (isinstance(kind, str) and kind in TRANSFORMS):
        raise ConfigError(f"{folder}: expected a model of {' or '.join(TRANSFORMS)}, received {kind!r}")
    if description.get("objective") != "squared_error":
        raise ConfigError(
            f"{folder}: a network that reads what was restored is compared as a model file; export it first"
        )
    try:
        weights = (folder / BEST).read_bytes()
    except OSError as error:
        raise ConfigError(f"{folder / BEST}: expected the best network of a run: {error.strerror}") from None
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
        System(RECEIVED, "received", systems.received),
        System(MIRROR, "mirror", systems.mirrored_band),
        System(INVERSE, "inverse", systems.inverse),
        System(KNOWN, "inverse", systems.known_filter, (KNOWN,)),
    ]
    if ffmpeg.found():
        found.append(System("exciter of ffmpeg", "exciter", systems.excited))
    for model in models:
        if isinstance(model.source, Bundle):
            found += _decoders(model, model.source, phases)
        elif model.source is not None:
            found.append(_of_a_run(model, model.source))
    for transform, name in TRUE_NAMES.items():
        for phase in MEMORYLESS:
            make = functools.partial(systems.true, transform=transform, phase=phase)
            found.append(
                System(name.format(phase), "true", make, (transform, phase), phase=phase, transform=transform)
            )
    return [system for system in found if system.kind in (*kinds, "received")]


def phases_of(model: Model) -> tuple[str, ...]:
    """Phases that a model file can give to the diffuse term."""
    return TRANSFORMS[model.kind].phases


def _decoders(model: Model, bundle: Bundle, phases: Sequence[str]) -> list[System]:
    """A model file without the diffuse term, whose phase is of no matter then, and with it in each phase."""
    settings = [(0.0, "mirror", setting) for setting in ("", decoded.AS_A_STREAM, decoded.CUTOFF_FOUND)]
    settings += [(1.0, phase, "") for phase in phases if phase in phases_of(model)]
    found = []
    for diffuse, phase, setting in settings:
        words = [f"diffuse {diffuse:g}", *([] if phase == "mirror" else [f"{phase} phase"])]
        given: dict[str, Any] = {"bundle": bundle, "diffuse": diffuse, "phase": phase, "setting": setting}
        found.append(
            System(
                ", ".join([model.name, *words, *([setting] if setting else [])]),
                "model",
                functools.partial(decoded.decoded_excerpt, **given),
                (model.identity, f"{diffuse:g}", phase, setting),
                (decoded.__name__,),
                model.name,
                diffuse,
                phase,
                setting=setting,
            )
        )
    return found


def _of_a_run(model: Model, run: Path) -> System:
    """A network of the preset `paper`."""
    module = f"{__package__}.predicted"  # not imported here, for it needs Keras
    make = functools.partial(_predicted, run=run.absolute())
    return System(model.name, "model", make, (model.identity,), (module,), model.name, phase="received")


def _predicted(x: Excerpt, run: Path) -> FloatArray:
    from .predicted import predicted_magnitudes

    return predicted_magnitudes(run, x.received, x.cutoff_hz)
