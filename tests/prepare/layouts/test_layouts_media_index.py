import os

import pytest

from vatt.prepare.layouts.media_index import VIDEO, MediaIndex


@pytest.fixture
def tree(tmp_path):
    for name in (
        "a.mp4",
        "b.MKV",
        "deep/er/c.tar.mp4",
        "two/x.webm",
        "two/x.mp4",
        "one two/x.webm",
        "notes.txt",
        ".hidden.mp4",
        ".cache/h.mp4",
        "a.part",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_files_by_their_names(tree):
    index = MediaIndex(tree, VIDEO)
    found = {stem: index.find(stem).removeprefix(f"{tree}{os.sep}") for stem in index.stems()}
    assert found == {"a": "a.mp4", "b": "b.MKV", "c.tar": "deep/er/c.tar.mp4", "x": "two/x.mp4"}
    assert len(index) == 6
    assert index.find("h") == index.find(".hidden") == index.find("A") == ""


@pytest.mark.parametrize(
    "folder, expected",
    [("", "two/x.mp4"), ("one_two", "one two/x.webm"), ("one two", "one two/x.webm"), ("no", "two/x.mp4")],
)
def test_of_several_files_the_folder_decides_then_the_ending(tree, folder, expected):
    assert MediaIndex(tree, VIDEO).find("x", folder=folder) == str(tree / expected)


def test_links_are_followed_once(tree, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "y.mp4").touch()
    (elsewhere / "back").symlink_to(tree)
    (tree / "linked").symlink_to(elsewhere)
    index = MediaIndex(tree, VIDEO)
    assert index.find("y") == str(tree / "linked" / "y.mp4") and len(index) == 7


def test_no_folder(tree):
    with pytest.raises(NotADirectoryError, match="`--media` must be the folder .* Received: .*a.mp4"):
        MediaIndex(tree / "a.mp4", VIDEO)
