"""The builder of the companion page; what a browser makes of it is in test_page_*.py."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from demo import excerpts, page
from demo.page_files import PageFiles
from tests.helpers.made_page import AWKWARD_NAME, CONDITIONS, SECONDS, excerpts_of, made_page, short_clip
from tfbwe.errors import AudioError
from tfbwe.measures import distances as measures
from tfbwe.model.bundle import WEIGHTS, shipped
from training.music.scan import loudness_lufs

pytest.importorskip("matplotlib")

RATE = 44100


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return made_page(tmp_path_factory.mktemp("made"))


class Links(HTMLParser):
    """Addresses in a page, and the text of its data element."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.data, self._inside = [], "", False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[name] for name in ("src", "href") if name in found]
        self._inside = found.get("id") == "data"

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, text):
        self.data += text if self._inside else ""


def spectra(folder, excerpt):
    """Spectrum (channels, bins) of each version, by its name."""
    sounds = {version["id"]: sound(folder, version) for version in excerpt["versions"]}
    return {name: np.fft.rfft(x) for name, x in sounds.items()}


def sound(folder, version):
    x, rate = soundfile.read(folder / version["sound"], dtype="float32", always_2d=True)
    assert rate == RATE
    return np.ascontiguousarray(x.T)


def test_all_that_the_page_names_is_there_and_nothing_else(built):
    links = Links((built / "index.html").read_text(encoding="utf-8"))
    named = {"index.html", "excerpts.json"} | {name for name in links.addresses if name != "data:,"}
    for excerpt in excerpts_of(built):
        for version in excerpt["versions"]:
            named |= {version[kind] for kind in ("sound", "script", "picture")}
    there = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    assert named - {"sounds/"} == there
    assert set(page.PARTS) <= there


def test_the_data_inside_the_page_are_those_beside_it(built):
    links = Links((built / "index.html").read_text(encoding="utf-8"))
    assert json.loads(links.data) == json.loads((built / "excerpts.json").read_text(encoding="utf-8"))
    assert [e["title"] for e in excerpts_of(built)] == [AWKWARD_NAME.removesuffix(".flac")] * len(CONDITIONS)
    assert [e["condition"] for e in excerpts_of(built)] == list(CONDITIONS)


