"""Make a music folder of the shipped clips, which no model was trained on: what `make report` measures."""

import shutil
import sys
from pathlib import Path

import soundfile

from tfbwe.band import HIGHEST_HZ
from training.music.manifest import MANIFEST_NAME, Track, write_manifest

CLIPS = sorted((Path(__file__).parent.parent / "tests" / "data").glob("*.flac"))


def main(folder: Path) -> None:
    """Copy the clips, and write a manifest that puts them into the test split."""
    folder.mkdir(parents=True, exist_ok=True)
    tracks = []
    for clip in CLIPS:
        shutil.copyfile(clip, folder / clip.name)
        info = soundfile.info(clip)
        tracks.append(
            Track(
                file=clip.name,
                track=clip.stem,
                split="test",
                bandwidth_hz=HIGHEST_HZ,
                sample_rate=info.samplerate,
                channels=info.channels,
                seconds=info.duration,
                loudness_lufs=float("-inf"),
                size_bytes=clip.stat().st_size,
            )
        )
    write_manifest(folder / MANIFEST_NAME, tracks)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
