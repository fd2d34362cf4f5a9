from __future__ import annotations

import re

import pytest

from tests.helpers.ffmpeg import encode, needing_ffmpeg, run
from tests.helpers.sound_files import noise, write
from tfbwe.audio import ffmpeg
from tfbwe.audio.reader import Reader
from tfbwe.errors import AudioError

INSTALL = r"install it \(apt-get install ffmpeg, brew install ffmpeg, .*\)$"


def refusal(path):
    with pytest.raises(AudioError) as caught:
        Reader(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("no_ffmpeg")
def test_without_ffmpeg_a_line_says_what_to_install(tmp_path):
    for name, what in (("song.m4a", "M4A"), ("a b.WMA", "WMA"), ("v.mp4", "M4A"), ("x.ape", "APE")):
        (tmp_path / name).write_bytes(b"\0\0\0 ftypM4A and more")
        with pytest.raises(
            AudioError, match=f"^{tmp_path}/{name}: {what} needs ffmpeg, which is not on the path: {INSTALL}"
        ):
            Reader(tmp_path / name)
    (tmp_path / "no suffix").write_bytes(b"\0\0\0 ftypM4A and more")
    with pytest.raises(
        AudioError, match=r"libsndfile can read \(.*\); ffmpeg, which reads more, is not on the path"
    ):
        Reader(tmp_path / "no suffix")
    with pytest.raises(AudioError, match=f"^{tmp_path}/out.m4a: M4A needs ffmpeg, .*{INSTALL}"):
        write(tmp_path / "out.m4a", noise(), container="M4A", subtype="AAC")
    assert not list(tmp_path.glob(".*")) + list(tmp_path.glob("out*"))


@pytest.mark.usefixtures("no_ffmpeg")
def test_what_libsndfile_reads_needs_no_ffmpeg(tmp_path):
    with Reader(write(tmp_path / "x.flac", noise(), container="FLAC")) as reader:
        assert reader.frames == 20000


@needing_ffmpeg
@pytest.mark.parametrize("name", ["list.m4a", "list.m3u8", "list.txt", "list"])
@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    ],
)
def test_a_playlist_opens_no_other_file(tmp_path, monkeypatch, name, text):
    encode(tmp_path / "secret.wv", noise(), 44100, "-f", "wv")
    (tmp_path / name).write_text(text.format("secret.wv"))
    assert name in refusal(tmp_path / name)
    assert all(option in ffmpeg.CAREFUL for option in ("-protocol_whitelist", "file,pipe"))


@needing_ffmpeg
def test_pictures_and_videos_without_sound_are_refused(tmp_path):
    source = ["-f", "lavfi", "-i", "testsrc=d=1:s=64x64"]
    run(*source, "-frames:v", 1, tmp_path / "cover.png")
    run(*source, "-c:v", "mpeg4", tmp_path / "silent.mp4")
    (tmp_path / "cover.m4a").write_bytes((tmp_path / "cover.png").read_bytes())
    for name in ("cover.png", "cover.m4a"):
        assert "picture" in refusal(tmp_path / name)
    assert "without sound: 1 video stream" in refusal(tmp_path / "silent.mp4")


@needing_ffmpeg
def test_rubbish_and_cut_files_are_refused_in_one_line(tmp_path):
    path = tmp_path / "song.m4a"
    path.write_bytes(noise().tobytes())
    assert "cut short, damaged or not M4A" in refusal(path)
    encode(path, noise(samples=100000), 44100)
    path.write_bytes(path.read_bytes()[:20000])
    assert "moov atom not found" in refusal(path)
    assert "get the whole file" in refusal(path)
    other = path.rename(tmp_path / "song")
    assert refusal(other).startswith(f"{other}: not a sound file that libsndfile can read (")


@needing_ffmpeg
def test_of_a_damaged_file_that_libsndfile_should_read_its_reason_alone_is_said(tmp_path):
    path = write(tmp_path / "x.flac", noise(), container="FLAC")
    path.write_bytes(b"fLaX" + path.read_bytes()[4:])
    assert re.fullmatch(r".*x\.flac: not a sound file that libsndfile can read \([\w ]+\)", refusal(path))


@needing_ffmpeg
def test_a_program_that_talks_without_end_is_waited_for_and_kept_short():
    process = ffmpeg.Process(
        ["-v", "debug", "-f", "lavfi", "-i", "sine=d=60", "-f", "f32le", "pipe:1"], "no file"
    )
    while process.pipe.read(1 << 20):
        pass
    status, said = process.wait()
    assert status == 0
    assert 0 < len(said) <= 300
    assert "\n" not in said
