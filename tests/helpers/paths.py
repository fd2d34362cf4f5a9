"""Where the checkout lies, and the clip that comes with it."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CLIP = ROOT / "tests" / "data" / "clip.flac"
