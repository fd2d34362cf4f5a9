from __future__ import annotations

import pytest


@pytest.fixture
def known_network(monkeypatch):
    """Return a way to set what the networks predict, log_residual and log_gain."""
    from tests.helpers.decoding import KnownNetwork

    monkeypatch.setattr("tfbwe.decoder.StepModel", KnownNetwork)

    def predict(log_residual, log_gain=0.0):
        monkeypatch.setattr(KnownNetwork, "log_residual", log_residual)
        monkeypatch.setattr(KnownNetwork, "log_gain", log_gain)

    return predict


@pytest.fixture
def no_ffmpeg(monkeypatch, tmp_path_factory):
    """Empty the path."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty path")))


@pytest.fixture
def store():
    """Give an empty store in memory."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    yield memory
    memory.store.clear()
