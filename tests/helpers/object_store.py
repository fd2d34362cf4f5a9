"""An S3 server in a process of its own on this machine (moto), with one bucket."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time

BUCKET = "bucket-of-tests"
_STARTING_S = 60


def settings(port):
    """Environment of a program that uses the server."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "SECRET",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def object_store():
    """Serve S3; gives the environment that finds it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(server, port)
            yield settings(port)
        finally:
            server.kill()


def _wait_for(server, port):
    until = time.monotonic() + _STARTING_S
    while time.monotonic() < until:
        assert server.poll() is None, "the server ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise AssertionError(f"no server after {_STARTING_S} s")


def connected(environment):
    """File system of the server, for tests to look by another way than the one tested."""
    import s3fs

    os.environ.update(environment)
    files = s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True)
    if not files.exists(BUCKET):
        files.mkdir(BUCKET)
    return files
