"""Training on sets whose audio is FLAC or Opus."""

import concurrent.futures
import threading

import numpy as np
import pytest
from clip_maker import OPTIONS, make_clips, prepare

from tests.data.test_data_records import flip_byte, open_split
from vatt import spec
from vatt.data import record_server, stored_set
from vatt.data.datasets.prepared import PreparedClips
from vatt.files.mirror import Mirror
from vatt.files.places import Store, StoreError
from vatt.prepare.doctor.clip_record import Setting, read_clip
from vatt.prepare.opened_audio import opened_records
from vatt.prepare.record import RecordOptions
from vatt.prepare.shard_reader import read_shard

CLIP = spec.ClipSpec(frames=3, frame_rate_hz=10.0, frame_size=16, sample_rate_hz=8_000, words=4)


@pytest.fixture
def sets(tmp_path):
    """Folders of the same clips, by codec."""
    clips = make_clips(tmp_path, count=5)
    prepare(clips, tmp_path / "pcm16")
    prepare(clips, tmp_path / "flac", options=RecordOptions(media=OPTIONS.media, audio_codec="flac"))
    yield {each: tmp_path / each for each in ("pcm16", "flac")}
    stored_set.fetcher.cache_clear()


def batches(place):
    made = PreparedClips(directory=place, clip=CLIP, threads=1).train_batches(
        batch_size=3, first_step=1, seed=2
    )
    return [{name: np.asarray(each) for name, each in batch.items()} for _, batch in zip(range(3), made)]


def test_batches_of_flac_are_those_of_pcm_wherever_the_set_is(sets, bucket):
    Mirror(f"{bucket}/flac", sets["flac"]).push()
    wanted = batches(sets["pcm16"])
    assert any(batch[spec.AUDIO].any() for batch in wanted)
    for place in (sets["flac"], f"{bucket}/flac"):
        for one, other in zip(wanted, batches(place), strict=True):
            assert one.keys() == other.keys()
            for name in one:
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_damage_is_replaced_feeds_refuse_it_and_the_doctor_hears_it(sets):
    shard = sorted(sets["flac"].glob("train*.tfrecord"))[0]
    stored = list(read_shard(shard))
    setting = Setting(frame_rate_hz=10.0, audio_rate_hz=8_000, short_side_pixels=16)
    (plain, *_) = read_shard(sets["pcm16"] / shard.name)
    heard = [read_clip(each, setting) for each in (stored[0].content, plain.content)]
    np.testing.assert_array_equal(heard[0].audio, heard[1].audio)
    assert heard[0].audio.any() and not heard[0].problems
    flip_byte(shard, stored[0].offset + 40)
    index = open_split(sets["flac"], max_corrupt_share=0.3)
    with pytest.raises(ValueError, match="FLAC or Opus"):
        index.make_portable()
    clips = PreparedClips(directory=sets["flac"], clip=CLIP, threads=1, max_corrupt_share=0.3)
    assert len(list(zip(range(2), clips.train_batches(batch_size=4, first_step=0, seed=0)))) == 2


def test_a_record_that_is_waited_for_is_given_up_when_training_ends(sets, bucket, monkeypatch):
    Mirror(f"{bucket}/flac", sets["flac"]).push()
    monkeypatch.setattr(record_server, "_PAUSE_SECONDS", 0.01)
    asked = threading.Event()

    def out(*arguments):
        asked.set()
        raise StoreError("the store does not answer")

    monkeypatch.setattr(Store, "read", out)
    records = opened_records({"place": f"{bucket}/flac", "folder": ".", "token": ""})
    shard = sorted(sets["flac"].glob("train*.tfrecord"))[0].name
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(records.framed, shard, 0, 100)
        assert asked.wait(10.0)
        records.is_closing = True
        with pytest.raises(StoreError):
            waiting.result(timeout=10.0)
