"""Run a graph from wave to wave hop by hop on whatever TFLite interpreter there is, and compare: NumPy alone.

A program for an environment of its own, which knows nothing of tfbwe:

    python old_runtime.py MODEL.tflite MUSIC.npz LEAST_DB

``MUSIC.npz`` holds float32 arrays with a row for each hop: ``hop`` (hops, channels, 512), ``cutoff_hz``,
``diffuse`` and ``lost`` (hops,), and ``expected`` (hops, channels, 512), what the graph's output ``extended``
should be. The difference must lie `LEAST_DB` below the added band, which is what is expected less the samples
received three hops before.
"""

from __future__ import annotations

import sys

import numpy as np

try:
    import tflite_runtime as package
    from tflite_runtime.interpreter import Interpreter
except ImportError:
    import ai_edge_litert as package
    from ai_edge_litert.interpreter import Interpreter

LATE_HOPS = 3
CONTROLS = ("cutoff_hz", "diffuse", "lost")


def main(model: str, music: str, least_db: str) -> int:
    """Print how far the output is off; return the exit status."""
    with np.load(music) as arrays:
        given = dict(arrays)
    try:
        extended = run(model, given)
    except (ValueError, RuntimeError) as error:
        print(f"{model}: {VERSIONS} refuses it: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    received = np.zeros_like(given["hop"])
    received[LATE_HOPS:] = given["hop"][:-LATE_HOPS]
    below_db = ratio_db(given["expected"] - received, extended - given["expected"])
    print(f"{model}: {below_db:.1f} dB below the added band, {len(extended)} hops, {VERSIONS}")
    return 0 if below_db >= float(least_db) else 1  # a NaN is not


def run(model: str, given: dict[str, np.ndarray]) -> np.ndarray:
    """Output ``extended`` of all hops, (hops, channels, 512) float32."""
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    graph = interpreter.get_signature_runner()
    shapes = {name: details["shape"] for name, details in graph.get_input_details().items()}
    states = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name not in given}
    out = []
    for i, hop in enumerate(given["hop"]):
        controls = {name: given[name][i : i + 1] for name in CONTROLS}
        outputs = graph(hop=hop, **controls, **states)
        states = {name: outputs[f"next_{name}"] for name in states}
        out.append(outputs["extended"])
    return np.stack(out)


def ratio_db(signal: np.ndarray, error: np.ndarray) -> float:
    """Energy of one over that of the other, in dB."""
    energies = [float(np.sum(np.square(x, dtype=np.float64))) for x in (signal, error)]
    return 10 * float(np.log10(energies[0] / max(energies[1], 1e-30)))


VERSIONS = f"{package.__name__} {getattr(package, '__version__', '')}, NumPy {np.__version__}"

if __name__ == "__main__":
    if len(sys.argv) != 4:
        print("usage: old_runtime.py MODEL.tflite MUSIC.npz LEAST_DB", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(*sys.argv[1:]))
