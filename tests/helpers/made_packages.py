"""A corpus of three small packages, with lists of its own, as `debian-music` is one of twelve."""

import csv
import hashlib
import io
from pathlib import Path

import soundfile

from tests.helpers.archives import make_deb, make_pk3
from tests.helpers.noise import RATE, noise


def ogg(seed: int) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, noise(seed), RATE, format="OGG", subtype="VORBIS")
    return stream.getvalue()


FILES = {
    ("train", "tunes", "one.ogg"): ogg(1),
    ("train", "tunes", "two.ogg"): ogg(2),
    ("test", "packed", "three.ogg"): ogg(3),
    ("train", "songs", "anthem/song.ogg"): ogg(4),
    ("train", "songs", "anthem/guitar.ogg"): ogg(5),
}


def write_lists(folder: Path) -> tuple[Path, ...]:
    lists = tuple(folder / f"{pool}.csv" for pool in ("train", "test"))
    for path in lists:
        with open(path, "w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["pool", "package", "file", "licence", "artist", "title", "sha256", "version"])
            for (pool, package, name), content in FILES.items():
                if pool == path.stem:
                    title = f"{Path(name).parent.name} ({Path(name).stem} stem)"
                    digest = hashlib.sha256(content).hexdigest()
                    file = f"{pool}/{package}/{name}"
                    artist = "Ann" if package == "tunes" else "Nobody"
                    writer.writerow([pool, package, file, "CC0", artist, title, digest, "1"])
    return lists


def put_packages(folder: Path) -> None:
    folder.mkdir(parents=True)
    of = {key[1:]: content for key, content in FILES.items()}
    make_deb(folder / "tunes_1_all.deb", {f"./usr/{n}": c for (p, n), c in of.items() if p == "tunes"}, ".gz")
    make_deb(folder / "songs_1_all.deb", {f"./usr/{n}": c for (p, n), c in of.items() if p == "songs"}, ".xz")
    pk3 = make_pk3({f"music/{n}": c for (p, n), c in of.items() if p == "packed"})
    make_deb(folder / "packed_1_all.deb", {"./usr/base.pk3": pk3, "./usr/readme": b"hello"}, ".xz")


def fake_apt_get(tool: Path, store: Path) -> None:
    """Write a program that downloads as ``apt-get download -q PACKAGE`` does, from a folder of packages."""
    tool.write_text(f'#!/bin/sh\necho "$@" >> {store}.calls\ncp {store}/"$3"_*.deb .\n')
    tool.chmod(0o755)
