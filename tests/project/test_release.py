"""What a release ships: the same bytes whoever makes it, all of it under a stated licence, and complete."""

import csv
import gzip
import hashlib
import io
import json
import subprocess
import tarfile

import pytest

pytest.importorskip("tomllib")

from release import archives
from release.licences import contents, statement, statements
from release.requirements import requirements, version
from release.sbom import bill
from tests.helpers.paths import ROOT


@pytest.fixture(scope="module")
def shipped(dist):
    """Bytes of both archives by name."""
    return {path.name: path.read_bytes() for path in dist.iterdir() if path.suffix in (".whl", ".gz")}


def test_a_release_has_both_archives_a_bill_of_materials_and_their_sums(dist):
    # Made twice, the second time in another folder, time zone and language; else nothing would be there.
    stem = f"tfbwe-{version()}"
    names = {f"{stem}-py3-none-any.whl", f"{stem}.tar.gz", f"{stem}.cdx.json"}
    assert {path.name for path in dist.iterdir()} == {*names, "SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in (dist / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((dist / name).read_bytes()).hexdigest() for name in names}


def test_the_source_archive_holds_every_file_that_git_does(shipped):
    (name,) = (name for name in shipped if name.endswith(".gz"))
    assert sorted(contents(name, shipped[name])) == archives.sources()


def test_archives_carry_no_owner_and_one_time(shipped):
    (name,) = (name for name in shipped if name.endswith(".gz"))
    with tarfile.open(fileobj=io.BytesIO(shipped[name])) as archive:
        members = archive.getmembers()
    assert {(one.uid, one.gid, one.uname, one.gname) for one in members} == {(0, 0, "", "")}
    assert {one.mode for one in members} <= {0o644, 0o755}
    assert len({one.mtime for one in members}) == 1
    assert [one.name for one in members] == sorted(one.name for one in members)


def test_every_file_that_is_shipped_has_exactly_one_statement_of_licence(shipped):
    table = statements()
    names = {name for archive, packed in shipped.items() for name in contents(archive, packed)}
    assert len(names) > 500
    licences = {name: statement(name, table).licence for name in names}
    assert licences["tests/data/clip.flac"] == "MIT"
    assert {licences[name] for name in names if not name.startswith("tests/data/")} == {"Apache-2.0"}
    with pytest.raises(
        ValueError, match=r"new/song\.ogg: expected one statement of licence in REUSE\.toml, received 0"
    ):
        statement("new/song.ogg", table)
    with pytest.raises(ValueError, match="received 2"):
        statement("tests/data/clip.flac", [*table, *table[-1:]])


def test_no_statement_is_of_nothing_and_the_notice_names_every_holder():
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    names = archives.sources()
    for one in statements():
        for path in one.paths:
            covering = type(one)((path,), one.holder, one.licence)
            assert any(covering.covers(name) for name in names), path
        assert one.holder.split(";")[0].removeprefix("2006/2007 ").removeprefix("The ") in notice
        assert one.licence.split("-")[0] in notice


def test_the_metadata_states_the_licences_as_pep_639_says(shipped):
    (name,) = (name for name in shipped if name.endswith(".gz"))
    with tarfile.open(fileobj=io.BytesIO(shipped[name])) as archive:
        text = archive.extractfile(f"tfbwe-{version()}/PKG-INFO").read().decode()
    assert "License-Expression: Apache-2.0 AND MIT\n" in text
    for file in ("LICENSE", "NOTICE", "tests/data/NOTICE.md"):
        assert f"License-File: {file}\n" in text
    assert "Classifier: License" not in text


def test_the_bill_of_materials_fits_the_schema_of_cyclonedx(dist):
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    text = next(dist.glob("*.cdx.json")).read_text(encoding="utf-8")
    error = validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(text)
    assert error is None, str(error.data.message)


def test_the_bill_of_materials_names_every_file_and_every_requirement(dist, shipped):
    found = json.loads(next(dist.glob("*.cdx.json")).read_text(encoding="utf-8"))
    files = {one["name"]: one for one in found["components"] if one["type"] != "library"}
    assert set(files) == {name for archive, packed in shipped.items() for name in contents(archive, packed)}
    weights = files["tfbwe/weights/stft.tflite"]
    assert weights["type"] == "machine-learning-model"
    assert len(weights["properties"]) == 2
    expected = hashlib.sha256((ROOT / "tfbwe/weights/stft.tflite").read_bytes()).hexdigest()
    assert weights["hashes"] == [{"alg": "SHA-256", "content": expected}]
    assert files["training/music/lists/debian-music-train.csv"]["type"] == "data"
    assert "demo/page/player.js" in files
    needed = {one["name"]: one for one in found["components"] if one["type"] == "library"}
    assert {one.name for one in requirements()} | {"@litertjs/core"} == set(needed)
    assert needed["mutagen"]["licenses"] == [{"expression": "GPL-2.0-or-later"}]
    assert needed["numpy"]["scope"] == "required"
    assert needed["tensorflow"]["scope"] == "optional"
    epoch = int(subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=ROOT, text=True))
    assert json.loads(bill(shipped, epoch)) == found


