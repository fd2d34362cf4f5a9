import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.archives import COMPRESS, make_ar, make_deb, make_pk3
from training.music.packages import PackageError, inside, is_complete, package_files, safe_name


@pytest.mark.parametrize("suffix", COMPRESS)
def test_every_file_of_a_package_comes_out_as_it_went_in(tmp_path, suffix):
    files = {"./usr/share/a.ogg": b"one", "./usr/share/b c.ogg": b"two" * 1000}
    deb = make_deb(tmp_path / "x_1_all.deb", files, suffix)
    found = dict(package_files(deb, tmp_path))
    assert found == {"usr/share/a.ogg": b"one", "usr/share/b c.ogg": b"two" * 1000}


def test_files_inside_a_pk3_are_named_after_both(tmp_path):
    deb = make_deb(tmp_path / "x_1_all.deb", {"./data/m.pk3": make_pk3({"music/a.ogg": b"one"})})
    assert dict(package_files(deb, tmp_path)) == {"data/m.pk3!music/a.ogg": b"one"}
    assert [path.name for path in tmp_path.iterdir()] == ["x_1_all.deb"]


@pytest.mark.parametrize(
    "name", ["../evil.ogg", "/etc/evil.ogg", "a/../../evil.ogg", "..\\evil.ogg", "C:/evil.ogg"]
)
def test_a_member_that_points_outside_is_refused_and_nothing_is_written(tmp_path, name):
    scratch = tmp_path / "inner" / "scratch"
    scratch.mkdir(parents=True)
    for deb in (
        make_deb(tmp_path / "tar_1_all.deb", {name: b"evil"}),
        make_deb(tmp_path / "zip_1_all.deb", {"./m.pk3": make_pk3({name: b"evil"})}),
    ):
        with pytest.raises(PackageError, match="points outside"):
            list(package_files(deb, scratch))
    assert list(scratch.iterdir()) == []
    assert not list(tmp_path.rglob("evil*"))


def test_links_in_a_package_are_not_followed(tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        link = tarfile.TarInfo("./music")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    deb = tmp_path / "x_1_all.deb"
    deb.write_bytes(make_ar({"data.tar": stream.getvalue()}))
    assert list(package_files(deb, tmp_path)) == []


def test_a_package_cut_short_anywhere_is_not_complete(tmp_path):
    whole = make_deb(tmp_path / "x_1_all.deb", {"a.ogg": bytes(5000)}, "")
    data = whole.read_bytes()
    assert is_complete(whole)
    assert not is_complete(tmp_path / "none.deb")
    cut = tmp_path / "cut.deb"
    for length in (0, 4, 30, 100, len(data) // 2, len(data) - 1):
        cut.write_bytes(data[:length])
        assert not is_complete(cut)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_package_raises_one_kind_of_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    deb = make_deb(folder / "x_1_all.deb", {"a.ogg": b"abc" * 100, "m.pk3": make_pk3({"b.ogg": b"b"})}, ".gz")
    content = bytearray(deb.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    deb.write_bytes(content)
    try:
        list(package_files(deb, folder))
    except PackageError as error:
        assert str(deb) in str(error)  # noqa: PT017


def test_another_compression_is_named(tmp_path):
    deb = tmp_path / "x_1_all.deb"
    deb.write_bytes(make_ar({"data.tar.lzma": b"1234"}))
    with pytest.raises(PackageError, match=r"received data\.tar\.lzma"):
        list(package_files(deb, tmp_path))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b.ogg", "..", ".", "", "C:", "x y"]), min_size=1, max_size=5))
def test_a_safe_name_stays_inside_whatever_it_is(parts):
    try:
        name = safe_name("/".join(parts))
    except PackageError:
        return
    root = Path("/music/root")
    assert (root / name).resolve().is_relative_to(root)


def test_a_target_behind_a_link_that_leads_outside_is_refused(tmp_path):
    music = tmp_path / "music"
    music.mkdir()
    (music / "train").symlink_to(tmp_path)
    with pytest.raises(PackageError, match="points outside"):
        inside(music, "train/a.ogg")
    with pytest.raises(PackageError, match="points outside"):
        inside(music, "../a.ogg")
    assert inside(music, "test/a.ogg") == music.resolve() / "test" / "a.ogg"
