import dataclasses
import json
import pickle
import shutil
import struct
import zipfile
import zlib
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfbwe.errors import ModelError
from tfbwe.model import bundle
from tfbwe.model.bundle import MANIFEST_NAME, Bundle, digest, load_bundle, pack, shipped
from tfbwe.model.manifest import FORMAT_VERSION, Manifest

FLATBUFFER = b"\x1c\x00\x00\x00TFL3" + bytes(range(150))
MANIFEST = Manifest(
    format_version=FORMAT_VERSION,
    model="stft",
    transform={"kind": "stft", "bins": 768},
    normalisation={"epsilon": 1e-4, "offset": 5.0, "scale": 3.0},
    restoring={"parameters": 5, "macs_per_s": 7.0, "training": {"seed": 1}},
    states={"state_0": (1, 2, 8)},
    cutoff_range_hz=(3500.0, 15500.0),
    highest_hz=16000.0,
    quantisation="int8",
    macs_per_s=5e7,
    licence="Apache-2.0",
    training={"command": "Grüße", "seed": 0},
    verification={},
    sha256=digest(FLATBUFFER),
    size_bytes=len(FLATBUFFER),
    graph={"kind": "step", "parameters": 5},
)
DATA = pack(FLATBUFFER, MANIFEST)
ZIP_AT = len(FLATBUFFER)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """Return a way to load the bytes of a model file."""
    path = tmp_path_factory.mktemp("models") / "a model.tflite"

    def load(data, trust=False):
        path.write_bytes(data)
        return load_bundle(path, trust)

    load.path = path
    return load


def with_manifest(text):
    """Return a model file with another text in the manifest's place."""
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(zipfile.ZipInfo(MANIFEST_NAME), text)
    return FLATBUFFER + memory.getvalue()


def values(**changes):
    return {**json.loads(MANIFEST.to_json()), **changes}


def test_what_is_packed_is_loaded(load):
    loaded = load(DATA)
    assert loaded == Bundle(str(load.path), MANIFEST, FLATBUFFER)
    assert loaded.cutoff_range_hz == (3500.0, 15500.0)
    assert load_bundle(loaded) is loaded


def test_a_manifest_survives_its_json():
    text = MANIFEST.to_json()
    assert Manifest.from_json(text) == MANIFEST
    assert Manifest.from_json(text.encode()).to_json() == text


def test_the_file_is_a_flatbuffer_and_one_plain_zip_entry_to_the_byte():
    text = MANIFEST.to_json().encode()
    name = MANIFEST_NAME.encode()
    times = (20, 0, 0, 0, 0x21)  # version 2.0, no flags, stored, 1 January 1980
    sizes = (zlib.crc32(text), len(text), len(text), len(name), 0)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", *times, *sizes) + name + text
    central = (
        struct.pack("<4s6H3L5H2L", b"PK\1\2", 20 | 3 << 8, *times, *sizes, 0, 0, 0, 0o600 << 16, 0) + name
    )
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)
    assert FLATBUFFER + local + central + end == DATA


def test_zipfile_reads_the_manifest(load):
    load.path.write_bytes(DATA)
    with zipfile.ZipFile(load.path) as archive:
        assert archive.namelist() == [MANIFEST_NAME]
        assert archive.read(MANIFEST_NAME).decode() == MANIFEST.to_json()


@pytest.mark.parametrize("model", ["stft", "cqt"])
def test_a_shipped_model_loads_by_its_name(model):
    loaded = load_bundle(model)
    assert loaded.manifest.model == model
    assert len(loaded.flatbuffer) == loaded.manifest.size_bytes
    assert load_bundle(loaded.name) == loaded
    beside = (bundle.WEIGHTS / f"{model}.json").read_text(encoding="utf-8")
    assert Manifest.from_json(beside) == loaded.manifest


# Damage.


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_every_changed_byte_is_refused(load, mask):
    for at in range(len(DATA)):
        with pytest.raises(ModelError):
            load(DATA[:at] + bytes([DATA[at] ^ mask]) + DATA[at + 1 :])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(-75, -1) | st.integers(0, 200) | st.integers(0, len(DATA) - 1), value=st.integers(0, 255)
)
def test_any_other_value_of_a_byte_is_refused(load, at, value):
    data = bytearray(DATA)
    data[at] = value
    if data != DATA:
        with pytest.raises(ModelError, match=r"^[^\n]*$"):
            load(bytes(data))


def test_a_file_cut_short_anywhere_is_refused(load):
    for length in range(len(DATA)):
        with pytest.raises(ModelError):
            load(DATA[:length])


@pytest.mark.parametrize("garbage", [b"\0", b"\n", b"PK", b"PK\5\6", bytes(70000), DATA])
def test_more_bytes_at_either_end_are_refused(load, garbage):
    for data in (DATA + garbage, garbage + DATA):
        with pytest.raises(ModelError):
            load(data)


