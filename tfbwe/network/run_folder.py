"""The run folder: what training writes, and what export, comparisons and further training read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..quiet import quiet

if TYPE_CHECKING:
    import keras
    import numpy as np
    import numpy.typing as npt

    from .shapes import AutoencoderConfig, RestorerConfig

RESTORE = "restore"
"""Name of the model that undoes the condition, beside those of the transforms."""
CONFIG, BEST, LAST, FEATURES = "config.json", "best.keras", "last.keras", "features.npz"
HISTORY, CURVE = "history.csv", "curve.png"
_INSTALLED = (Path(__file__).parents[1] / "training").is_dir()
TRAINING = "python -m tfbwe.training" if _INSTALLED else "python -m training"
"""How the modules of the package that trains are run: installed, or in a checkout."""
_MAKER = f"{TRAINING}.fit"


def read_description(run: Path) -> dict[str, Any]:
    """Return how a run came about, as training wrote it; `ConfigError` if it is not there."""
    path = run / CONFIG
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        description["config"]["network"], description["config"]["model"]
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"{run}: expected a run folder made by {_MAKER}, with {CONFIG} in it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path}: expected a run as {_MAKER} describes it: {error!r}") from None
    return dict(description)


def network_config(run: Path) -> AutoencoderConfig | RestorerConfig:
    """Return the shape of a run's network; `ConfigError` if it is not one of this version."""
    from .shapes import AutoencoderConfig, RestorerConfig

    config = read_description(run)["config"]
    shape = RestorerConfig if config["model"] == RESTORE else AutoencoderConfig
    try:
        found: AutoencoderConfig | RestorerConfig = config_from_dict(shape, config["network"])
    except ConfigError as error:
        raise ConfigError(f"{run / CONFIG}: {error}") from None
    return found


def config_from_dict(shape: Any, values: dict[str, Any]) -> Any:
    """Read a configuration as JSON holds it; unknown keys are a `ConfigError`."""
    try:
        arguments: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return shape(**arguments)
    except (TypeError, AttributeError) as error:
        raise ConfigError(f"not the shape of a network of this version: {error}") from None


def best_network(run: Path) -> keras.Model:
    """Return the best network of a run folder, in the precision that is set now.

    Raises
    ------
    ConfigError
        If this is not a run folder, or its network is damaged, of another version, or not finite.
    """
    import numpy as np

    with quiet():
        import keras

    from .autoencoder import autoencoder
    from .restorer import restorer
    from .shapes import RestorerConfig

    config = network_config(run)
    network = restorer(config) if isinstance(config, RestorerConfig) else autoencoder(config)
    try:
        weights = keras.models.load_model(run / BEST, compile=False).get_weights()
        network.set_weights(weights)
    except Exception as error:  # Keras raises whatever the damaged part happens to raise
        raise ConfigError(f"{run / BEST}: expected the best network of this run: {error}") from None
    if not all(np.isfinite(array).all() for array in weights):
        raise ConfigError(f"{run / BEST}: expected finite weights; training diverged")
    return network


def read_features(run: Path, bins: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return features of training and of held-out music, (excerpts, frames, bins) each.

    Raises
    ------
    ConfigError
        If they are missing, damaged, or those of another network.
    """
    import numpy as np

    path = run / FEATURES
    try:
        with np.load(path) as features:
            train, valid = features["train"].astype(np.float32), features["valid"].astype(np.float32)
    except FileNotFoundError:
        raise ConfigError(f"{run}: expected a run of {_MAKER}; {FEATURES} is missing") from None
    except Exception as error:  # NumPy raises whatever the damaged part happens to raise
        raise ConfigError(f"{path}: not the features of a run of {_MAKER}: {error}") from None
    for array in (train, valid):
        if array.ndim != 3 or array.shape[2] != bins or not array.size:
            raise ConfigError(f"{path}: expected features (excerpts, frames, {bins}), received {array.shape}")
    return train, valid
