"""A browser, and a tab with the page."""

from __future__ import annotations

import pytest

from tests.helpers.chromium import Chromium, find_chromium
from tests.helpers.made_page import SEED, made_page


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return made_page(tmp_path_factory.mktemp("made")).joinpath("index.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with Chromium(find_chromium()) as browser:
        yield browser


@pytest.fixture
def tab(browser, address):
    """The page, freshly opened from its folder, without votes; it must not have complained in the end."""
    browser.screen(1000, 800)
    browser.open(address)
    browser.run("localStorage.clear()")
    browser.trouble.clear()
    browser.requests.clear()
    browser.open(f"{address}?seed={SEED}")
    yield browser
    assert browser.trouble == []
    assert {request.partition(":")[0] for request in browser.requests} <= {"file", "data", "blob"}
