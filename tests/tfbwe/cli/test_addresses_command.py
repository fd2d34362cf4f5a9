"""``tfbwe`` with addresses, as a user gives them: on a store in memory, in one process."""

from __future__ import annotations

import http.server
import io
import tempfile
import threading

import pytest
import soundfile

from tfbwe.cli.extending import EXTENDED, FAILED, attempt
from tfbwe.cli.outputs import plan_outputs

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Let temporary files lie in a folder of their own, in which none may be left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture
def album(store, song):
    """Put two songs, a hidden one, a note and an empty file into a folder of the store."""
    store.pipe_file("/in/CD #1/a song?.wav", song("a.wav").read_bytes())
    store.pipe_file("/in/50%20 off.flac", song("b.flac").read_bytes())
    store.pipe_file("/in/.hidden.wav", b"x")
    store.pipe_file("/in/notes.txt", b"x")
    store.pipe_file("/in/empty.wav", b"")
    return "memory://in"


def names(store):
    return sorted(store.store)


def test_a_folder_goes_from_one_address_to_another(extending, album, store):
    status, said, lines = extending(album, "-o", "memory://out/")
    assert (status, lines) == (1, ["tfbwe: memory://in/empty.wav: the file is empty (0 bytes)"])
    assert [line.partition(": ")[0] for line in said.splitlines()] == [
        "memory://out/50%20 off.flac",
        "memory://out/CD #1/a song?.wav",
        "2 extended, 1 failed",
    ]
    written = {name: store.cat_file(name) for name in names(store) if name.startswith("/out")}
    assert list(written) == ["/out/50%20 off.flac", "/out/CD #1/a song?.wav"]
    for data in written.values():
        assert soundfile.info(io.BytesIO(data)).frames == 44100
    status, said, _ = extending(album, "-o", "memory://out/", "--skip-existing")
    assert status == 1
    assert "memory://out/50%20 off.flac: exists already, skipped" in said.splitlines()
    assert said.splitlines()[-1] == "2 skipped, 1 failed"
    status, said, lines = extending(album, "-o", "memory://out/")
    assert "tfbwe: memory://out/50%20 off.flac: exists already; --force replaces it" in lines
    assert said == "3 failed\n"
    assert extending(album, "-o", "memory://out/", "--force")[1].endswith("2 extended, 1 failed\n")


def test_the_file_at_an_address_is_that_of_this_machine(extending, song, store, tmp_path):
    path = song("here.wav")
    assert extending(path, "-o", tmp_path / "there.wav")[0] == 0
    assert extending(path, "-o", "memory://up/there.wav")[0] == 0
    expected = (tmp_path / "there.wav").read_bytes()
    assert store.cat_file("/up/there.wav") == expected
    store.pipe_file("/in/here.wav", path.read_bytes())
    assert extending("memory://in/here.wav", "-o", tmp_path / "down.wav")[0] == 0
    assert (tmp_path / "down.wav").read_bytes() == expected
    assert extending("memory://in/here.wav")[1].startswith("memory://in/here.extended.wav: ")
    assert store.cat_file("/in/here.extended.wav") == expected
    assert extending("memory://in", "--skip-existing")[1].startswith("memory://in/here.extended.wav: exists")


def test_dry_run_says_what_would_go_where(extending, album, store):
    before = names(store)
    status, said, lines = extending(album, "memory://in/none.wav", "-o", "memory://out", "--dry-run")
    assert status == 1
    assert lines == ["tfbwe: memory://in/none.wav: cannot be read: No such file or directory"]
    assert "memory://in/CD #1/a song?.wav -> memory://out/CD #1/a song?.wav" in said.splitlines()
    assert said.splitlines()[-1] == "3 would be extended, 1 would fail"
    store.pipe_file("/out/empty.wav", b"x")
    said = extending(album, "-o", "memory://out", "--dry-run", "--skip-existing")[1]
    assert said.splitlines()[-1] == "2 would be extended, 1 would be skipped"
    lines = extending(album, "-o", "memory://out", "--dry-run")[2]
    assert lines == ["tfbwe: memory://out/empty.wav: exists already; --force replaces it"]
    assert names(store) == sorted([*before, "/out/empty.wav"])


def test_an_output_folder_below_its_input_is_left_out(extending, album, store):
    extending(album, "-o", "memory://in/done")
    store.pipe_file("/in/done/other.wav", b"x")
    _, said, lines = extending(album, "-o", "memory://in/done", "--skip-existing")
    assert said.splitlines()[-1] == "2 skipped, 1 failed"
    assert "tfbwe: memory://in/done/other.wav: lies in the output folder, and is left out" in lines
    assert "would be written over itself" in extending(album, "-o", album)[2][0]


