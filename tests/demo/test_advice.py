"""Which version is recommended, from figures alone."""

from __future__ import annotations

from demo.advice import Candidate, advice

RECEIVED = Candidate("received", False, 20.0, 5.0, 0)


def advised(*others, received=RECEIVED):
    return {one["who"]: (one["version"], one["why"]) for one in advice(received, others)}


def test_the_nearest_high_band_is_for_listeners_and_what_is_not_made_up_for_the_archive():
    near = Candidate("near", True, 19.0, 1.0, 46)
    far = Candidate("far", True, 19.5, 1.5, 46)
    restored = Candidate("restored", False, 22.0, 4.0, 46)
    found = advised(far, near, restored)
    assert found["To listen"][0] == "near"
    assert "not the truth" in found["To listen"][1]
    assert found["To measure or to archive"][0] == "restored"
    assert list(found) == ["To listen", "To measure or to archive"]


def test_what_was_received_is_recommended_where_nothing_is_gained():
    worse = Candidate("worse", True, 30.0, 6.0, 46)
    restored = Candidate("restored", False, 19.9, 5.5, 46)
    found = advised(worse, restored)
    assert [version for version, _ in found.values()] == ["received", "received"]
    assert "nothing to gain" in found["To listen"][1]
    same = Candidate("same", False, 20.0, 5.0, 46)
    assert [version for version, _ in advised(same).values()] == ["received", "received"]


def test_figures_that_are_not_defined_recommend_what_was_received():
    received = Candidate("received", False, None, None, 0)
    assert {
        version for version, _ in advised(Candidate("x", True, None, None, 9), received=received).values()
    } == {"received"}


def test_restoring_alone_may_be_best_to_listen_to():
    restored = Candidate("restored", False, 22.0, 0.5, 46)
    assert advised(restored)["To listen"] == (
        "restored",
        "its highs come nearest to the original's, and nothing in it is made up",
    )


def test_the_one_least_late_is_for_playing_live():
    late, soon = Candidate("late", True, 19.0, 1.0, 743), Candidate("soon", True, 19.0, 1.2, 46)
    found = advised(late, soon)
    assert found["To listen"][0] == "late"
    assert found["To play live"] == ("soon", "it comes 46 ms after the received sound, others up to 743 ms")
    worse = [late._replace(lsd_hf=6.0), soon._replace(lsd_hf=6.0)]
    assert "To play live" not in advised(*worse)