def test_a_byte_of_the_shipped_model_changed_is_refused(load):
    data = bytearray((bundle.WEIGHTS / "stft.tflite").read_bytes())
    for at in (0, 5, len(data) // 2, len(data) - 3000, len(data) - 1):
        data[at] ^= 1
        with pytest.raises(ModelError):
            load(bytes(data))
        data[at] ^= 1
    assert load(bytes(data)).manifest.model == "stft"


def test_a_manifest_beside_another_flatbuffer_is_refused(load):
    with pytest.raises(ModelError, match="damaged: its bytes are not those"):
        load(pack(FLATBUFFER[:-1] + b"x", MANIFEST))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_other_bytes_are_refused(load, data):
    for some in (data, FLATBUFFER + data, with_manifest(data)):
        with pytest.raises(ModelError):
            load(some)


# Manifests that are whole, and wrong.


def test_a_newer_format_is_refused_with_both_versions_named(load):
    newer = dataclasses.replace(MANIFEST, format_version=FORMAT_VERSION + 5)
    with pytest.raises(ModelError, match="format_version: expected 2, received 7; upgrade tfbwe"):
        load(pack(FLATBUFFER, newer))
    with pytest.raises(ModelError, match="format_version: expected 2, received 7"):
        load(with_manifest(json.dumps({"format_version": 7, "something": "new"})))


def test_an_older_format_is_refused_with_the_way_out(load):
    older = dataclasses.replace(MANIFEST, format_version=1)
    with pytest.raises(ModelError, match="format_version: expected 2, received 1; export the model again"):
        load(pack(FLATBUFFER, older))


def test_a_length_below_nothing_is_refused(load):
    with pytest.raises(ModelError, match="damaged"):
        load(with_manifest(json.dumps(values(size_bytes=-1))))


@pytest.mark.parametrize("text", ["", "null", "[]", "{", "\xff", "[" * 100000, '{"a": ' * 100000])
def test_a_manifest_that_is_no_json_object_is_refused(load, text):
    with pytest.raises(ModelError, match=r"a model.tflite: manifest: "):
        load(with_manifest(text.encode("latin-1")))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_packed_manifest_is_refused_before_it_is_unpacked(load, method):
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w", method) as archive:
        archive.writestr(MANIFEST_NAME, bytes(2**22))
    with pytest.raises(ModelError, match="packed"):
        load(FLATBUFFER + memory.getvalue())


def test_a_manifest_of_megabytes_is_refused(load):
    with pytest.raises(ModelError, match="too large"):
        load(with_manifest(MANIFEST.to_json() + " " * 2**20))


def test_a_manifest_written_otherwise_is_refused(load):
    with pytest.raises(ModelError, match="damaged"):
        load(with_manifest(json.dumps(values())))


def test_a_second_entry_is_refused(load):
    memory = BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr(MANIFEST_NAME, MANIFEST.to_json())
        archive.writestr("more", b"")
    with pytest.raises(ModelError, match="damaged"):
        load(FLATBUFFER + memory.getvalue())


# Files that are not bundles.


def test_a_flatbuffer_without_a_manifest_is_loaded_only_on_trust_and_with_its_description(load):
    beside = load.path.with_suffix(".json")
    beside.write_text(MANIFEST.to_json(), encoding="utf-8")
    with pytest.raises(ModelError, match="expected a model with a manifest in it"):
        load(FLATBUFFER)
    assert load(FLATBUFFER, trust=True) == Bundle(str(load.path), MANIFEST, FLATBUFFER)
    with pytest.raises(ModelError, match="expected a model with a manifest in it"):
        load(b"not a flatbuffer", trust=True)
    for text in ("", "{}", "[" * 100000):
        beside.write_text(text, encoding="utf-8")
        with pytest.raises(ModelError, match=r"expected its description in .*a model.json: "):
            load(FLATBUFFER, trust=True)
    beside.unlink()
    with pytest.raises(ModelError, match=r"expected its description in .*a model.json: .*No such file"):
        load(FLATBUFFER, trust=True)


def test_trust_lets_no_damaged_bundle_through(load):
    for data in (DATA[:20] + b"\0" + DATA[21:], pack(FLATBUFFER[:-1] + b"x", MANIFEST)):
        with pytest.raises(ModelError):
            load(data, trust=True)


@pytest.mark.parametrize("name", ["no such.tflite", "", ".", "a\0b", "x" * 5000])
def test_what_is_no_file_is_refused_with_the_shipped_models_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"no such model .*expected a model file or a shipped one: .*stft"):
        load_bundle(name)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no such model"):
        load_bundle(tmp_path)


def test_a_file_beyond_the_limit_is_refused(load, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_BYTES", len(DATA))
    assert load(DATA).manifest == MANIFEST
    monkeypatch.setattr(bundle, "MAX_BYTES", len(DATA) - 1)
    with pytest.raises(ModelError, match=f"at most {len(DATA) - 1} bytes"):
        load(DATA)


@pytest.mark.parametrize("model", [None, 3, b"stft"])
def test_what_is_no_name_or_path_is_refused(model):
    with pytest.raises(ModelError, match="expected a name, a path or a Bundle"):
        load_bundle(model)


def test_a_loaded_model_travels_by_its_name_and_an_other_one_is_refused_there(tmp_path):
    bundle = load_bundle("stft")
    sent = pickle.dumps(bundle)
    assert len(sent) < 300
    assert pickle.loads(sent) == bundle
    assert pickle.loads(pickle.dumps(dataclasses.replace(bundle, name="changed"))).name == "changed"
    path = tmp_path / "mine.tflite"
    shutil.copy(shipped()["stft"], path)
    sent = pickle.dumps(load_bundle(path))
    shutil.copy(shipped()["cqt"], path)
    with pytest.raises(ModelError, match=r"mine\.tflite: expected the same model as there"):
        pickle.loads(sent)
