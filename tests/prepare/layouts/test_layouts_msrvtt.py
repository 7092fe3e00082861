import json
import math

import pytest

from vatt.prepare.layouts.annotations import AnnotationError


def info(videos):
    """The form of the published files."""
    splits = {0: "train", 6513: "validate", 7010: "test"}
    return {
        "info": {"contributor": "Microsoft multimedia challenge", "version": "1.0"},
        "videos": [
            {
                "category": 9,
                "url": "https://www.youtube.com/watch?v=9lZi22qLlEo",
                "video_id": f"video{n}",
                "start time": 137.72,
                "end time": 149.44,
                "split": splits[n],
                "id": n,
            }
            for n in videos
        ],
        "sentences": [
            {"caption": f"sentence {place} of {n}", "video_id": f"video{n}", "sen_id": 20 * n + place}
            for place in (1, 0)
            for n in videos
        ],
    }


@pytest.fixture
def lists(official):
    official("train_val_videodatainfo.json", json.dumps(info([0, 6513])))
    official("test_videodatainfo.json", json.dumps(info([7010])))


def captions(n):
    return tuple((0.0, math.inf, f"sentence {place} of {n}") for place in (0, 1))


def test_the_official_layout(lists, place, plan):
    place("TrainValVideo/video0.mp4", "TrainValVideo/video6513.mp4", "TestVideo/video7010.mp4")
    assert [(c.media_id, c.split, c.group, c.captions) for c in plan("msrvtt").clips] == [
        ("video0", "train", "video0", captions(0)),
        ("video6513", "validation", "video6513", captions(6513)),
        ("video7010", "test", "video7010", captions(7010)),
    ]


def test_all_in_one_file(official, place, plan):
    official("MSRVTT_data.json", json.dumps(info([0, 6513, 7010])))
    place("video0.mp4")
    made = plan("msrvtt")
    assert [c.captions for c in made.clips] == [captions(0)]
    assert [name for name, _ in made.missing] == ["video6513", "video7010"]


JSFUSION = (
    "key,vid_key,video_id,sentence\nret0,msr7010,video7010,a person is connecting something to system\n"
)


def test_the_1k_split(lists, official, place, plan):
    official("MSRVTT_JSFUSION_test.csv", JSFUSION)
    official("MSRVTT_train.9k.csv", "video_id\nvideo6513\n")
    place("all/video0.mp4", "all/video6513.mp4", "all/video7010.mp4")
    assert [(c.media_id, c.split, c.captions) for c in plan("msrvtt", "--split", "1k-A").clips] == [
        ("video6513", "train", captions(6513)),
        ("video7010", "test", ((0.0, math.inf, "a person is connecting something to system"),)),
    ]


def test_the_1k_test_clips_need_no_other_file(official, place, plan):
    official("MSRVTT_JSFUSION_test.csv", JSFUSION)
    place("video7010.mp4")
    assert [c.split for c in plan("msrvtt", "--split", "1k-A").clips] == ["test"]


def test_a_training_clip_without_sentences(official, place, plan):
    official("train_val_videodatainfo.json", json.dumps(info([0])))
    official("MSRVTT_JSFUSION_test.csv", JSFUSION)
    official("MSRVTT_train.9k.csv", "video_id\nvideo0\nvideo7011\n")
    place("video0.mp4")
    with pytest.raises(AnnotationError, match=r"MSRVTT_train.9k.csv:3: .*Received: 'video7011'.*give both"):
        plan("msrvtt", "--split", "1k-A")


def test_an_unknown_split(official, place, plan):
    official("train_val_videodatainfo.json", json.dumps(info([0])).replace('"train"', '"training"'))
    place("video0.mp4")
    with pytest.raises(AnnotationError, match="'video0': `split` must be train, validate, test"):
        plan("msrvtt")


def test_prepared_for_real(lists, place, prepare, records, tmp_path):
    place("video0.mp4", "video7010.mp4")
    dataset = prepare("msrvtt")
    assert records(dataset) == {"test": 1, "train": 1} and dataset["name"] == "msrvtt"
    assert "sentence" in (tmp_path / "out" / "vocabulary.txt").read_text().split()
