import pytest

from vatt.prepare.layouts.annotations import AnnotationError

NAMES = ["ApplyEyeMakeup", "ApplyLipstick", *(f"Class{n:02d}" for n in range(3, 102))]


@pytest.fixture
def lists(official):
    # The published files have DOS line ends.
    official("classInd.txt", "".join(f"{n} {name}\r\n" for n, name in enumerate(NAMES, 1)))
    official("trainlist01.txt", "ApplyLipstick/v_ApplyLipstick_g08_c01.avi 2\r\n")
    official("testlist01.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\r\n")
    official("trainlist02.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi 1\r\n")
    official("testlist02.txt", "ApplyLipstick/v_ApplyLipstick_g08_c01.avi\r\n")


MEDIA = (
    "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi",
    "UCF-101/ApplyLipstick/v_ApplyLipstick_g08_c01.avi",
)


@pytest.mark.parametrize("split", [1, 2])
def test_the_official_layout(lists, place, plan, split):
    place(*MEDIA)
    made = plan("ucf101", "--official_split", split)
    assert made.labels == tuple(NAMES)
    found = {c.media_id: (c.split, c.labels) for c in made.clips}
    train, test = ("train", "test") if split == 1 else ("test", "train")
    assert found == {
        "v_ApplyLipstick_g08_c01": (train, ((1, "ApplyLipstick"),)),
        "v_ApplyEyeMakeup_g01_c01": (test, ((0, "ApplyEyeMakeup"),)),
    }


def test_a_missing_video_is_listed(lists, place, plan):
    place(MEDIA[0])
    made = plan("ucf101")
    assert made.missing == (("v_ApplyLipstick_g08_c01", "ApplyLipstick/v_ApplyLipstick_g08_c01.avi"),)


def test_a_shifted_index_is_refused(lists, official, place, plan):
    official("trainlist01.txt", "ApplyLipstick/v_ApplyLipstick_g08_c01.avi 1\r\n")
    place(*MEDIA)
    with pytest.raises(AnnotationError, match=r"trainlist01.txt:1: .* must be its folder's, 2. Received: 1"):
        plan("ucf101")


def test_a_class_list_that_was_cut_short(lists, official, place, plan):
    official("classInd.txt", "1 ApplyEyeMakeup\n2 ApplyLipstick\n")
    place(*MEDIA)
    with pytest.raises(AnnotationError, match="has 101 classes. Received: 2"):
        plan("ucf101")


def test_prepared_for_real(lists, place, prepare, records):
    place(*MEDIA)
    dataset = prepare("ucf101", "--short_side_pixels", 16)
    assert dataset["labels"] == NAMES and dataset["short_side_pixels"] == 16
    assert records(dataset) == {"test": 1, "train": 1}
    assert dataset["made_by"]["definition"] == "ucf101: official split 1"
