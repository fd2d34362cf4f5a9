from __future__ import annotations

from tests.helpers.paths import ROOT
from tfbwe.audio.formats import SOUND_SUFFIXES
from tfbwe.audio.listing import help_lines, page


def test_the_page_of_formats_is_that_of_the_table():
    written = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert written == page(), "python -m tfbwe.audio.listing > docs/formats.md"


def test_help_and_page_name_every_suffix():
    listed = set(help_lines().split())
    assert listed >= SOUND_SUFFIXES
    assert {suffix for suffix in SOUND_SUFFIXES if f"`{suffix}`" in page()} == SOUND_SUFFIXES
    assert max(map(len, help_lines().splitlines())) <= 79
