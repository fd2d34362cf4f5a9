"""The picture of what was received and restored."""

import pytest

from tests.helpers.restoring import CUTOFF_HZ, brick_wall, gentle, measured, music, needed, rounded
from tfbwe.errors import AudioError
from tfbwe.measures.levels import save_levels
from tfbwe.restoration.condition import identify


@pytest.mark.parametrize("through", [gentle, brick_wall])
def test_a_picture_is_written_and_not_replaced_without_force(tmp_path, through):
    pytest.importorskip("matplotlib")
    rows = measured(rounded(through(music())))
    condition = identify(rows, lambda read: needed()[None], CUTOFF_HZ)
    path = tmp_path / "what was $left_.png"
    save_levels(path, "a $name_", rows, condition, CUTOFF_HZ)
    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(AudioError, match="--force"):
        save_levels(path, "a name", rows, condition, None)
    save_levels(path, "a name", rows, condition, None, force=True)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
