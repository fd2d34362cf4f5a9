"""The companion page in a real browser: it plays, switches without a click, votes and exports."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest

from tests.helpers.chromium import MISSING, PATIENCE_S, find_chromium
from tests.helpers.made_page import SEED
from tests.helpers.offline_sound import NOISE, rendered, steps

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason=MISSING)

RATE = 44100
ANCHORS = ["anchor35", "anchor70"]
NAMES = ["original", "received", "stft-diffuse-0", "stft-diffuse-1", *ANCHORS]
COLUMNS = ["session", "page", "excerpt", "condition", "version", "rating", "position", "timestamp"]
LAST = "Extended, stft, full spectrum (diffuse\N{NO-BREAK SPACE}1)"


def said(tab):
    return tab.run("at('status').textContent")


def rate_all(tab):
    """Rate the versions of a trial 10, 20, 30 and so on, from the first to the last."""
    tab.run(
        "document.querySelectorAll('.version input[type=range]').forEach((slider, i) => {"
        " slider.value = 10 * (i + 1); slider.dispatchEvent(new Event('input')); })"
    )


def test_it_loads_without_an_error_and_asks_for_files_alone(tab, address):
    assert tab.run("data.excerpts.length") == 2
    assert tab.run("[...document.querySelectorAll('#pictures img')].every((img) => img.naturalWidth > 0)")
    assert all(
        request.startswith(address.rpartition("/")[0]) for request in tab.requests if "data:" not in request
    )


def test_it_plays_all_versions_together_from_a_folder(tab):
    tab.click("#play")
    tab.wait("player.playing && player.position() > 4410")
    assert tab.run("player.context.state") == "running"
    assert tab.run("player.buffers.map((b) => [b.length, b.sampleRate])") == [[2 * RATE, RATE]] * len(NAMES)
    assert said(tab) == "Playing Original"
    assert tab.run("parseFloat(at('playhead').style.left)") > 0
    tab.click("#play")
    assert said(tab).startswith("Stopped at")
    assert not tab.run("player.playing")


def test_keys_play_choose_seek_and_repeat(tab):
    tab.press("2")
    assert said(tab) == "Chosen: Received"
    tab.press(" ")
    tab.wait("player.playing")
    tab.press("4")
    assert said(tab) == f"Playing {LAST}"
    assert tab.run("player.take.faders.map((fader) => fader.ramp.to)") == [0, 0, 0, 1, 0, 0]
    assert tab.run("document.querySelector('input[name=version]:checked').value") == "3"
    hidden = tab.run("[...document.querySelectorAll('#pictures img')].map((img) => img.hidden)")
    assert hidden == [True, True, True, False, True, True]
    tab.press(" ")
    tab.run("player.seek(0)")
    tab.press("ArrowRight")
    assert tab.run("player.position()") == RATE
    tab.press("[")
    assert tab.run("[player.first, player.last]") == [RATE, 2 * RATE]
    assert said(tab) == "Repeating 1.0 to 2.0 s"
    assert tab.run("at('region').style.width") == "50%"
    tab.press("ArrowLeft")
    assert tab.run("player.position()") == RATE
    tab.press("Backspace")
    assert tab.run("[player.first, player.last]") == [0, 2 * RATE]


def test_keys_can_be_switched_off_and_are_left_to_what_needs_them(tab):
    tab.run("at('excerpt').focus()")
    tab.press("3")
    assert tab.run("player.chosen") == 0
    tab.run("document.activeElement.blur()")
    tab.click("#keys")
    tab.press("3")
    assert tab.run("player.chosen") == 0


def test_a_tap_on_the_picture_seeks_and_a_drag_repeats(tab):
    tab.click(".picture")
    assert tab.run("player.position()") == pytest.approx(RATE, rel=0.01)
    x, y, width = tab.run(
        "(({x, y, width}) => [x, y, width])(document.querySelector('.picture').getBoundingClientRect())"
    )
    for event, part in (("mousePressed", 0.75), ("mouseReleased", 0.25)):
        tab.call(
            "Input.dispatchMouseEvent", type=event, x=x + part * width, y=y + 20, button="left", clickCount=1
        )
    found = tab.run("[player.first, player.last]")
    assert found == pytest.approx([RATE / 2, 1.5 * RATE], rel=0.01)


def test_versions_are_heard_sample_by_sample_at_the_same_time(tab):
    heard = rendered(tab, [NOISE, NOISE], "take.choose(1, 0.4); take.choose(0, 0.405);")
    source = rendered(tab, [NOISE, NOISE])
    assert max(abs(a - b) for a, b in zip(heard, source, strict=True)) < 1e-5
    assert max(map(abs, source[:4410])) == 0
    assert source[4410 + 900 : 4410 + 910] == pytest.approx(
        tab.run(f"[...Array(10).keys()].map((i) => ({NOISE})(i + 900))"), abs=1e-5
    )


@pytest.mark.parametrize("in_time", [False, True], ids=["told before", "while it plays"])
def test_switching_is_a_ramp_of_10_ms_also_in_the_middle_of_one(tab, in_time):
    """Between two sounds that differ by 2, a ramp of 441 samples takes steps of 2 / 441."""
    switches = [(0.4, 1), (0.404, 0), (0.408, 1), (0.5, 0), (0.504, 1), (0.508, 0)]
    told = [f"take.choose({version}, {when});" for when, version in switches]
    if in_time:
        told = [
            f"context.suspend({when}).then(() => {{ take.choose({version}, context.currentTime + 0.001);"
            " context.resume(); });"
            for when, version in switches
        ]
    heard = rendered(tab, ["() => 1", "() => -1"], "".join([*told, "take.stop(0.8);"]))
    assert heard[RATE * 3 // 10] == pytest.approx(1, abs=1e-5)
    assert heard[RATE * 45 // 100] == pytest.approx(-1, abs=1e-5)
    assert heard[RATE * 6 // 10] == pytest.approx(1, abs=1e-5)
    assert heard[RATE * 9 // 10] == 0
    assert max(steps(heard)) < 2 / 441 * 1.05


def test_beginning_repeating_and_ending_do_not_click(tab):
    heard = rendered(tab, ["() => 1"], "take.stop(0.8);", offset=10_000, first=5000, last=13820)
    assert max(steps(heard)) < 2 / 441 * 1.05
    assert min(heard[8000:30000]) == pytest.approx(0, abs=0.01)  # where it repeats
    assert max(heard[8000:30000]) == pytest.approx(1, abs=1e-5)


def test_a_ramp_is_linear_and_stays_within_its_ends(tab):
    times = "[-1, 0, 0.0025, 0.005, 0.01, 1]"
    values = tab.run(f"{times}.map((time) => rampValue({{from: 1, to: 0, start: 0}}, time))")
    assert values == pytest.approx([1, 1, 0.75, 0.5, 0, 0])


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
    assert not any(name in shown for name in ("Received", "diffuse", "Low anchor", "LSD"))
    hidden = "['figures', 'spectrogram'].map((id) => getComputedStyle(at(id)).display)"
    assert tab.run(hidden) == ["none", "none"]
    assert tab.run("slots.map((slot) => slot.label)") == ["Reference", *"ABCDEF"]
    assert tab.run("slots[0].index") == 0
    assert tab.run("slots.slice(1).map((slot) => slot.index)") == tab.run(f"shuffled(6, randomFrom({SEED}))")
    tab.click("#vote")
    assert said(tab) == "Rate A, B, C, D, E, F first"
    assert tab.run("votes.rows.length") == 0
    rate_all(tab)
    tab.click("#vote")
    labels = tab.run("[...document.querySelectorAll('#versions label')].map((label) => label.innerText)")
    order = tab.run("slots.slice(1).map((slot) => excerpt.versions[slot.index].label)")
    assert [label.partition(": ")[2] for label in labels] == ["Original", *order]
    assert "none" not in tab.run(hidden)


def test_anchors_are_offered_in_the_blind_test_alone(tab):
    rows = "[...document.querySelectorAll('#figures tbody tr')].map((row) => row.hidden)"
    names = "slots.map((slot) => excerpt.versions[slot.index].id)"
    assert tab.run(names) == NAMES[:4]
    assert tab.run(rows) == [False] * 4 + [True] * 2
    tab.press("5")
    assert tab.run("player.chosen") == 0
    tab.click("#blind")
    assert sorted(tab.run(names)) == sorted([*NAMES, "original"])
    assert tab.run(rows) == [False] * 6
    anchor = tab.run("slots.findIndex((slot) => excerpt.versions[slot.index].role === 'anchor')")
    tab.press(str(anchor))
    assert tab.run("player.chosen") >= 4
    tab.click("#blind")  # back, where nothing can stay chosen that is not offered
    assert tab.run("[player.chosen, chosen]") == [0, 0]
    tab.click("#blind")
    received = tab.run("slots.findIndex((slot) => slot.index === 1)")
    tab.press(str(received))
    tab.click("#blind")
    assert said(tab) == "Chosen: Received"


def test_what_lies_beyond_the_ninth_key_is_reached_by_the_arrows(tab):
    tab.run("excerpt.versions.push(...Array(5).fill(excerpt.versions[1])), showExcerpt()")
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
    assert tab.run("at('kept').textContent") == "12 ratings, kept in this browser."
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
    assert [row["version"] for row in rows[:6]] == first_order
    assert [int(row["rating"]) for row in rows] == [10, 20, 30, 40, 50, 60] * 2
    assert [int(row["position"]) for row in rows] == [1, 2, 3, 4, 5, 6] * 2
    assert [row["condition"] for row in rows] == ["brickwall-8k"] * 6 + ["butterworth-8k"] * 6
    assert sorted(row["version"] for row in rows[6:]) == sorted(NAMES)
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


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 768])
def test_it_fits_small_screens_light_and_dark(tab, width, dark):
    tab.screen(width, 640, dark=dark, calm=dark)
    for mode in ("compare", "blind"):
        assert tab.run("document.documentElement.scrollWidth") <= width, mode
        wide = tab.run(
            "[...document.querySelectorAll('body *')].filter((e) => !e.closest('.picture')"
            f" && e.getBoundingClientRect().right > {width + 1}).map((e) => e.outerHTML)"
        )
        assert wide == [], mode
        tab.click("#blind")
    ground, ink = tab.run("['backgroundColor', 'color'].map((part) => getComputedStyle(document.body)[part])")
    brightness = [sum(map(int, colour[4:-1].split(","))) for colour in (ground, ink)]
    assert (brightness[0] < brightness[1]) == dark
    assert abs(brightness[0] - brightness[1]) > 500


def test_every_control_has_a_name_and_a_visible_focus(tab):
    tab.click("#blind")
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = {"button", "radio", "slider", "combobox", "checkbox", "radiogroup", "link", "image"}
    controls = [node for node in tree if not node["ignored"] and node["role"]["value"] in roles]
    assert {"button", "radio", "slider", "combobox", "radiogroup"} <= {
        node["role"]["value"] for node in controls
    }
    assert [node for node in controls if not node["name"]["value"].strip()] == []
    names = [node["name"]["value"] for node in controls if node["role"]["value"] == "slider"]
    assert names == ["Position", *(f"Rating of {letter}" for letter in "ABCDEF")]
    tab.run("at('blind').focus()")
    tab.press("Tab")
    assert tab.run("getComputedStyle(document.querySelector(':focus-visible')).outlineStyle") == "solid"
    assert tab.run("at('status').getAttribute('aria-live')") == "polite"


def test_the_cutoff_is_drawn_at_its_height(tab):
    box = "(e) => (({top, height}) => [top, height])(e.getBoundingClientRect())"
    top, height = tab.run(f"({box})(document.querySelector('.picture'))")
    line, thickness = tab.run(f"({box})(at('cutoff'))")
    assert (top + height - line) / height == pytest.approx(8000 / (RATE / 2), abs=0.01)
    assert thickness < 4


def test_labels_of_a_cutoff_at_the_top_of_the_picture_do_not_leave_it_or_overlap(tab):
    tab.screen(320, 640)
    tab.run("excerpt.cutoff_hz = 20000, showExcerpt()")
    box = "(e) => (({top, bottom}) => [top, bottom])(e.getBoundingClientRect())"
    (top, _), (label, _) = tab.run(
        f"['.picture', '#cutoff span'].map((e) => ({box})(document.querySelector(e)))"
    )
    assert label >= top
    assert tab.run("at('scale').innerText.split(/\\s*kHz\\s*/)") == ["5", "10", "15", ""]