def test_a_repacked_archive_does_not_depend_on_order_owner_or_time():
    def packed(names, mtime, uid):
        out = io.BytesIO()
        with (
            gzip.GzipFile("odd", "wb", 1, out, mtime) as file,
            tarfile.open(fileobj=file, mode="w") as archive,
        ):
            for name in names:
                member = tarfile.TarInfo(name)
                member.size, member.mtime, member.uid, member.uname = 3, mtime, uid, str(uid)
                member.mode = 0o600
                archive.addfile(member, io.BytesIO(name.encode()))
        return out.getvalue()

    one, other = packed(["abc", "abd"], 5, 0), packed(["abd", "abc"], 9, 1000)
    assert one != other
    assert archives.repacked(one, 7) == archives.repacked(other, 7)
    assert archives.repacked(one, 7) != archives.repacked(one, 8)


def test_archives_that_differ_are_refused(tmp_path):
    paths = [tmp_path / name / "a.whl" for name in ("first", "second")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(path.parent.name)
    with pytest.raises(archives.ReleaseError, match=r"a\.whl: two runs gave other bytes"):
        archives._hold(paths[:1], paths[1:], "two runs")


def test_a_release_that_is_there_is_kept(tmp_path, shipped):
    written = [tmp_path / "built" / name for name in shipped]
    (tmp_path / "built").mkdir()
    for path in written:
        path.write_bytes(shipped[path.name])
    out = tmp_path / "dist"
    assert len(archives._written(written, out, False, 1)) == 4
    archives._written(written, out, False, 1)
    (out / written[0].name).write_bytes(b"other")
    with pytest.raises(archives.ReleaseError, match="--force replaces it"):
        archives._written(written, out, False, 1)
    assert (out / written[0].name).read_bytes() == b"other"
    archives._written(written, out, True, 1)
    assert (out / written[0].name).read_bytes() == shipped[written[0].name]


def test_every_version_is_that_of_the_package():
    texts = {
        "embed/web/package.json": f'"version": "{version()}"',
        "embed/web/package-lock.json": f'"name": "tfbwe",\n  "version": "{version()}"',
        "embed/c/CMakeLists.txt": f"project(tfbwe VERSION {version()} ",
        "embed/c/tfbwe.pc.in": "Version: @PROJECT_VERSION@",
    }
    for name, text in texts.items():
        assert text in (ROOT / name).read_text(encoding="utf-8"), name
    assert "attr: tfbwe._version.__version__" in (ROOT / "setup.cfg").read_text(encoding="utf-8")


def test_every_track_on_a_list_has_a_licence_and_an_author_or_a_holder():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for path in sorted((ROOT / "training/music/lists").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows if "licence" in rows[0] else []:
            assert row["licence"], row["file"]
            # The list of the tests is fixed to the byte: what it lacks stands in NOTICE.
            assert row["artist"] or row["copyright"] or row["file"] in notice, row["file"]
