"""The command line against a real S3 server, as a user runs it; ``make cloud-test`` has what it needs."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.clusters import cluster_of, wait_for
from tests.helpers.object_store import BUCKET, connected, object_store
from tests.helpers.paths import ROOT

pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="no signals")

LIMIT_S = 600


@pytest.fixture(scope="module")
def environment():
    with object_store() as found, pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        yield found


@pytest.fixture
def bucket(environment):
    """Give the file system of the server, with an empty bucket."""
    files = connected(environment)
    for name in files.find(BUCKET):
        files.rm_file(name)
    return files


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def begun(environment, scratch, tmp_path):
    """Return a way to start the command line as a process."""

    def begin(*arguments, **more):
        variables = {**os.environ, **environment, "PYTHONPATH": str(ROOT), "TMPDIR": str(scratch), **more}
        return subprocess.Popen(
            [sys.executable, "-m", "tfbwe", *map(str, arguments)],
            env={name: value for name, value in variables.items() if value},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture
def ran(begun, scratch):
    """Return a way to run the command line: exit status and lines; it leaves no temporary file."""

    def run(*arguments, **more):
        process = begun(*arguments, **more)
        out, err = process.communicate(timeout=LIMIT_S)
        assert "Traceback" not in err
        assert "SECRET" not in out + err
        assert not list(scratch.iterdir())
        return process.returncode, out.splitlines(), err.splitlines()

    return run


def contents(files, folder):
    top = f"{BUCKET}/{folder}/"
    return {
        name.removeprefix(top): hashlib.sha256(files.cat_file(name)).hexdigest() for name in files.find(top)
    }


NAMES = ("a song.wav", "CD #1/50%20 off.flac", "CD #1/why?.wav", "a::b.wav", "Ärger & Spaß/x+y.wav")


def test_an_album_at_an_address_is_that_of_this_machine(ran, bucket, song, tmp_path):
    for name in NAMES:
        bucket.put_file(str(song(f"in/{name}")), f"{BUCKET}/in/{name}")
    assert ran("extend", "in", "-o", "out", "--jobs", 1)[0] == 0
    expected = {name: hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() for name in NAMES}
    for inputs, output in (("s3://{}/in/", "s3://{}/out/"), ("in", "s3://{}/up")):
        where = output.format(BUCKET)
        status, said, lines = ran("extend", inputs.format(BUCKET), "-o", where, "--jobs", 2)
        assert (status, lines) == (0, [])
        assert said[-1] == "5 extended"
        assert contents(bucket, output.rstrip("/").rpartition("/")[2]) == expected
        assert ran("extend", inputs.format(BUCKET), "-o", where, "--skip-existing")[1][-1] == "5 skipped"
    assert ran("extend", f"s3://{BUCKET}/in", "-o", "down", "--jobs", 2)[0] == 0
    found = {name: hashlib.sha256((tmp_path / "down" / name).read_bytes()).hexdigest() for name in NAMES}
    assert found == expected
    status, said, _ = ran("info", f"s3://{BUCKET}/in", "--csv")
    assert (status, len(said)) == (0, 6)


def test_what_goes_wrong_is_one_line_that_names_the_address(ran, bucket, song, tmp_path):
    path = song("in/x.wav")
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(tmp_path)}
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    for arguments, more, said in (
        ((f"s3://{BUCKET}/no.wav", "-o", "y.wav"), {}, f"s3://{BUCKET}/no.wav: there is no such file"),
        (
            ("s3://no-such-bucket/x.wav", "-o", "y.wav"),
            {},
            "s3://no-such-bucket/x.wav: there is no such bucket",
        ),
        ((path, "-o", "s3://no-such-bucket/x.wav"), {}, "s3://no-such-bucket/x.wav: there is no such bucket"),
        ((path, "-o", f"s3://{BUCKET}/x.wav"), nobody, f"s3://{BUCKET}/x.wav: no credentials; set those of"),
        ((f"s3://{BUCKET}/x.wav",), nowhere, f"s3://{BUCKET}/x.wav: the store cannot be reached; look at"),
        ((path, "-o", "gs://bucket/x.wav"), {}, "gs://bucket/x.wav: needs gcsfs: pip install gcsfs"),
    ):
        status, _, lines = ran("extend", *arguments, **more)
        assert (status, len(lines)) == (1, 1)
        assert lines[0].startswith(f"tfbwe: {said}")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL"])
def test_a_stopped_run_leaves_no_half_object(begun, ran, bucket, song, low_passed, scratch, name):
    for n in range(3):
        song(f"in/{n}.wav", np.tile(low_passed(2, 1.0, cutoff_hz=7000, seed=n), 15))
    process = begun("extend", "in", "-o", f"s3://{BUCKET}/out/", "--jobs", 1)
    wait_for(lambda: bucket.find(f"{BUCKET}/out"), LIMIT_S)
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=LIMIT_S)
    killed = name == "SIGKILL"
    assert process.returncode == (-signal.SIGKILL if killed else 128 + getattr(signal, name))
    assert killed or not list(scratch.iterdir())
    status, said, _ = ran("extend", "in", "-o", f"s3://{BUCKET}/out/", "--jobs", 1, "--skip-existing")
    assert status == 0
    assert re.fullmatch("[12] extended, [12] skipped", said[-1])
    assert ran("extend", "in", "-o", f"s3://{BUCKET}/whole/", "--jobs", 2)[0] == 0
    assert contents(bucket, "out") == contents(bucket, "whole")


def test_workers_of_a_cluster_fetch_and_put_and_one_may_be_killed(
    ran, begun, bucket, song, low_passed, tmp_path
):
    pytest.importorskip("distributed")
    for n in range(4):
        path = song(f"in/{n}.wav", np.tile(low_passed(2, 1.0, cutoff_hz=7000, seed=n), 10))
        bucket.put_file(str(path), f"{BUCKET}/in/{n}.wav")
    with cluster_of(tmp_path / "dask") as cluster:
        where = ("extend", f"s3://{BUCKET}/in", "-o", f"s3://{BUCKET}/out", "--cluster", cluster.address)
        process = begun(*where)
        wait_for(lambda: bucket.find(f"{BUCKET}/out"), LIMIT_S)
        cluster.send("worker-0", signal.SIGKILL)
        out, err = process.communicate(timeout=LIMIT_S)
        assert (process.returncode, out.splitlines()[-1]) == (0, "4 extended"), err
        status, said, _ = ran(*where)
        assert (status, said) == (1, ["4 failed"])
        assert ran(*where, "--skip-existing")[1][-1] == "4 skipped"
    assert ran("extend", "in", "-o", f"s3://{BUCKET}/whole/", "--jobs", 1)[0] == 0
    assert contents(bucket, "out") == contents(bucket, "whole")


def test_a_large_file_goes_in_parts(ran, bucket, song, low_passed, tmp_path):
    """S3 takes it whole once it has all parts."""
    path = song("in/long.wav", np.tile(low_passed(2, 1.0, cutoff_hz=7000), 100))
    assert ran("extend", path, "-o", f"s3://{BUCKET}/long.wav", "--cutoff", 7000)[0] == 0
    assert bucket.size(f"{BUCKET}/long.wav") == path.stat().st_size
    assert ran("extend", f"s3://{BUCKET}/long.wav", "-o", "again.wav", "--cutoff", 20000)[0] == 0
    assert (tmp_path / "again.wav").stat().st_size == path.stat().st_size
