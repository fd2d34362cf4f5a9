"""How the companion page looks in a real browser: what is in view, labels, focus, light and dark."""

from __future__ import annotations

import pytest

from tests.helpers.chromium import MISSING, find_chromium

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.skipif(find_chromium() is None, reason=MISSING)

RATE = 44100
SCREENS = [(360, 640), (1280, 720), (1440, 900)]
SHOWN = """(() => {{
  const inside = (e) => {{
    const box = e.getBoundingClientRect();
    const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const whole = box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth;
    return box.width > 0 && whole && (e.contains(top) || top.contains(e));
  }};
  return [...document.querySelectorAll({selector!r})].map(inside);
}})()"""


def in_view(tab, selector):
    """Whether each of the elements lies inside the window, with nothing over it."""
    return tab.run(SHOWN.format(selector=selector))


@pytest.mark.parametrize("mode", ["compare", "blind"])
@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_player_and_versions_are_in_view_at_once_and_stay_so(tab, width, height, mode):
    tab.screen(width, height)
    both_models = "data.excerpts[1].versions.push(...data.excerpts[1].versions.slice(2, 4))"
    tab.run(f"({both_models}, take(1))")
    if mode == "blind":
        tab.run("at('blind').click()")
    assert tab.run("scrollY") == 0
    controls = "#play, #time, #position, #status, #versions label"
    assert len(in_view(tab, controls)) >= 4 + 6
    assert all(in_view(tab, controls))
    if mode == "compare":
        assert in_view(tab, ".picture") == [True, True]
    tab.run("scrollTo(0, document.documentElement.scrollHeight)")
    assert tab.run("scrollY") > 200
    assert all(in_view(tab, controls))
    below = tab.run("innerHeight - at('player').getBoundingClientRect().bottom")
    assert below > 0.45 * height  # for reading


@pytest.mark.parametrize(("width", "height"), SCREENS[1:])
def test_versions_stand_beside_the_spectrograms_and_both_are_seen(tab, width, height):
    tab.screen(width, height)
    box = "(e) => (({left, right, top, bottom}) => [left, right, top, bottom])(e.getBoundingClientRect())"
    versions, pictures = tab.run(f"['versions', 'spectrogram'].map((id) => ({box})(at(id)))")
    assert versions[0] >= pictures[1]
    assert versions[2] < pictures[3]
    assert versions[3] > pictures[2]


def test_before_and_after_are_seen_together_and_what_is_heard_is_marked(tab):
    captions = "[...document.querySelectorAll('figcaption')].map((caption) => caption.textContent)"
    sources = (
        "[...document.querySelectorAll('.picture img')].filter((img) => img.offsetParent)"
        ".map((img) => img.getAttribute('src').split('/').pop())"
    )
    assert tab.run(captions) == ["▶ Before: Received", "After: Extended, stft"]
    assert tab.run(sources) == ["received.png", "stft-diffuse-1.png"]
    tab.press("3")
    assert tab.run(captions) == ["Before: Received", "▶ After: Extended, stft"]
    tab.press("1")
    assert tab.run(captions) == ["Before: Received", "▶ Original"]
    assert tab.run(sources) == ["received.png", "original.png"]
    tab.press("2")
    assert tab.run(captions) == ["▶ Before: Received", "Original"]


def test_the_recommended_version_is_marked_and_told_why(tab):
    assert "Extended, stft" in tab.run("document.querySelector('.best').parentElement.innerText")
    assert tab.run("[...document.querySelectorAll('#advice li')].map((line) => line.innerText)") == [
        "To listen: Extended, stft. Its highs come nearest to the original's; they are a good guess, "
        "not the truth.",
        "To measure or to archive: Received. Nothing in it is made up, and to raise what is left of the "
        "highs gains nothing here.",
        "Only restored, stft: the same as Received here, sample by sample, and therefore not listed.",
    ]


def test_it_says_how_much_is_turned_down_to_be_equally_loud(tab):
    tab.run("Object.assign(excerpt.versions[0], { loudness_lufs: -10, match_db: -6 }), showExcerpt()")
    said = tab.run("at('loudness').textContent")
    assert "turned down by 6.00 dB at most" in said
    assert "More would be too much" in said
    tab.run("excerpt.versions.forEach((one) => (one.loudness_lufs = null)), showExcerpt()")
    assert tab.run("at('loudness').textContent") == "This is silence."


