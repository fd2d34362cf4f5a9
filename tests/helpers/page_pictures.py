"""Pictures of the listening page: ``python -m tests.helpers.page_pictures build/report/page docs``."""

from __future__ import annotations

import base64
import io
import sys
from pathlib import Path

from PIL import Image

from tests.helpers.chromium import MISSING, Chromium, find_chromium

SCREENS = {
    "page.png": (1280, 720, False),
    "page-dark.png": (1440, 900, True),
    "page-360.png": (360, 640, False),
}
"""Width, height, and whether it is dark."""
COLOURS = 128


def main(page: Path, out: Path) -> None:
    """Draw the page as it plays, what it shows at once on each screen."""
    browser = find_chromium()
    if browser is None:
        sys.exit(MISSING)
    with Chromium(browser) as tab:
        for name, (width, height, dark) in SCREENS.items():
            tab.screen(width, height, dark=dark)
            tab.open((page / "index.html").resolve().as_uri())
            tab.click("#play")
            tab.click("#versions label:nth-child(3)")
            tab.wait("player.playing && player.position() > 3 * player.rate")
            tab.run("scrollTo(0, 0)")
            shown = base64.b64decode(tab.call("Page.captureScreenshot")["data"])
            image = Image.open(io.BytesIO(shown)).convert("RGB").quantize(COLOURS)
            image.save(out / name, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
