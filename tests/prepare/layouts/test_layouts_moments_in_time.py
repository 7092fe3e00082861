import pytest

from vatt.prepare.layouts.annotations import AnnotationError


@pytest.fixture
def lists(official):
    official("moments_categories.txt", "clapping,0\npraying,1\nadult+male+singing,2\n")
    official(
        "trainingSet.csv", "clapping/flickr-0-0-1-3_12.mp4,clapping,4,1\npraying/yt-a-B_205.mp4,praying,3,0\n"
    )
    official("validationSet.csv", "adult+male+singing/yt-x_1.mp4,adult+male+singing,5,0\n")


def test_the_official_layout(lists, place, plan):
    place("training/clapping/flickr-0-0-1-3_12.mp4", "validation/adult+male+singing/yt-x_1.mp4")
    made = plan("moments_in_time")
    assert made.labels == ("clapping", "praying", "adult+male+singing")
    assert [(c.media_id, c.split, c.labels) for c in made.clips] == [
        ("clapping/flickr-0-0-1-3_12.mp4", "train", ((0, "clapping"),)),
        ("adult+male+singing/yt-x_1.mp4", "validation", ((2, "adult+male+singing"),)),
    ]
    assert made.missing == (("praying/yt-a-B_205.mp4", "training/praying/yt-a-B_205.mp4"),)


def test_the_file_of_the_split_and_class_is_taken(lists, place, plan):
    name = "clapping/flickr-0-0-1-3_12.mp4"
    place(f"other/{name}", f"training/{name}", f"validation/{name}")
    (clip,) = plan("moments_in_time").clips
    assert clip.media.endswith(f"training/{name}")


def test_a_label_without_a_class(lists, official, place, plan):
    official("validationSet.csv", "claping/yt-x_1.mp4,claping,5,0\n")
    place("a.mp4")
    with pytest.raises(AnnotationError, match=r"validationSet.csv:1: .*'claping'. Closest: `clapping`"):
        plan("moments_in_time")


def test_a_line_of_another_form(lists, official, place, plan):
    official("validationSet.csv", "clapping/yt-x_1.mp4,clapping\n")
    place("a.mp4")
    with pytest.raises(AnnotationError, match="validationSet.csv:1: a line must have 4 fields.* Received: 2"):
        plan("moments_in_time")
