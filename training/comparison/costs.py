"""What a model costs, measured in a process of its own: a comparison would add its own memory."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from tfbwe.atomic import replacing
from tfbwe.errors import ModelError
from tfbwe.measures import cost as benchmark

from ..provenance import code_version
from .lineup import Model

Cost = dict[str, float | None]


def cost(model: Model, path: str, cache: Path) -> Cost:
    """Cost of a model file, as ``tfbwe benchmark`` measures it, once for each model and version of the code.

    Parameters
    ----------
    model : Model
    path : str
        The model file, or the name of a shipped one.
    cache : Path
        Folder of what was measured before.

    Raises
    ------
    ModelError
        If it cannot be run.
    """
    key = f"{model.identity} {code_version(benchmark.__name__)}"
    kept = cache / f"cost-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    try:
        found: Cost = json.loads(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = _measured(path)
        with replacing(kept) as temporary:
            temporary.write_text(json.dumps(found), encoding="utf-8")
    return found


def _measured(path: str) -> Cost:
    command = [sys.executable, "-m", "tfbwe", "benchmark", "--json", "--model", path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ModelError(f"{path}: its cost could not be measured: {done.stderr.strip()}")
    cost: Cost = json.loads(done.stdout)
    return cost
