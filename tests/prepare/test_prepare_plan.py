import dataclasses

import pytest

from vatt.prepare import plan
from vatt.prepare.plan import plan_fingerprint, plan_shards
from vatt.prepare.record import Clip, RecordOptions


def clips_of(tmp_path, sizes):
    """A clip per size; its file has that many bytes."""
    made = []
    for number, size in enumerate(sizes):
        path = tmp_path / f"{number:04}"
        path.write_bytes(bytes(size))
        made.append(Clip(media=str(path), media_id=path.name, split="train"))
    return made


def groups(clips, clips_per_shard=4):
    return [list(shard.clips) for shard in plan_shards(clips, RecordOptions(), clips_per_shard)]


@pytest.mark.parametrize("count", [1, 4, 5, 8, 10, 13, 23])
def test_shards_of_small_files_differ_by_one_clip_at_most(tmp_path, count):
    made = groups(clips_of(tmp_path, [1] * count))
    assert sum(made, []) == list(range(count))
    assert len(made) == -(-count // 4)
    assert max(map(len, made)) - min(map(len, made)) <= 1


def test_large_files_make_more_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_MEDIA_BYTES_PER_SHARD", 100)
    assert groups(clips_of(tmp_path, [50, 50, 50, 50])) == [[0, 1], [2, 3]]
    assert groups(clips_of(tmp_path, [1, 1, 450, 1])) == [[0, 1], [2, 3]]  # a giant leaves no empty shard
    assert groups(clips_of(tmp_path, [0] * 9)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_no_shard_is_too_full_whatever_the_sizes(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_MEDIA_BYTES_PER_SHARD", 100)
    sizes = [(7 * n * n) % 61 for n in range(200)]
    made = groups(clips_of(tmp_path, sizes))
    assert sum(made, []) == list(range(200))
    assert max(map(len, made)) <= 4
    assert max(sum(sizes[n] for n in group) for group in made) <= 100 + 60


def test_clips_of_one_film_share_its_weight(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "_MEDIA_BYTES_PER_SHARD", 100)
    [film] = clips_of(tmp_path, [120])
    assert groups([dataclasses.replace(film, start_seconds=float(n)) for n in range(4)]) == [[0, 1], [2, 3]]


def test_splits_have_shards_of_their_own(tmp_path):
    clips = clips_of(tmp_path, [1] * 4)
    clips[1] = dataclasses.replace(clips[1], split="test")
    shards = plan_shards(clips, RecordOptions(), 2)
    assert [(shard.file, shard.clips) for shard in shards] == [
        ("test-00000-of-00001.tfrecord", (1,)),
        ("train-00000-of-00002.tfrecord", (0,)),
        ("train-00001-of-00002.tfrecord", (2, 3)),
    ]


def test_a_fingerprint_changes_with_what_decides_the_records(tmp_path):
    def prints(clips, options=RecordOptions(), labels=("a",)):  # noqa: B008 (frozen)
        shards = plan_shards(clips, options, 2)
        return [shard.fingerprint for shard in shards], plan_fingerprint(shards, labels)

    clips = clips_of(tmp_path, [1] * 4)
    first, whole = prints(clips)
    assert prints(clips) == (first, whole)
    assert prints(clips, labels=("b",)) == (first, prints(clips, labels=("b",))[1])
    assert prints(clips, labels=("b",))[1] != whole
    assert not set(prints(clips, RecordOptions(jpeg_quality=50))[0]) & set(first)
    clips[0] = dataclasses.replace(clips[0], segment_seconds=2.0)
    assert prints(clips)[0][0] != first[0] and prints(clips)[0][1] == first[1]
    (tmp_path / "0003").write_bytes(b"longer")
    assert prints(clips)[0][1] != first[1]
    (tmp_path / "0003").unlink()  # it will fail, and be listed
    assert len(prints(clips)[0]) == 2


def test_a_set_that_was_moved_is_the_same(tmp_path):
    clips = clips_of(tmp_path, [1])
    before = plan_shards(clips, RecordOptions(), 2)
    moved = (tmp_path / "0000").rename(tmp_path / "elsewhere")
    assert plan_shards([dataclasses.replace(clips[0], media=str(moved))], RecordOptions(), 2) == before
