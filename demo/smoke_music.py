"""Make a music folder small enough to try training on: the two halves of the clip in tests/data."""

import sys
from pathlib import Path

import soundfile

CLIP = Path(__file__).parent.parent / "tests" / "data" / "clip.flac"


def main(folder: Path) -> None:
    """Write each half as a track of its own."""
    x, sample_rate = soundfile.read(CLIP, always_2d=True)
    middle = len(x) // 2
    for name, half in (("first half", x[:middle]), ("second half", x[middle:])):
        path = folder / name / "song.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, half, sample_rate)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
