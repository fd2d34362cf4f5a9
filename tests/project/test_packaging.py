"""The wheel: what it holds, and that it works in an empty environment with the core dependencies alone."""

from __future__ import annotations

import configparser
import os
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

from tests.helpers import smoke
from tests.helpers.paths import ROOT
from tests.project.conftest import pip
from training.music.manifest import MANIFEST_NAME, write_manifest

SOURCES = {"tfbwe": "tfbwe", "training": "tfbwe/training", "export": "tfbwe/export"}
LARGEST_MB = 200


def run(*command, cwd, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "KERAS_BACKEND")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def wheel(dist):
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Folder of an empty virtual environment with the wheel in it, installed without extras."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    pip("--python", program(folder, "python"), "install", "--quiet", wheel)
    return folder


def program(environment, name):
    return environment / ("Scripts" if os.name == "nt" else "bin") / name


def site_packages(environment):
    (path,) = environment.rglob("site-packages")
    return path


def megabytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20


def test_the_wheel_holds_every_module(names):
    for source, target in SOURCES.items():
        modules = {f"{target}/{path.relative_to(ROOT / source)}" for path in (ROOT / source).rglob("*.py")}
        assert modules
        assert modules <= names


def test_setup_cfg_lists_every_package_and_every_folder_of_modules_is_one():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    found = set()
    for source, target in SOURCES.items():
        for path in (ROOT / source).rglob("*.py"):
            assert (path.parent / "__init__.py").is_file()
            found.add(".".join([target.replace("/", "."), *path.relative_to(ROOT / source).parts[:-1]]))
    assert listed == found


def test_the_wheel_holds_weights_lists_types_and_licences(names):
    weights = {f"tfbwe/weights/{model}.{kind}" for model in ("stft", "cqt") for kind in ("tflite", "json")}
    assert {"tfbwe/py.typed", "tfbwe/training/comparison/report_schema.json", *weights} <= names
    lists = {
        f"tfbwe/training/music/lists/{path.name}" for path in (ROOT / "training/music/lists").glob("*.csv")
    }
    assert len(lists) >= 2
    assert lists <= names
    licences = {name.rsplit("/", 1)[1] for name in names if ".dist-info/" in name}
    assert {"LICENSE", "NOTICE"} <= licences


def test_the_wheel_holds_nothing_else(names):
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tfbwe"}
    assert not [name for name in names if "test" in name.lower() and name.endswith(".py")]
    assert not [name for name in names if name.endswith((".pyc", ".wav", ".flac", ".keras"))]


def test_the_commands_are_declared(wheel, names):
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(entry_points).decode()
    assert "tfbwe = tfbwe.cli:main" in text
    assert "tfbwe-export = tfbwe.export.cli:main" in text


def test_the_core_is_small_and_brings_no_tensorflow(environment):
    folder = site_packages(environment)
    installed = {path.name.lower().split("-")[0] for path in folder.glob("*.dist-info")}
    assert {"tfbwe", "numpy", "soxr", "soundfile", "ai_edge_litert", "tqdm", "mutagen"} <= installed
    assert not installed & {"tensorflow", "keras", "scipy", "jax", "torch", "matplotlib", "joblib"}
    assert megabytes(folder) < LARGEST_MB


def test_the_installed_command_extends_a_song(environment, tmp_path):
    x = smoke.made_up_song(3, 2.0)
    soundfile.write(tmp_path / "song.wav", x.T[::2], 22050)
    tfbwe = program(environment, "tfbwe")
    answer = run(tfbwe, "extend", "song.wav", "--cutoff", "8000", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.extended.wav", "song.wav"]
    info = soundfile.info(tmp_path / "song.extended.wav")
    assert (info.samplerate, info.frames, info.channels) == (44100, 2 * 44100, 2)


def test_installed_modules_work_outside_of_the_checkout(environment, tmp_path):
    python = program(environment, "python")
    answer = run(python, "-m", "tfbwe.training.corpus", "--help", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "scan" in answer.stdout
    answer = run(
        python, "-m", "tfbwe.training.fit", "--model", "stft", "--data", ".", "--run", "r", cwd=tmp_path
    )
    assert "`python -m tfbwe.training.corpus scan .`" in answer.stderr
    where = run(python, "-c", "import tfbwe; print(tfbwe.__file__)", cwd=tmp_path)
    assert Path(where.stdout.strip()).is_relative_to(environment)


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["python", "-m", "tfbwe.training.fit", "--model", "stft", "--data", "d", "--run", "r"], "train"),
        (["tfbwe-export", "run", "-o", "out"], "export"),
    ],
)
def test_what_needs_an_extra_says_so_in_one_line(command, extra, environment, tmp_path):
    if extra == "export":
        for name in ("best.keras", "features.npz"):
            (tmp_path / "run").mkdir(exist_ok=True)
            (tmp_path / "run" / name).write_bytes(b"")
        (tmp_path / "run" / "config.json").write_text('{"config": {"network": {}, "model": "stft"}}')
    else:
        (tmp_path / "d").mkdir()
        write_manifest(tmp_path / "d" / MANIFEST_NAME, [])
    answer = run(program(environment, command[0]), *command[1:], cwd=tmp_path)
    assert answer.returncode == 1
    assert len(answer.stderr.strip().splitlines()) == 1
    assert f"tfbwe[{extra}]" in answer.stderr
