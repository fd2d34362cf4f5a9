"""Writing a picture as PNG, safely."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..atomic import replace_synced
from ..audio.destinations import refuse_destination, temporary_beside
from ..audio.formats import reason
from ..errors import AudioError, ConfigError
from ..storage.addresses import is_address


def save_picture(
    path: str | os.PathLike[str],
    size: tuple[float, float],
    draw: Callable[[Any], None],
    force: bool = False,
) -> None:
    """Write a picture.

    Parameters
    ----------
    path : str or Path
        Picture to write, named ``.png``.
    size : pair of float
        Width and height in inches, of 130 pixels.
    draw : callable
        Draws into a matplotlib figure.
    force : bool
        Replace an existing file.

    Raises
    ------
    ConfigError
        If matplotlib is missing.
    AudioError
        If the picture cannot be written.
    """
    real = refuse_picture(path, force)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise ConfigError("pictures need matplotlib: pip install tfbwe[report]") from None
    figure = Figure(figsize=size, dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    temporary = temporary_beside(real)
    try:
        figure.savefig(temporary, format="png")
        replace_synced(temporary, real)
    except OSError as error:
        raise AudioError(f"{path}: cannot be written: {reason(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def refuse_picture(path: str | os.PathLike[str], force: bool = False) -> Path:
    """Refuse a picture that is not named ``.png`` or cannot be written; return the file itself.

    Parameters
    ----------
    path : str or Path
        Picture to be written.
    force : bool
        Allow an existing file to be replaced.

    Returns
    -------
    Path
        As from `tfbwe.audio.destinations.refuse_destination`.

    Raises
    ------
    AudioError
        If it is refused.
    """
    if is_address(path):
        raise AudioError(f"{path}: expected a picture of this machine; name one here, and copy it there")
    if Path(path).suffix.lower() != ".png":
        raise AudioError(f"{path}: expected a name that ends in .png, the only format of pictures")
    return refuse_destination(Path(path), force=force)
