"""The blind test of the companion page in a real browser: order, secrets, votes and their table."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest

from tests.helpers.chromium import MISSING, PATIENCE_S, find_chromium
from tests.helpers.made_page import ANCHORS, NAMES, SEED, said

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason=MISSING)

COLUMNS = ["session", "page", "excerpt", "condition", "version", "rating", "position", "timestamp"]
OFFERED = [name for name in NAMES if name not in ANCHORS]


def rate_all(tab):
    """Rate the versions of a trial 10, 20, 30 and so on, from the first to the last."""
    tab.run(
        "document.querySelectorAll('#ratings input').forEach((slider, i) => {"
        " slider.value = 10 * (i + 1); slider.dispatchEvent(new Event('input')); })"
    )


def test_an_order_comes_from_its_seed_and_is_fair(tab):
    orders = tab.run("[1, 1, 2].map((seed) => shuffled(9, randomFrom(seed)))")
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(9))
    firsts = tab.run(
        "(() => { const r = randomFrom(3); return [...Array(4000)].map(() => shuffled(4, r)[0]); })()"
    )
    assert all(850 < firsts.count(i) < 1150 for i in range(4))


def test_the_blind_test_hides_names_figures_and_pictures_until_the_vote(tab):
    tab.click("#blind")
    shown = tab.run("document.querySelector('main').innerText.split('What the versions are')[0]")
    assert not any(name in shown for name in ("Received", "Extended", "Low anchor", "LSD", "best to listen"))
    hidden = "['figures', 'choice', 'spectrogram'].map((id) => getComputedStyle(at(id)).display)"
    assert tab.run(hidden) == ["none"] * 3
    assert tab.run("slots.map((slot) => slot.label)") == ["Reference", *"ABCDE"]
    assert tab.run("slots[0].index") == 0
    assert tab.run("slots.slice(1).map((slot) => slot.index)") == tab.run(f"shuffled(5, randomFrom({SEED}))")
    tab.click("#vote")
    assert said(tab) == "Rate A, B, C, D, E first"
    assert tab.run("votes.rows.length") == 0
    rate_all(tab)
    tab.click("#vote")
    labels = tab.run("[...document.querySelectorAll('#versions .name')].map((name) => name.innerText)")
    order = tab.run("slots.slice(1).map((slot) => excerpt.versions[slot.index].label)")
    assert [label.partition(": ")[2] for label in labels] == ["Original", *order]
    assert "none" not in tab.run(hidden)


def test_anchors_are_offered_in_the_blind_test_alone(tab):
    rows = "[...document.querySelectorAll('#figures tbody tr')].map((row) => row.hidden)"
    names = "slots.map((slot) => excerpt.versions[slot.index].id)"
    assert tab.run(names) == OFFERED
    assert tab.run(rows) == [False] * 3 + [True] * 2
    tab.press("4")
    assert tab.run("player.chosen") == 1
    tab.click("#blind")
    assert sorted(tab.run(names)) == sorted([*NAMES, "original"])
    assert tab.run(rows) == [False] * 5
    anchor = tab.run("slots.findIndex((slot) => excerpt.versions[slot.index].role === 'anchor')")
    tab.press(str(anchor))
    assert tab.run("player.chosen") >= 3
    tab.click("#blind")  # back, where nothing can stay chosen that is not offered
    assert tab.run("[player.chosen, chosen]") == [1, 1]
    tab.click("#blind")
    extended = tab.run("slots.findIndex((slot) => slot.index === 2)")
    tab.press(str(extended))
    tab.click("#blind")
    assert said(tab) == "Chosen: Extended, stft"


def test_what_lies_beyond_the_ninth_key_is_reached_by_the_arrows(tab):
    tab.run("excerpt.versions.push(...Array(6).fill(excerpt.versions[1])), showExcerpt()")
    tab.click("#blind")
    assert len(tab.run("slots")) == 12
    keys = "[...document.querySelectorAll('#versions kbd')].filter((key) => !key.hidden)"
    assert tab.run(f"{keys}.map((key) => key.textContent)") == list("0123456789")
    tab.press("9")
    tab.run("document.querySelector('input[name=version]:checked').focus()")
    for letter in "JK":
        tab.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowDown", windowsVirtualKeyCode=40)
        tab.call("Input.dispatchKeyEvent", type="keyUp", key="ArrowDown", windowsVirtualKeyCode=40)
        assert said(tab) == f"Chosen: {letter}"


def test_votes_last_and_are_saved_as_csv(tab, address):
    tab.click("#blind")
    first_order = tab.run("slots.slice(1).map((slot) => excerpt.versions[slot.index].id)")
    rate_all(tab)
    tab.click("#vote")
    tab.click("#next")
    rate_all(tab)
    tab.click("#vote")
    tab.open(address)
    assert tab.run("at('kept').textContent") == "11 ratings, kept in this browser."
    for file in (tab.folder / "downloads").iterdir():
        file.unlink()
    tab.click("#export")
    session = tab.run("votes.kept.session")
    saved = tab.folder / "downloads" / f"tfbwe-votes-{session}.csv"
    began = time.monotonic()
    while not saved.exists() and time.monotonic() - began < PATIENCE_S:
        time.sleep(0.05)
    text = saved.read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == COLUMNS
    assert text.endswith("\r\n")
    assert [row["version"] for row in rows[:5]] == first_order
    assert [int(row["rating"]) for row in rows] == [10, 20, 30, 40, 50, 10, 20, 30, 40, 50, 60]
    assert [int(row["position"]) for row in rows] == [1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6]
    assert [row["condition"] for row in rows] == ["brickwall-8k"] * 5 + ["butterworth-8k"] * 6
    assert sorted(row["version"] for row in rows[5:]) == sorted([*NAMES, "stft-diffuse-0"])
    assert {(row["session"], row["page"]) for row in rows} == {(session, tab.run("data.id"))}
    tab.click("#reset")
    tab.wait("votes.rows.length === 0")
    tab.open(address)
    assert tab.run("votes.rows.length") == 0
    assert tab.run("votes.kept.session") != session


def test_any_name_survives_the_csv(tab):
    awkward = 'a "song", of 2 s\n<b>'
    row = dict(zip(COLUMNS, ["s", "p", awkward, "", "ü", "0", "1", "t"], strict=True))
    text = tab.run(f"csv([{json.dumps(row)}])")
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == [row]


def test_damaged_or_refused_storage_does_not_stop_the_page(tab, address):
    tab.run("localStorage.setItem(votes.key, '{damaged')")
    tab.open(address)
    assert tab.run("votes.rows.length") == 0
    assert tab.run("votes.lasting")
    tab.run("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }")
    tab.run("votes.add([{rating: 1}])")
    assert tab.run("[votes.rows.length, votes.lasting]") == [1, False]
