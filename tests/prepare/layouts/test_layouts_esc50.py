import pytest

from vatt.prepare.layouts.annotations import AnnotationError

NAMES = ["dog", "rooster", *(f"class_{n:02d}" for n in range(48))]
HEADER = "filename,fold,target,category,esc10,src_file,take\n"


def row(fold, target):
    return f"{fold}-100032-A-{target}.wav,{fold},{target},{NAMES[target]},{target == 0},100032,A\n"


@pytest.fixture
def lists(official):
    order = [1, 0, *range(2, 50)]  # the published rows are in order of files, not of classes
    official("meta/esc50.csv", HEADER + "".join(row(1 + n % 5, target) for n, target in enumerate(order)))


@pytest.mark.parametrize("fold", [1, 2])
def test_the_official_layout(lists, place, plan, fold):
    place("audio/1-100032-A-1.wav", "audio/2-100032-A-0.wav")
    made = plan("esc50", "--official_split", fold)
    assert made.labels == tuple(NAMES) and len(made.missing) == 48
    assert [(c.media_id, c.split, c.labels) for c in made.clips] == [
        ("1-100032-A-1", "test" if fold == 1 else "train", ((1, "rooster"),)),
        ("2-100032-A-0", "test" if fold == 2 else "train", ((0, "dog"),)),
    ]


def test_one_number_for_two_classes(lists, official, place, plan):
    place("audio/1-100032-A-1.wav")
    official("meta/esc50.csv", HEADER + row(1, 0) + "1-7-A-0.wav,1,0,cat,False,7,A\n")
    with pytest.raises(AnnotationError, match="numbered without gaps or repeats. Received: 'dog'"):
        plan("esc50")


def test_a_number_that_is_none(lists, official, place, plan):
    place("audio/1-100032-A-1.wav")
    official("meta/esc50.csv", HEADER + "1-7-A-0.wav,1,first,cat,False,7,A\n")
    with pytest.raises(AnnotationError, match=r"esc50.csv:2: `target` must be a number. Received: 'first'"):
        plan("esc50")
