"""The long form is ``make soak``; here a few minutes of sound, and what must be found is found."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from tests.helpers.paths import CLIP
from tests.reliability.programme import Segment, passage, programme
from tests.reliability.soak import Run, main, soak
from tests.reliability.watching import Watch, level_differences_db, state_bytes


@pytest.mark.parametrize("name", ["wave-stereo", "cqt"])
def test_minutes_of_sound_leave_nothing_behind(name):
    *_, found = soak(name, [CLIP], hours=0.02, seed=3, passage_s=40.0)
    # Twenty seconds are too few to forget another filter; after the pause before the wall all is forgotten.
    assert [problem for problem in found["problems"] if "gentle" not in problem] == []
    assert found["samples"] > 65 * 44100
    (point,) = found["checkpoints"]
    assert point["parts"][0]["filter"] == "wall"
    assert point["parts"][0]["same_bits"]
    assert sum(found["kinds_h"].values()) > 0


def test_a_part_of_the_programme_can_be_made_again():
    segments = [next(iter(programme([CLIP], seed))) for seed in (1, 1, 2)]
    assert segments[0] == segments[1] != segments[2]
    for part in (*passage([CLIP], 10.0, 5), Segment("noise", 100_000, "wall", 5000.0, seed=1)):
        first, second = (np.concatenate(list(part.chunks(2)), axis=1) for _ in range(2))
        assert np.array_equal(first, second)
        assert first.shape == (2, part.samples)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda y: np.where(np.arange(y.shape[1]) == 7, np.nan, y), "NaN"),
        (lambda y: y + 20 * np.sign(y), "as loud"),
        (lambda y: np.roll(y, 1), "low band"),
    ],
)
def test_what_goes_wrong_is_seen(change, problem):
    problems: list[str] = []
    watch = Watch(1, 2048, problems)
    segment = Segment("song", 60 * 65536, "wall", 8000.0, songs=(CLIP,))
    past = np.zeros((1, 2048), np.float32)
    for x in segment.chunks(1):
        line = np.concatenate([past, x], axis=1)
        past = line[:, -2048:]
        watch.see(x, change(line[:, : x.shape[1]]), segment, 8000.0)
    assert any(problem in each for each in problems)


def test_a_folder_without_music_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path)])
    assert f"--data: expected a folder with sound files, received {tmp_path}" in capsys.readouterr().err


def test_another_level_and_states_that_grow_are_seen():
    noise = np.random.default_rng(0).standard_normal((1, 44100)).astype(np.float32)
    assert level_differences_db(noise, noise, 5000.0) == 0
    assert level_differences_db(1.2 * noise, noise, 5000.0) == pytest.approx(1.58, abs=0.01)
    decoder = Run("wave-mono", 0).decoder
    before = state_bytes(decoder)
    decoder._extension._graph._states.append(np.zeros(100, np.float32))
    assert before > 50_000
    assert state_bytes(decoder) == before + 408