def test_ticks_of_the_time_axis_stand_where_the_playhead_passes(tab):
    for width, _ in SCREENS:
        tab.screen(width, 800)
        tick = "(tick) => [tick.textContent, tick.style.left].map(parseFloat)"
        found = tab.run(f"[...at('ticks').children].map({tick})")
        assert len(found) > 3
        assert [left for _, left in found] == pytest.approx([50 * second for second, _ in found], abs=0.1)
        tab.run(f"seek({RATE})")
        middle = "(id) => (({left, width}) => left + width / 2)(at(id).getBoundingClientRect())"
        playhead, picture = tab.run(f"['playhead', 'spectrogram'].map({middle})")
        assert playhead == pytest.approx(picture, abs=2)


def test_nothing_that_gets_the_focus_is_hidden_by_the_player(tab):
    for width, height in SCREENS:
        tab.screen(width, height)
        tab.run("document.activeElement.blur(), scrollTo(0, 0)")
        passed = set()
        for _ in range(40):
            tab.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", windowsVirtualKeyCode=9)
            tab.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", windowsVirtualKeyCode=9)
            name = tab.run("(document.activeElement.id || document.activeElement.outerHTML).slice(0, 60)")
            if name in passed or name.startswith("<body"):
                break
            passed.add(name)
            assert in_view(tab, ":focus") == [True], (width, name)
        assert {"excerpt", "blind", "play", "position", "loop-all", "export", "keys"} <= passed


def test_who_prefers_little_motion_sees_the_playhead_move_four_times_a_second(tab):
    tab.screen(1000, 800, calm=True)
    tab.run(
        "window.moves = 0, new MutationObserver(() => (window.moves += 1))"
        ".observe(at('playhead'), { attributes: true }), 1"
    )
    tab.click("#play")
    tab.wait("player.playing && player.position() > 22050")
    before, began = tab.run("[window.moves, performance.now()]")
    tab.wait(f"performance.now() > {began} + 1000")
    assert 1 <= tab.run("window.moves") - before <= 6


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [320, 768])
def test_it_fits_small_screens_light_and_dark(tab, width, dark):
    tab.screen(width, 640, dark=dark, calm=dark)
    for mode in ("compare", "blind"):
        assert tab.run("document.documentElement.scrollWidth") <= width, mode
        wide = tab.run(
            "[...document.querySelectorAll('body *')].filter((e) => !e.closest('#spectrogram, #position')"
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
    assert names == ["Position", *(f"Rating of {letter}" for letter in "ABCDE")]
    tab.run("at('blind').focus()")
    tab.press("Tab")
    assert tab.run("getComputedStyle(document.querySelector(':focus-visible')).outlineStyle") == "solid"
    assert tab.run("at('status').getAttribute('aria-live')") == "polite"


def test_the_cutoff_is_drawn_at_its_height(tab):
    box = "(e) => (({top, height}) => [top, height])(e.getBoundingClientRect())"
    top, height = tab.run(f"({box})(document.querySelector('.picture'))")
    line, thickness = tab.run(f"({box})(document.querySelector('.cutoff'))")
    assert (top + height - line) / height == pytest.approx(8000 / (RATE / 2), abs=0.01)
    assert thickness < 4


def test_labels_of_a_cutoff_at_the_top_of_the_picture_do_not_leave_it_or_overlap(tab):
    tab.screen(320, 640)
    tab.run("excerpt.cutoff_hz = 20000, showExcerpt()")
    box = "(e) => (({top, bottom}) => [top, bottom])(e.getBoundingClientRect())"
    (top, _), (label, _) = tab.run(
        f"['.picture', '.picture .cutoff span'].map((e) => ({box})(document.querySelector(e)))"
    )
    assert label >= top
    marks = "[...document.querySelector('.over').querySelectorAll('.mark')].map((mark) => mark.textContent)"
    assert tab.run(marks) == ["5 kHz", "10 kHz", "15 kHz"]
