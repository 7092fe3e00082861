import pytest
from clip_maker import OPTIONS, make_clips
from media_maker import beep, grey, make_media

from vatt.prepare import spool
from vatt.prepare.media import MediaError
from vatt.prepare.record import Clip, make_records
from vatt.prepare.spool import SpoolError, spool_clip


@pytest.fixture
def film(tmp_path):
    path = make_media(tmp_path / "film.mp4", pictures=grey(range(20)), sound=beep(2.0, at=0.1))
    captions = ((0.0, 0.4, "one two"), (1.4, 1.6, "two"))
    return Clip(media=str(path), media_id="f", split="train", captions=captions, segment_seconds=0.5)


def test_the_file_holds_the_records_and_the_rest_adds_up(film, tmp_path):
    spooled = spool_clip(film, OPTIONS, str(tmp_path / "spool"))
    records = list(make_records(film, OPTIONS))
    assert len(records) == 4
    assert list(spooled.records()) == [record.framed for record in records]
    assert spooled.holdings.seconds == pytest.approx(2.0)
    assert spooled.holdings.records == spooled.holdings.contents["video"] == 4
    assert spooled.holdings.contents["captions"] == 4
    assert spooled.holdings.words == {"one": 1, "two": 3}  # "two" is said across a border, in two records
    spooled.discard()
    spooled.discard()
    assert not (tmp_path / "spool").exists()


def test_words_of_other_splits_do_not_count(tmp_path):
    test_clip = make_clips(tmp_path)[-1]
    assert test_clip.split == "test" and test_clip.captions
    assert spool_clip(test_clip, OPTIONS, str(tmp_path / "spool")).holdings.words == {}


def test_a_clip_that_fails_leaves_no_file(film, tmp_path, monkeypatch):
    def fails_late(clip, options):
        yield from list(make_records(clip, options))[:2]
        raise MediaError(clip.media, "ended")

    monkeypatch.setattr(spool, "make_records", fails_late)
    with pytest.raises(MediaError):
        spool_clip(film, OPTIONS, str(tmp_path / "spool"))
    assert not (tmp_path / "spool").exists()


def test_what_can_not_be_written_is_no_fault_of_the_clip(film, tmp_path):
    with pytest.raises(SpoolError, match="No such file"):
        spool_clip(film, OPTIONS, str(tmp_path / "no folder" / "spool"))


def test_a_file_cut_short_is_noticed(film, tmp_path):
    spooled = spool_clip(film, OPTIONS, str(tmp_path / "spool"))
    with open(spooled.path, "r+b") as file:
        file.truncate(sum(spooled.lengths) - 1)
    with pytest.raises(OSError, match="cut short"):
        list(spooled.records())
