"""Every bound of setup.cfg is tried by some group; the long form is ``make lower-bounds-test``."""

import pytest

from release.lower_bounds import grouped, main, pinned
from release.requirements import CORE, requirements
from tests.helpers.paths import ROOT


def test_every_requirement_is_installed_at_its_bound_in_some_group():
    tried = {line for group in grouped().values() for line in pinned(group)}
    assert {one.lowest for one in requirements()} <= tried
    assert all("==" in line and ">" not in line for line in tried)


def test_a_group_is_made_for_an_extra_that_is_new(tmp_path, monkeypatch):
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    setup = tmp_path / "setup.cfg"
    setup.write_text(
        text.replace("[options.extras_require]\n", "[options.extras_require]\nnew =\n    so-new[x]>=1.2\n")
    )
    monkeypatch.setattr("release.lower_bounds.requirements", lambda: requirements(setup))
    assert grouped()["new"].modules == ("so_new",)
    assert "so-new[x]==1.2" in pinned(grouped()["new"])
    assert "numpy==1.26" in pinned(grouped()["new"])
    assert "tensorflow" not in " ".join(pinned(grouped()["new"]))


def test_paths_of_the_tests_are_there():
    for group in grouped().values():
        for argument in group.tests:
            assert (ROOT / argument.rpartition("=")[2]).exists(), argument


@pytest.mark.parametrize("line", ["numpy", "numpy<3", "numpy==1.26", "numpy>=1.26,<3"])
def test_a_requirement_without_a_plain_lower_bound_is_refused(line, tmp_path):
    (tmp_path / "setup.cfg").write_text(
        f"[options]\ninstall_requires =\n    {line}\n[options.extras_require]\n"
    )
    with pytest.raises(ValueError, match=r"setup\.cfg, core: expected NAME>=VERSION, received"):
        requirements(tmp_path / "setup.cfg")


def test_an_unknown_group_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert f"expected some of {CORE}, training" in capsys.readouterr().err
