"""`vatt doctor` from its command line: exit statuses, the files it writes, and the repaired copy."""

import html.parser
import json

import doctor_set
import numpy as np
import pytest

from vatt import cli
from vatt.prepare import writer
from vatt.prepare.doctor.audio import Cast, cast_of, uncast
from vatt.prepare.doctor.clip_record import Setting, read_clip
from vatt.prepare.shard_reader import read_shard

SETTING = Setting(frame_rate_hz=10.0, audio_rate_hz=4_000, short_side_pixels=48)


def doctor(*arguments):
    return cli.main(["doctor", *map(str, arguments), "--processes", "1"])


def spoiled_set(directory):
    """Of four training clips one has its int32 samples read as floats, and one is damaged."""
    splits = doctor_set.records()
    context, frames = splits["train"][1]
    del context["WAVEFORM/pcm16"]
    integers = np.round(doctor_set.tone(1) * (2**31 - 1)).astype("<i4")
    frames["WAVEFORM/feature/floats"] = [integers.view("<f4").tolist()]
    splits["test"][0][0]["caption/string"] = [b"<script>alert(1)</script> a red disc", b"a ring"]
    doctor_set.write(directory, splits)
    shard = directory / "train-00001-of-00002.tfrecord"
    content = bytearray(shard.read_bytes())
    content[600] ^= 1
    shard.write_bytes(content)
    return directory


def test_a_clean_set(tmp_path, capsys):
    assert doctor(doctor_set.write(tmp_path / "set", doctor_set.records())) == 0
    printed = capsys.readouterr().out
    assert "small is clean: 6 clips read, all frames decoded, nothing found." in printed
    assert "64×48" in printed and "4,000 Hz" in printed


@pytest.mark.parametrize("content", [None, "{", "[]", '{"schema_version": 2}', '{"schema_version": 1}'])
def test_what_can_not_be_read(content, tmp_path, capsys):
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    assert doctor(tmp_path) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_findings_are_told_written_and_repaired(tmp_path, capsys):
    directory = spoiled_set(tmp_path / "set")
    page, copy = tmp_path / "report.html", tmp_path / "copy"
    assert doctor(directory, "--html", page, "--repair", copy) == 1
    printed = capsys.readouterr().out
    assert "ERROR audio-cast, once" in printed and "ERROR record-damaged, once" in printed
    assert "train-00000-of-00002.tfrecord, record 1 at byte" in printed

    assert doctor(directory, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["is_clean"] and told["counts"]["train"]["clips"] == 3
    assert {finding["check"] for finding in told["findings"]} == {"audio-cast", "record-damaged"}
    assert all(finding["is_mended_by_repair"] for finding in told["findings"])
    cast = next(finding for finding in told["findings"] if finding["check"] == "audio-cast")
    assert cast["first"][0]["clip_id"] == "film1.mp4@2.000"

    check_page(page.read_text())

    assert doctor(copy) == 0
    described = json.loads((copy / "dataset.json").read_text())
    assert described["splits"]["train"]["clips"] == 3
    assert "1 records mended, 1 left out" in described["made_by"]["repaired"]
    assert writer.defects(copy) == []
    kept = [stored.content for stored in read_shard(copy / "train-00000-of-00002.tfrecord")]
    before = [stored.content for stored in read_shard(directory / "train-00000-of-00002.tfrecord")]
    assert kept[0] == before[0]
    sound, its_before = (read_clip(content[1], SETTING) for content in (kept, before))
    np.testing.assert_allclose(sound.audio[:, 0], doctor_set.tone(1), atol=2.1e-3)  # see `uncast`
    assert sound.jpegs == its_before.jpegs and sound.captions.texts == its_before.captions.texts


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check_page(text):
    """Whole, without a script or a request, with an image and a waveform of every clip."""
    tags = Tags()
    tags.feed(text)
    names = [tag for tag, _ in tags.seen]
    assert not tags.open and "script" not in names
    sources = [attributes["src"] for tag, attributes in tags.seen if tag == "img"]
    assert len(sources) == 5 and all(source.startswith("data:image/jpeg") for source in sources)
    assert names.count("svg") == 5
    assert "film1.mp4@2.000" in text and "&lt;script&gt;alert(1)" in text


def test_a_copy_goes_into_a_new_directory(tmp_path, capsys):
    directory = doctor_set.write(tmp_path / "set", doctor_set.records())
    assert doctor(directory, "--repair", directory) == 2
    assert "Name another" in capsys.readouterr().err


@pytest.mark.parametrize("loudness", [0.001, 0.05, 0.3, 0.99])
def test_integers_are_told_from_sound_at_any_loudness(loudness):
    sound = loudness * np.random.default_rng(0).standard_normal(4_000).clip(-3, 3).astype(np.float64) / 3
    integers = np.round(sound * (2**31 - 1)).astype("<i4")
    cases = {
        Cast.INT32_BITS: integers.view("<f4"),
        Cast.INT32_VALUES: integers.astype(np.float32),
        Cast.INT16_VALUES: (integers >> 16).astype(np.float32),
        None: sound.astype(np.float32),
    }
    for cast, stored in cases.items():
        assert cast_of(stored) is cast
        np.testing.assert_allclose(uncast(stored), sound, atol=1.1 / 2**15 if cast else 1e-7)


def test_true_sound_is_left_alone():
    for sound in (np.zeros(9), np.ones(9), np.array([1.0, -1.0] * 9), np.full(9, 1e-5), np.full(9, 1.7)):
        assert cast_of(sound.astype(np.float32)) is None