def test_a_worker_puts_again_what_a_lost_one_put(stand_in, song, store):
    store.pipe_file("/out/x.wav", b"from a worker that was lost")
    settings = {"model": stand_in, "cutoff_hz": None, "force": False, "hold": True}
    outcome = attempt(settings, (str(song("x.wav")), "memory://out/x.wav"), lambda *_: None)
    assert (outcome.kind, outcome.held) == (EXTENDED, "")
    assert soundfile.info(io.BytesIO(store.cat_file("/out/x.wav"))).frames == 44100
    outcome = attempt(
        {**settings, "hold": False}, (str(song("x.wav")), "memory://out/x.wav"), lambda *_: None
    )
    assert (outcome.kind, outcome.notes) == (
        FAILED,
        ("memory://out/x.wav: exists already; --force replaces it",),
    )


def test_info_and_compare_read_addresses(tfbwe, stand_in, album, song):
    status, said, _ = tfbwe("info", "memory://in/CD #1/a song?.wav", "--json")
    assert status == 0
    assert '"file": "memory://in/CD #1/a song?.wav"' in said
    status, said, _ = tfbwe("info", album, "--jobs", 1)
    assert status == 1
    assert said.splitlines()[-1].startswith("2 would gain, 1 cannot be read")
    status, said, _ = tfbwe("compare", song("a.wav"), "memory://in/CD #1/a song?.wav", "--cutoff", 6000)
    assert status == 0
    assert "lsd             0" in said.splitlines()


def test_what_is_of_this_machine_alone_is_refused_at_an_address(tfbwe, album):
    path = "memory://in/50%20 off.flac"
    for arguments, said in (
        (
            ("info", path, "--png", "memory://in/x.png"),
            "memory://in/x.png: expected a picture of this machine",
        ),
        (("info", path, "--model", "s3://b/x.tflite"), "s3://b/x.tflite: expected a model of this machine"),
        (("info", "s3://b/x.tflite"), "s3://b/x.tflite: expected a model of this machine"),
    ):
        status, _, lines = tfbwe(*arguments)
        assert status == 1
        assert lines[0].startswith(f"tfbwe: {said}; ")


@pytest.mark.parametrize(
    ("inputs", "output", "pairs"),
    [
        (["s3://b/x y.mp3"], None, [("s3://b/x y.mp3", "s3://b/x y.extended.mp3")]),
        (["x.mp3"], "s3://b/", [("x.mp3", "s3://b/x.mp3")]),
        (["s3://b/a/x.ape"], "out/", [("s3://b/a/x.ape", "out/x.flac")]),
        (["https://h/x.mp3?sig=a/b.c"], "out/", [("https://h/x.mp3?sig=a/b.c", "out/x.mp3")]),
        (["-"], "s3://b/out/", [("-", "s3://b/out/stdin.wav")]),
    ],
)
def test_outputs_of_addresses(monkeypatch, inputs, output, pairs):
    monkeypatch.setattr("tfbwe.cli.outputs.is_folder", lambda name: False)
    assert plan_outputs(inputs, output) == pairs


@pytest.fixture
def server(song):
    """Serve a song by HTTP."""
    pytest.importorskip("aiohttp")
    data = song("a.wav").read_bytes()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            found = self.path.startswith("/a%20song.wav?")
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(data) if found else 0))
            self.end_headers()
            return found

        def do_GET(self):
            if self.do_HEAD():
                self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_a_signed_link_is_read_and_its_secret_not_shown(extending, server, tmp_path):
    status, said, lines = extending(f"{server}/a%20song.wav?token=SECRET", "-o", f"{tmp_path}/out/")
    assert (status, lines) == (0, [])
    assert said.startswith(f"{tmp_path}/out/a%20song.wav: ")
    status, _, lines = extending(f"{server}/none.wav?token=SECRET", "-o", f"{tmp_path}/out/")
    assert (status, lines) == (1, [f"tfbwe: {server}/none.wav?...: there is no such file"])
    lines = extending(f"{server}/a%20song.wav?token=SECRET")[2]
    assert lines == [
        f"tfbwe: {server}/a%20song.wav?...: can be read, not written beside; choose a folder with -o"
    ]
    lines = extending(tmp_path / "a.wav", "-o", f"{server}/up.wav")[2]
    assert "can be read, not written" in lines[0]
