import os
import socket

import pytest

from vatt.prepare import walk
from vatt.prepare.walk import find_media, walk_media


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)  # of different content
    return root


def media_of(found, root):
    return [path.relative_to(root).as_posix() for path in found.media]


def left_out(found):
    return {reason: (count, found.left_out.first(reason)) for reason, count in found.left_out}


def test_everything_else_is_counted(tmp_path):
    root = make(tmp_path / "media", "a.mp4", "deep/er/b.WAV", "folder.mp4/c.png", "a.srt", "deep/d.TXT")
    make(root, "a.ttml", "a.en.SRV3", "deep/d.lrc")
    make(root, "notes.md", "e.part", "no_ending", ".hidden.mp4", ".git/x.mp4", "OUT/y.mp4")
    make(tmp_path, "secret.mp4", "elsewhere/z.mp4")
    (root / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "inside.mp4").symlink_to("a.mp4")
    (root / "gone.mp4").symlink_to("nowhere.mp4")
    (root / "loop.mp4").symlink_to("loop.mp4")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "up").symlink_to("..")
    os.link(root / "a.mp4", root / "hard.mp4")
    os.mkfifo(root / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(root)  # the path of a socket must be short
        try:
            listener.bind("s.wav")
        finally:
            os.chdir(here)
    found = walk_media(root, output=root / "deep" / ".." / "OUT")
    assert media_of(found, root) == ["a.mp4", "deep/er/b.WAV", "folder.mp4/c.png"]
    assert [path.name for path in found.captions] == ["a.srt", "d.TXT"]
    assert left_out(found) == {
        walk.UNREAD_CAPTIONS: (3, ["a.en.SRV3", "a.ttml", "deep/d.lrc"]),
        walk.UNKNOWN: (3, ["e.part", "no_ending", "notes.md"]),
        walk.HIDDEN: (1, [".hidden.mp4"]),
        walk.HIDDEN_FOLDER: (1, [".git"]),
        walk.OUTPUT: (1, ["OUT"]),
        walk.OUTSIDE: (1, ["out.mp4"]),
        walk.BROKEN_LINK: (2, ["gone.mp4", "loop.mp4"]),
        walk.LINKED_FOLDER: (2, ["linked", "up"]),
        walk.SPECIAL: (2, ["pipe.mp4", "s.wav"]),
        walk.TWICE: (2, ["hard.mp4", "inside.mp4"]),
    }


def test_a_folder_that_may_not_be_read_is_counted(tmp_path, monkeypatch):
    root = make(tmp_path, "a.mp4", "private/b.mp4")
    scan = os.scandir

    def refusing(path):
        if os.path.basename(path) == "private":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    found = walk_media(root)
    assert media_of(found, root) == ["a.mp4"]
    assert left_out(found) == {walk.UNREADABLE: (1, ["private"])}


def test_an_image_and_an_audio_file_of_one_name_are_a_pair(tmp_path):
    root = make(
        tmp_path, "0000.jpg", "0000.wav", "1.PNG", "1.MP3", "2.png", "2.jpg", "2.flac", "3.jpg", "4.wav"
    )
    found = walk_media(root)
    assert {image.name: audio.name for image, audio in found.audio_of.items()} == {
        "0000.jpg": "0000.wav",
        "1.PNG": "1.MP3",
        "2.jpg": "2.flac",
    }
    assert left_out(found) == {walk.IMAGE_OF_AUDIO: (1, ["2.png"])}
    assert len(found.media) == 8


@pytest.mark.parametrize(
    "names, is_cover",
    [
        (("song.mp3", "cover.jpg"), walk.COVER),
        (("song.mp3", "Folder.JPG"), walk.COVER),
        (("film.mkv", "poster.png"), walk.COVER),
        (("song.mp3", "AlbumArt_{0A1B}_Large.jpg"), walk.COVER),
        (("film.mkv", "film.jpg"), walk.IMAGE_OF_VIDEO),
        (("film.mkv", "film.wav", "film.jpg"), walk.IMAGE_OF_VIDEO),
        (("song.mp3", "other.jpg"), None),
        (("cover.jpg",), None),
        (("cover.mp3", "cover.jpg"), None),  # a song of that name
    ],
)
def test_covers(tmp_path, names, is_cover):
    found = walk_media(make(tmp_path, *names))
    assert [reason for reason, _ in found.left_out] == ([is_cover] if is_cover else [])
    assert len(found.media) == len(names) - bool(is_cover)


def test_the_line_at_the_end(tmp_path, capsys):
    root = make(tmp_path, "a.mp4", "a.srt", "x.md", "y.md", "z", ".h")
    assert find_media(root) == [root / "a.mp4"]
    told = "5 files were left out: 3 of unknown type, 1 caption or text file, 1 hidden file\n"
    assert capsys.readouterr().err == told
    find_media(make(tmp_path / "other", "b.mp4"))
    assert capsys.readouterr().err == ""
    find_media(make(tmp_path / "third", "b.mp4", "b.md"))
    assert capsys.readouterr().err == "1 file was left out: 1 of unknown type\n"
