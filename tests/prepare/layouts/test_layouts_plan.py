import argparse

import pytest

from vatt.prepare.layouts.annotations import AnnotationError
from vatt.prepare.layouts.media_index import VIDEO
from vatt.prepare.layouts.plan import Gathering
from vatt.prepare.record import Clip


@pytest.fixture
def gathering(tmp_path):
    return Gathering(argparse.Namespace(media=tmp_path, subset=None, labels=None), VIDEO)


def test_clips_and_missing(gathering):
    here = Clip(media="x/a.mp4", media_id="a", split="train")
    gathering.add(here, "a.mp4")
    gathering.add(Clip(media="", media_id="b", split="test"), "b.mp4")
    plan = gathering.plan("set", "what", ("l",))
    assert plan.definition == "set: what"
    assert (plan.clips, plan.missing, plan.labels) == ((here,), (("b", "b.mp4"),), ("l",))


def test_nothing_found_says_what_was_looked_for_and_what_is_there(tmp_path):
    (tmp_path / "other.mp4").touch()
    gathering = Gathering(argparse.Namespace(media=tmp_path, subset=None, labels=None), VIDEO)
    gathering.add(Clip(media="", media_id="b", split="test"), "b_000001_000011.mp4")
    with pytest.raises(AnnotationError) as caught:
        gathering.plan("kinetics400", "")
    message = str(caught.value)
    assert f"{tmp_path}, which holds 1 media files, such as {tmp_path / 'other.mp4'}" in message
    assert "the annotations name 1 others" in message and "b_000001_000011.mp4" in message


def test_annotations_that_name_nothing(gathering):
    with pytest.raises(AnnotationError, match="files of ucf101 name no clip"):
        gathering.plan("ucf101", "")
