"""Files at addresses, on a store that needs nothing: fsspec's own in memory."""

from __future__ import annotations

import builtins
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.helpers.paths import ROOT
from tfbwe.errors import ConfigError, StorageError
from tfbwe.storage import objects

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Let temporary files lie in a folder of their own."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def everything(memory):
    return {name: bytes(file.getvalue()) for name, file in memory.store.items()}


@pytest.mark.parametrize("name", ["a b.wav", "#1.wav", "why?.wav", "50%20 off.wav", "Ärger.wav"])
def test_a_file_goes_there_and_back_under_any_name(store, scratch, tmp_path, name):
    path = tmp_path / "x"
    path.write_bytes(b"sound")
    objects.put(path, f"memory://top/{name}", force=False)
    assert everything(store) == {f"/top/{name}": b"sound"}
    copy = objects.fetch(f"memory://top/{name}")
    assert os.path.dirname(copy) == str(scratch)
    assert copy.endswith(".wav")
    assert Path(copy).read_bytes() == b"sound"
    assert list(objects.files_below("memory://top")) == [f"memory://top/{name}"]
    assert objects.is_file(f"memory://top/{name}")
    assert not objects.is_folder(f"memory://top/{name}")
    assert objects.is_folder("memory://top")


def test_nothing_is_replaced_without_force(store, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"new")
    store.pipe_file("/top/x.wav", b"old")
    with pytest.raises(StorageError, match=r"^memory://top/x\.wav: exists already; --force replaces it$"):
        objects.put(path, "memory://top/x.wav", force=False)
    assert everything(store) == {"/top/x.wav": b"old"}
    objects.put(path, "memory://top/x.wav", force=True)
    assert everything(store) == {"/top/x.wav": b"new"}
    with pytest.raises(StorageError, match="received a folder"):
        objects.put(path, "memory://top", force=True)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(errno.EIO, "lost")])
def test_an_interrupted_put_leaves_no_half_file(store, tmp_path, monkeypatch, stop):
    path = tmp_path / "x"
    path.write_bytes(b"whole")

    def half(self, source, name, **more):
        self.pipe_file(name, b"wh")
        raise stop

    monkeypatch.setattr(type(store), "put_file", half)
    with pytest.raises(KeyboardInterrupt if stop is KeyboardInterrupt else StorageError):
        objects.put(path, "memory://top/x.wav", force=False)
    assert everything(store) == {}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_an_interrupted_fetch_leaves_no_temporary_file(store, scratch, monkeypatch, stop):
    store.pipe_file("/top/x.wav", b"whole")

    def half(self, name, path, **more):
        with open(path, "wb") as file:
            file.write(b"wh")
        raise stop

    monkeypatch.setattr(type(store), "get_file", half)
    with pytest.raises(KeyboardInterrupt if stop is KeyboardInterrupt else StorageError) as raised:
        objects.fetch("memory://top/x.wav")
    if stop is not KeyboardInterrupt:
        assert str(raised.value) == (
            f"memory://top/x.wav: no room in {scratch}; set TMPDIR to a folder with more"
        )
    assert not list(scratch.iterdir())


def test_what_is_missing_is_one_line(store, scratch):
    store.pipe_file("/top/x.wav", b"whole")
    for address, said in (
        ("memory://top/y.wav", "there is no such file"),
        ("memory://top", "expected a file, received a folder"),
    ):
        with pytest.raises(StorageError, match=f"^{address}: {said}$"):
            objects.fetch(address)
    assert not list(scratch.iterdir())


def test_existing_files_are_found_folder_by_folder(store):
    for name in ("a/1.wav", "a/2.wav", "b/1.wav"):
        store.pipe_file(f"/{name}", b"x")
    names = [
        f"memory://{name}" for name in ("a/1.wav", "a/3.wav", "a/2.wav", "b/1.wav", "c/1.wav", "c/2.wav")
    ]
    assert objects.existing(names) == {"memory://a/1.wav", "memory://a/2.wav", "memory://b/1.wav"}


def test_a_name_that_leads_out_of_its_folder_is_refused(store):
    store.store["/top/../../x.wav"] = store.open("/y", "wb")
    with pytest.raises(StorageError, match="leads out of the folder"):
        list(objects.files_below("memory://top"))


def test_the_same_file_by_two_names(tmp_path):
    assert objects.identity(f"file://{tmp_path}/x.wav") == objects.identity(str(tmp_path / "x.wav"))
    assert objects.identity("S3://b/x") == objects.identity("s3://b/x")
    with pytest.raises(StorageError, match="is the source itself"):
        objects.refuse_object(f"file://{tmp_path}/x.wav", True, tmp_path / "x.wav")


def test_a_missing_fsspec_is_one_line(monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name.partition(".")[0] == "fsspec":
            raise ModuleNotFoundError(name="fsspec")
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"^s3://b/x: needs fsspec: pip install 'tfbwe\[cloud\]'$"):
        objects.is_file("s3://b/x")


@pytest.mark.parametrize(
    ("protocol", "package", "said"),
    [
        ("s3", "s3fs", r"needs s3fs: pip install 'tfbwe\[cloud\]'"),
        ("gs", "gcsfs", "needs gcsfs: pip install gcsfs"),
        ("az", "adlfs", "needs adlfs: pip install adlfs"),
        ("sftp", "paramiko", '.*"paramiko".*'),
    ],
)
def test_a_missing_package_is_named(monkeypatch, protocol, package, said):
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, protocol, raising=False)
    monkeypatch.delitem(sys.modules, f"fsspec.implementations.{protocol}", raising=False)
    with pytest.raises(ConfigError, match=f"^{protocol}://b/x: {said}$"):
        objects.is_file(f"{protocol}://b/x")


@pytest.mark.parametrize("address", ["nope://b/x", "s3://", "memory://"])
def test_an_address_that_cannot_be_one_is_refused(address):
    pytest.importorskip("s3fs")
    with pytest.raises(ConfigError, match=f"^{address}: expected"):
        objects.fetch(address)


@pytest.mark.skipif(os.name != "posix", reason="no signals")
def test_what_a_killed_process_left_is_removed_by_the_next_one(store, scratch, monkeypatch):
    program = (
        "import os, signal, sys, tempfile\n"
        "from tfbwe.storage.objects import temporary_for\n"
        "temporary_for('memory://top/x.wav')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch)}
    subprocess.run([sys.executable, "-c", program], env=variables)
    assert len(list(scratch.iterdir())) == 1
    objects._tidied.cache_clear()
    store.pipe_file("/top/x.wav", b"sound")
    copy = objects.fetch("memory://top/x.wav")
    assert list(scratch.iterdir()) == [Path(copy)]