def test_the_page_can_be_moved_and_needs_no_network(built):
    texts = [path for path in built.iterdir() if path.is_file()]
    assert {path.suffix for path in texts} == {".html", ".css", ".js", ".json"}
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|url\(|@import|\b(fetch|XMLHttpRequest|WebSocket|sendBeacon)\b", text)
        assert str(built.parent) not in text
    for excerpt in excerpts_of(built):
        for version in excerpt["versions"]:
            for kind in ("sound", "script", "picture"):
                assert re.fullmatch(r"(sounds|pictures)/[a-z0-9-]+/[a-z0-9-]+\.(flac|js|png)", version[kind])


def test_all_versions_of_an_excerpt_are_equally_long_and_named_once(built):
    for excerpt in excerpts_of(built):
        names = [version["id"] for version in excerpt["versions"]]
        restored = ["stft-diffuse-0"] if excerpt["condition"] == "butterworth-8k" else []
        assert names == ["original", "received", "stft-diffuse-1", *restored, "anchor35", "anchor70"]
        roles = [version["role"] for version in excerpt["versions"]]
        models = ["model"] * (1 + len(restored))
        assert roles == ["reference", "received", *models, "anchor", "anchor"]
        assert len({version["label"] for version in excerpt["versions"]}) == len(names)
        lengths = {sound(built, version).shape for version in excerpt["versions"]}
        assert lengths == {(2, round(SECONDS * RATE))}
        assert excerpt["samples"] == round(SECONDS * RATE)
        assert excerpt["sample_rate"] == RATE


def test_below_the_cutoff_all_versions_are_the_received_sound_sample_by_sample(built):
    for excerpt in excerpts_of(built):
        found = spectra(built, excerpt)
        frequencies = np.fft.rfftfreq(excerpt["samples"], 1 / RATE)
        below = frequencies < 0.6 * excerpt["cutoff_hz"]  # where a gentle filter takes nothing away yet
        level = np.sqrt(np.mean(np.abs(found["received"][:, below]) ** 2))
        for name, spectrum in found.items():
            if name.startswith("anchor"):
                continue
            apart = np.sqrt(np.mean(np.abs(spectrum - found["received"])[:, below] ** 2))
            assert apart < 0.02 * level, name
        above = (frequencies > 1.2 * excerpt["cutoff_hz"]) & (frequencies < 15000)
        power = {name: np.mean(np.abs(spectrum[:, above]) ** 2) for name, spectrum in found.items()}
        assert power["stft-diffuse-1"] > 10 * power["received"]
        assert power["stft-diffuse-1"] < 10 * power["original"]


def test_an_anchor_is_the_original_up_to_its_edge_and_nothing_above(built):
    for excerpt in excerpts_of(built):
        found = spectra(built, excerpt)
        frequencies = np.fft.rfftfreq(excerpt["samples"], 1 / RATE)
        for name, edge_hz in (("anchor35", 3500), ("anchor70", 7000)):
            below, above = frequencies < 0.98 * edge_hz, frequencies > 1.02 * edge_hz
            apart = np.abs(found[name] - found["original"])[:, below]
            assert np.mean(apart**2) < 1e-5 * np.mean(np.abs(found["original"])[:, below] ** 2)
            power = {key: np.mean(np.abs(found[key])[:, above] ** 2) for key in (name, "original")}
            assert power[name] < 1e-3 * power["original"]


def test_what_a_model_leaves_as_it_was_received_is_named_and_nothing_is_written_twice(built):
    brickwall, butterworth = excerpts_of(built)
    assert brickwall["unchanged"] == ["Only restored, stft"]
    assert butterworth["unchanged"] == []
    files = [path for kind in ("sounds", "pictures") for path in (built / kind).rglob("*.*")]
    assert len({path.read_bytes() for path in files}) == len(files)
    for role in ("reference", "anchor"):
        links = [[v["sound"] for v in e["versions"] if v["role"] == role] for e in (brickwall, butterworth)]
        assert links[0] == links[1]


def test_excerpts_are_named_in_a_listeners_words(built):
    words = [excerpt["words"] for excerpt in excerpts_of(built)]
    assert words == ["cut off at 8 kHz", "dulled from 8 kHz on, as by a worn tape"]
    assert excerpts.excerpt(page.CLIP)[1] == "Feelings (10 s, level changed), by Carlos Viola Iborra"


def test_advice_goes_by_the_figures_and_names_versions_that_are_there(built):
    brickwall, butterworth = excerpts_of(built)
    for excerpt in (brickwall, butterworth):
        for one in excerpt["advice"]:
            assert one["version"] in {version["id"] for version in excerpt["versions"]}
    assert [one["version"] for one in brickwall["advice"]] == ["stft-diffuse-1", "received"]
    assert [one["version"] for one in butterworth["advice"]] == ["stft-diffuse-1", "stft-diffuse-0"]


def test_all_versions_are_played_as_loud_as_the_quietest(built):
    for excerpt in excerpts_of(built):
        versions = excerpt["versions"]
        played = [
            loudness_lufs(sound(built, version)[None] * np.float32(10 ** (version["match_db"] / 20)), RATE)
            for version in versions
        ]
        assert played == pytest.approx([min(played)] * len(played), abs=0.05)
        assert max(version["match_db"] for version in versions) == 0


def test_silence_has_no_loudness_and_still_makes_a_page(tmp_path, capsys):
    soundfile.write(tmp_path / "silence.wav", np.zeros((2 * RATE, 1)), RATE)
    assert (
        page.main([str(tmp_path / "page"), "--clips", str(tmp_path / "silence.wav"), "--models", "stft"]) == 0
    )
    for excerpt in excerpts_of(tmp_path / "page"):
        assert {version["loudness_lufs"] for version in excerpt["versions"]} == {None}
    assert "left out: " in capsys.readouterr().out


def test_the_scripts_carry_the_very_sounds_that_lie_beside_them(built):
    for excerpt in excerpts_of(built):
        for version in excerpt["versions"]:
            call = (built / version["script"]).read_text(encoding="utf-8")
            name, text = json.loads(f"[{call.removeprefix('deliver(').removesuffix(');' + chr(10))}]")
            assert name == version["script"]
            assert base64.b64decode(text) == (built / version["sound"]).read_bytes()


def test_the_figures_are_those_of_the_sounds(built):
    for excerpt in excerpts_of(built):
        original, *others = excerpt["versions"]
        assert original["figures"] is None
        for version in others:
            x, y = sound(built, original), sound(built, version)
            found = measures.compare(x, y, RATE, excerpt["cutoff_hz"])
            assert version["figures"]["sdr_db"] == pytest.approx(found["sdr_db"], abs=0.05)
            # What is merely raised ends in the noise of the file's own rounding.
            assert version["figures"]["lsd"] == pytest.approx(found["lsd"], abs=0.2)
            assert version["figures"]["lsd_hf"] == pytest.approx(found["lsd_hf"], abs=0.2)


def test_a_picture_has_low_frequencies_at_the_bottom_and_nothing_above_a_brick_wall(built):
    image = pytest.importorskip("PIL.Image")
    brickwall = excerpts_of(built)[0]
    picture = np.asarray(image.open(built / brickwall["versions"][1]["picture"]), float)
    height, width = picture.shape
    assert height == 512
    assert width <= 900
    cutoff = height - round(height * brickwall["cutoff_hz"] / (RATE / 2))
    assert picture[: cutoff - 3].mean() < 0.1 * picture[cutoff + 3 :].mean()


def small(out, *more):
    clip = short_clip(out.parent / "clip.flac")
    return page.main(
        [str(out), "--clips", str(clip), "--models", "stft", "--conditions", "brickwall-8k", *more]
    )


def test_nothing_is_overwritten_without_force_and_no_other_file_with_it(tmp_path, capsys):
    out = tmp_path / "page"
    out.mkdir()
    assert small(out) == 0  # an empty folder is free
    (out / "votes of mine.csv").write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    capsys.readouterr()
    assert small(out) == 1
    assert "not empty" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before
    (out / "index.html").write_text("old")
    assert small(out, "--force") == 0
    assert "excerpts" in (out / "index.html").read_text()
    assert (out / "votes of mine.csv").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"page", "clip.flac"}


