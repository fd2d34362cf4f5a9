"""Running a graph while something else looks on, as a profiler does."""

import threading

import numpy as np
import pytest

from tfbwe.model.bundle import load_bundle
from tfbwe.model.interpreter import opened, unheld


def test_a_graph_runs_as_soon_as_a_profiler_lets_go_of_it():
    interpreter, _, _ = opened(load_bundle("stft"))
    held = [interpreter._interpreter]
    with pytest.raises(RuntimeError, match="reference to internal data"):
        interpreter.invoke()
    threading.Timer(0.05, held.clear).start()
    unheld(interpreter.invoke)
    assert not held


def test_other_errors_come_at_once():
    calls = []

    def refuse():
        calls.append(None)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        unheld(refuse)
    assert len(calls) == 1


def test_it_runs_once_where_nobody_looks_on():
    interpreter, inputs, outputs = opened(load_bundle("stft"))
    for details in inputs.values():
        interpreter.set_tensor(details["index"], np.zeros(details["shape"], np.float32))
    unheld(interpreter.invoke)
    for details in outputs.values():
        assert np.isfinite(interpreter.get_tensor(details["index"])).all()
