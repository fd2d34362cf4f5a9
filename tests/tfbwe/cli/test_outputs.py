from __future__ import annotations

import pytest

from tfbwe.cli.outputs import plan_outputs
from tfbwe.errors import ConfigError


def test_outputs_that_would_meet_are_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"both a/x\.wav and b/x\.wav"):
        plan_outputs(["a/x.wav", "b/x.wav"], str(tmp_path))
    with pytest.raises(ConfigError, match="many inputs"):
        plan_outputs(["a.wav", "b.wav"], "-")
    for name, said in (("a/x.wav", "a/x.wav"), ("-", "standard input")):
        with pytest.raises(ConfigError, match=f"^{said}: is given twice$"):
            plan_outputs([name, name], None)
    assert plan_outputs(["-"], None) == [("-", "-")]
    assert plan_outputs(["a.b.mp3"], None) == [("a.b.mp3", "a.b.extended.mp3")]


def test_an_output_folder_inside_the_input_is_left_out(tmp_path):
    for name in ("1.wav", "done/1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    pairs = plan_outputs([str(tmp_path)], str(tmp_path / "done"))
    assert pairs == [(str(tmp_path / "1.wav"), str(tmp_path / "done" / "1.wav"))]


def test_a_folder_that_is_its_own_output_would_be_written_over_itself(tmp_path):
    (tmp_path / "1.wav").touch()
    with pytest.raises(ConfigError, match=r"1\.wav: would be written over itself; choose another folder"):
        plan_outputs([str(tmp_path)], str(tmp_path))
