import math

import numpy as np
import pytest
import tensorflow as tf
from clip_maker import OPTIONS
from media_maker import beep, grey, make_media

from vatt.prepare.media import MediaError
from vatt.prepare.record import Clip, make_records
from vatt.prepare.record_captions import with_neighbours


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds; the grey level of an image is its number, and audio beeps from 2.2 to 2.3 s only."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return str(make_media(path, pictures=grey(5 * np.arange(40)), sound=beep(4.0, at=2.2)))


def contexts(records):
    """Each record's context features."""
    return [tf.train.SequenceExample.FromString(r.framed[12:-4]).context.feature for r in records]


def test_a_film_in_segments(film):
    captions = (
        (0.0, 0.5, "first"),
        (0.8, 1.4, "over the border"),
        (3.0, math.inf, "whole"),
        (9.0, 9.5, "late"),
    )
    clip = Clip(
        media=film, media_id="f", split="train", labels=((3, "x"),), captions=captions, segment_seconds=1.0
    )
    records = list(make_records(clip, OPTIONS))
    features = contexts(records)
    starts = [f["clip/start/timestamp"].int64_list.value[0] for f in features]
    ends = [f["clip/end/timestamp"].int64_list.value[0] for f in features]
    assert starts == [0, 1_000_000, 2_000_000, 3_000_000] and ends == [*starts[1:], 4_000_000]
    assert [record.seconds for record in records] == pytest.approx([1.0] * 4)
    assert {f["clip/media_id"].bytes_list.value[0] for f in features} == {b"f"}
    # What is said within a segment; all others are near enough to be stored with it.
    assert [record.texts for record in records] == [
        ("first", "over the border", "whole"),
        ("over the border", "whole"),
        ("whole",),
        ("whole",),
    ]
    stored = features[1]["caption/string"].bytes_list.value
    assert list(stored) == [b"first", b"over the border", b"whole", b"late"]
    assert list(features[1]["caption/start_seconds"].float_list.value) == pytest.approx([-1, -0.2, 0, 8])
    assert list(features[1]["caption/end_seconds"].float_list.value) == pytest.approx([-0.5, 0.4, 1, 8.5])
    assert records[2].contents == {"video", "audio", "captions", "labels"}
    late = (
        "1 of 4 captions are where the file has no media, such as at 9.0 s, and are in records as neighbours "
        "at most"
    )
    assert [record.warnings for record in records] == [(), (), (), (late,)]


def test_silence_counts_as_no_audio(tmp_path):
    path = make_media(
        tmp_path / "a.mkv", pictures=grey([9] * 4), sound=0 * beep(0.4, at=0), audio_codec="pcm_s16le"
    )
    [record] = make_records(Clip(media=str(path), media_id="a", split="train"), OPTIONS)
    assert record.contents == {"video"}
    assert contexts([record])[0]["WAVEFORM/num_channels"].int64_list.value[0] == 1


def test_a_clip_with_given_ends_keeps_to_its_own_captions(film):
    captions = ((0.0, 0.5, "before"), (1.2, 1.4, "within"), (3.0, 3.5, "after"))
    clip = Clip(
        media=film, media_id="f", split="train", captions=captions, start_seconds=1.0, end_seconds=2.0
    )
    [record] = make_records(clip, OPTIONS)
    assert list(contexts([record])[0]["caption/string"].bytes_list.value) == [b"within"]
    assert not record.warnings  # the others lie outside of what was asked for


@pytest.mark.parametrize("segment_seconds", [None, 1.0])
@pytest.mark.parametrize("end_seconds", [None, 60.0])
def test_captions_behind_the_end_of_the_file_are_counted(film, segment_seconds, end_seconds):
    captions = [(second, second + 0.5, f"at {second}") for second in range(0, 20, 2)]
    clip = Clip(
        media=film,
        media_id="f",
        split="train",
        captions=tuple(captions),
        end_seconds=end_seconds,
        segment_seconds=segment_seconds,
    )
    records = list(make_records(clip, OPTIONS))
    texts = {text for record in records for text in record.texts}
    assert texts == {"at 0", "at 2", "at 4"}
    said = [warning for record in records for warning in record.warnings if "captions" in warning]
    kept = "are in no record" if segment_seconds is None else "are in records as neighbours at most"
    assert said == [f"7 of 10 captions are where the file has no media, such as at 6.0 s, and {kept}"]


@pytest.mark.parametrize("segment_seconds", [None, 1.0])
def test_a_record_has_so_many_captions_and_no_more(film, segment_seconds):
    """Subtitles of 10 MiB that all last as long as the file are not copied into every second of it."""
    captions = tuple((0.0, 4.0, f"{number:010}" * 100) for number in range(10_000))
    clip = Clip(media=film, media_id="f", split="train", captions=captions, segment_seconds=segment_seconds)
    records = list(make_records(clip, OPTIONS))
    for features in contexts(records):
        stored = features["caption/string"].bytes_list.value
        assert sum(map(len, stored)) <= 1 << 20 and len(stored) > 1000
    kept = sum(len(record.texts) for record in records)
    lost = len(captions) * len(records) - kept
    assert records[-1].warnings == (
        f"{lost} times a caption was left out of a record that has more than 1 MiB of them",
    )


def test_letters_and_their_accents_are_stored_as_one(film):
    clip = Clip(
        media=film, media_id="f", split="train", captions=((0.0, 1.0, "cafe\N{COMBINING ACUTE ACCENT}"),)
    )
    [record] = make_records(clip, OPTIONS)
    assert (
        contexts([record])[0]["caption/string"].bytes_list.value[0].decode()
        == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    )


def test_half_a_surrogate_is_replaced_and_said(film):
    captions = ((0.0, 1.0, "a\ud800b"), (0.0, 1.0, "a whole one"))
    clip = Clip(media=film, media_id="x", split="train", captions=captions, labels=((0, "\udce9"),))
    (record,) = make_records(clip, OPTIONS)
    (context,) = contexts([record])
    assert [text.decode() for text in context["caption/string"].bytes_list.value] == [
        "a\ufffdb",
        "a whole one",
    ]
    assert [text.decode() for text in context["clip/label/text"].bytes_list.value] == ["\ufffd"]
    assert record.warnings == ("2 texts hold half a surrogate, which was replaced by \ufffd",)


def test_a_file_without_anything_fails(tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"no media")
    with pytest.raises(MediaError):
        list(make_records(Clip(media=str(tmp_path / "x.mp4"), media_id="x", split="train"), OPTIONS))


@pytest.mark.parametrize("seed", range(20))
def test_the_five_captions_nearest_to_any_window_are_stored(seed):
    random = np.random.default_rng(seed)
    starts = np.sort(random.integers(0, 400, 80)) / 4  # quarters: many ties
    captions = [(s, s + random.integers(1, 40) / 4, str(n)) for n, s in enumerate(starts.tolist())]
    start, end = 40.0, 50.0
    stored = with_neighbours(captions, start, end)
    assert stored == [caption for caption in captions if caption in stored]
    assert len(stored) < len(captions)
    for middle in np.linspace(start, end, 81):

        def distance(caption, middle=middle):
            return abs((caption[0] + caption[1]) / 2 - middle)

        assert sorted(stored, key=distance)[:5] == sorted(captions, key=distance)[:5]