def test_a_build_that_fails_leaves_nothing(tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise AudioError("disk: full")

    monkeypatch.setattr(PageFiles, "picture", fail)
    assert small(tmp_path / "page") == 1
    assert "demo.page: disk: full" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"clip.flac"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--clips", "missing.flac"], "missing.flac"),
        (["--clips", "words.flac"], "words.flac"),
        (["--clips", "short.wav"], "expected 1 s of music at least, received 0.10 s"),
        (["--conditions", "brickwall-9k"], "expected some of brickwall-8k,"),
        (["--models", "none"], "none"),
        (["--models", "stft", "stft"], "different names"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.flac").write_text("words")
    soundfile.write(tmp_path / "short.wav", np.zeros((4410, 2)), RATE)
    assert page.main(["page", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("demo.page: ")
    assert said in line
    assert {path.name for path in tmp_path.iterdir()} == {"words.flac", "short.wav"}


def test_a_file_where_the_folder_should_be_is_left_alone(tmp_path, capsys):
    (tmp_path / "page").write_text("words")
    assert small(tmp_path / "page", "--force") == 1
    assert "expected a folder, received a file" in capsys.readouterr().err
    assert (tmp_path / "page").read_text() == "words"


def test_help_says_how_it_is_called(capsys):
    with pytest.raises(SystemExit, match="0"):
        page.main(["--help"])
    said = capsys.readouterr().out
    assert said.startswith("usage: python -m demo.page ")
    assert "example: python -m demo.page page --clips song.flac" in said


def test_every_shipped_model_is_heard_unless_others_are_chosen():
    assert set(shipped()) == {path.stem for path in WEIGHTS.glob("*.tflite")}


def test_the_shipped_clip_comes_with_its_licence(tmp_path):
    data = {"id": "x", "version": "1", "excerpts": []}
    page._write_page(tmp_path, data, with_notice=True)
    assert page.NOTICE.read_text() == (tmp_path / "NOTICE.txt").read_text()
    assert 'href="NOTICE.txt"' in (tmp_path / "index.html").read_text()
