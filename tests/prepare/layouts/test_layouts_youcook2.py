import json

import pytest

from vatt.prepare.layouts.annotations import AnnotationError

STEPS = [
    {"segment": [41, 53], "id": 0, "sentence": "place the bacon on a baking tray "},
    {"segment": [60, 70.5], "id": 1, "sentence": "cook it"},
]
DATABASE = {
    "fn9anlEL4FI": {
        "duration": 241.62,
        "subset": "training",
        "recipe_type": "113",
        "annotations": STEPS,
        "video_url": "https://www.youtube.com/watch?v=fn9anlEL4FI",
    },
    "-dh_uGahzYo": {
        "duration": 100.0,
        "subset": "validation",
        "recipe_type": "101",
        "annotations": [{"segment": [0, 0.3], "id": 0, "sentence": "heat oil"}],
        "video_url": "https://www.youtube.com/watch?v=-dh_uGahzYo",
    },
}
NAME = "youcookii_annotations_trainval.json"


@pytest.fixture
def lists(official):
    return official(NAME, json.dumps({"database": DATABASE}))


def test_the_official_layout(lists, place, plan):
    place("training/113/fn9anlEL4FI.mkv")
    made = plan("youcook2")
    assert [(c.media_id, c.split, c.start_seconds, c.end_seconds, c.captions) for c in made.clips] == [
        ("fn9anlEL4FI", "train", 41.0, 53.0, ((41.0, 53.0, "place the bacon on a baking tray"),)),
        ("fn9anlEL4FI", "train", 60.0, 70.5, ((60.0, 70.5, "cook it"),)),
    ]
    assert made.missing == (("-dh_uGahzYo", "-dh_uGahzYo.mp4"),)


@pytest.mark.parametrize(
    "change, message",
    [
        (
            {"subset": "testing"},
            "'fn9anlEL4FI': `subset` must be .* Received: 'testing'",
        ),
        (
            {"annotations": [{"segment": [5, 4], "sentence": "x"}]},
            r"start, end\].*Received: \[5, 4\]",
        ),
        ({"annotations": [{"segment": [5, 6]}]}, "must have `sentence`. Received: segment"),
    ],
)
def test_other_forms_are_refused(official, place, plan, change, message):
    official(NAME, json.dumps({"database": {"fn9anlEL4FI": DATABASE["fn9anlEL4FI"] | change}}))
    place("fn9anlEL4FI.mp4")
    with pytest.raises(AnnotationError, match=message):
        plan("youcook2")


def test_a_file_that_was_cut_short(official, place, plan):
    official(NAME, json.dumps({"database": DATABASE})[:200])
    place("fn9anlEL4FI.mp4")
    with pytest.raises(AnnotationError, match="Download it again"):
        plan("youcook2")


def test_a_step_of_no_length_costs_only_itself(official, place, prepare, records):
    steps = [{"segment": [0.1, 0.4], "id": 0, "sentence": "a"}, {"segment": [9, 9], "id": 1, "sentence": "b"}]
    official(
        NAME, json.dumps({"database": {"fn9anlEL4FI": DATABASE["fn9anlEL4FI"] | {"annotations": steps}}})
    )
    place("fn9anlEL4FI.mp4")
    assert records(prepare("youcook2", "--max_failures", 0.5)) == {"train": 1}


def test_prepared_for_real(lists, place, prepare, records):
    place("validation/101/-dh_uGahzYo.mp4")
    assert records(prepare("youcook2")) == {"validation": 1}
