import json

import pytest

from vatt.prepare.layouts.annotations import AnnotationError

VIDEOS = (
    "video_id,category_1,category_2,rank,task_id\n"
    "nVbIUDjzWY4,Cars & Other Vehicles,Motorcycles,27,52907\n"
    "CTPAZ2euJ2Q,Cars & Other Vehicles,Motorcycles,35,109057\n"
    '_97kyZVWVG0,"Hobbies, and Crafts",Crafts,34,119814\n'
    "CTPAZ2euJ2Q,Hobbies and Crafts,Crafts,3,119815\n"
)
CAPTIONS = {
    "zzzzzzzzzzz": {"start": [0.0], "end": [1.0], "text": ["another video"]},
    "nVbIUDjzWY4": {
        "start": [8.5, 0.2, 4.0],
        "end": [11.0, 3.9, 5.0],
        "text": ["second", "first", float("nan")],
    },
}
EXPECTED = ((0.2, 3.9, "first"), (8.5, 11.0, "second"))


@pytest.fixture
def lists(official):
    official("HowTo100M_v1.csv", VIDEOS)
    return official("caption.json", json.dumps(CAPTIONS))


def test_the_official_layout(lists, place, plan):
    place("0/nVbIUDjzWY4.mp4", "1/CTPAZ2euJ2Q.webm")
    made = plan("howto100m")
    assert [(c.media_id, c.split, c.captions, c.segment_seconds) for c in made.clips] == [
        ("nVbIUDjzWY4", "train", EXPECTED, 10.0),
        ("CTPAZ2euJ2Q", "train", (), 10.0),
    ]
    assert made.missing == (("_97kyZVWVG0", "_97kyZVWVG0.mp4"),) and made.labels == ()


def test_raw_captions_by_name_and_by_path(lists, official, place, plan, tmp_path):
    place("nVbIUDjzWY4.mp4")
    raw = {"nVbIUDjzWY4": {"start": [1], "end": [2], "text": ["and so on"]}}
    official("raw_caption.json", json.dumps(raw))
    (clip,) = plan("howto100m", "--captions", "raw_caption.json", "--segment_seconds", 30).clips
    assert clip.captions == ((1.0, 2.0, "and so on"),) and clip.segment_seconds == 30.0
    (lists / "raw_caption.json").rename(tmp_path / "elsewhere.json")
    assert plan("howto100m", "--captions", tmp_path / "elsewhere.json").clips[0].captions == clip.captions


def test_captions_as_csv_files(lists, official, place, plan):
    place("nVbIUDjzWY4.mp4", "CTPAZ2euJ2Q.mp4")
    official("csv/nVbIUDjzWY4.csv", 'start,end,text\n8.5,11.0,second\n0.2,3.9,first\n4,5,""\n')
    first, second = plan("howto100m", "--captions", "csv").clips
    assert first.captions == EXPECTED and second.captions == ()


def test_lists_of_unequal_length(lists, official, place, plan):
    place("nVbIUDjzWY4.mp4")
    official("caption.json", '{"nVbIUDjzWY4": {"start": [1, 2], "end": [2, 3], "text": ["a"]}}')
    with pytest.raises(AnnotationError, match="caption.json, 'nVbIUDjzWY4': .* Received: 2, 2, 1"):
        plan("howto100m")


def test_captions_that_are_not_there(lists, place, plan):
    place("nVbIUDjzWY4.mp4")
    with pytest.raises(AnnotationError, match="holds captions.json"):
        plan("howto100m", "--captions", "captions.json")


def test_prepared_for_real(lists, place, prepare, records, tmp_path):
    place("nVbIUDjzWY4.mp4", "CTPAZ2euJ2Q.webm")
    dataset = prepare("howto100m", "--segment_seconds", 0.25)
    assert records(dataset) == {"train": 4}  # two half seconds in two pieces each
    assert (tmp_path / "out" / "vocabulary.txt").read_text().split()[2:] == ["first"]  # what is said in them
