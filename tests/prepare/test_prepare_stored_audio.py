"""Audio of records as FLAC and Opus."""

import numpy as np
import pytest
from clip_maker import OPTIONS, make_clips, prepare, shard_bytes

from vatt.files.json_file import read_object
from vatt.prepare import opened_audio, stored_audio
from vatt.prepare.example_reader import parse
from vatt.prepare.media import MediaOptions
from vatt.prepare.record import RecordOptions, make_records
from vatt.prepare.shard_reader import read_shard


def sound(samples, channels=1, rate_hz=48_000):
    times = np.arange(samples)[:, np.newaxis] / rate_hz
    tones = 9_000 * np.sin(2 * np.pi * times * (300 + 200 * np.arange(channels)) * (1 + times))
    return (tones + np.random.default_rng(0).normal(0, 200, (samples, channels))).astype(np.int16)


def stored(audio, codec, rate_hz):
    held = stored_audio.features(audio, codec, rate_hz)
    assert held == stored_audio.features(audio, codec, rate_hz)  # to the byte, each time
    return held["WAVEFORM/encoded"], held["WAVEFORM/num_samples"][0]


@pytest.mark.parametrize("rate_hz", [48_000, 16_000, 11_025])
@pytest.mark.parametrize("samples, channels", [(1, 1), (37, 2), (20_000, 3)])
def test_flac_loses_nothing(samples, channels, rate_hz):
    audio = sound(samples, channels)
    audio[0] = [-32768, 32767, 0][:channels]
    streams, count = stored(audio, "flac", rate_hz)
    np.testing.assert_array_equal(stored_audio.decoded(streams, count), audio)
    assert samples < 1_000 or sum(map(len, streams)) < 0.8 * audio.nbytes


@pytest.mark.parametrize("samples", [1, 961, 48_000])
def test_opus_keeps_length_and_instant(samples):
    audio = sound(samples, channels=2)
    streams, count = stored(audio, "opus", 48_000)
    heard = stored_audio.decoded(streams, count).astype(float)
    assert heard.shape == audio.shape
    if samples > 40_000:
        assert sum(map(len, streams)) < 0.2 * audio.nbytes
        wanted = audio[1000:-1000, 0].astype(float)
        products = [wanted @ heard[1000 + lag : lag - 1000, 0] for lag in range(-300, 301)]
        assert np.argmax(products) == 300  # no delay
        assert products[300] > 0.98 * wanted @ wanted


def test_wrong_codecs_rates_and_bytes_are_refused():
    with pytest.raises(ValueError, match=r"pcm16, flac, opus.*'mp3'"):
        RecordOptions(audio_codec="mp3")
    with pytest.raises(ValueError, match="48000 samples a second.*16000"):
        RecordOptions(media=MediaOptions(audio_rate_hz=16_000), audio_codec="opus")
    (stream,), count = stored(sound(5_000), "flac", 48_000)
    for wrong, stated in (([b"RIFF" + stream], count), ([stream[:60]], count), ([stream], 3), ([], count)):
        with pytest.raises(ValueError, match="audio"):
            stored_audio.decoded(wrong, stated)


def test_a_record_is_opened_to_what_pcm_would_be(tmp_path):
    clip = make_clips(tmp_path, count=2)[1]
    (plain,) = make_records(clip, OPTIONS)
    packed_options = RecordOptions(media=OPTIONS.media, audio_codec="flac")
    (packed,) = make_records(clip, packed_options)
    wanted = parse(plain.framed[12:-4]).context
    found = parse(opened_audio.opened(packed.framed)[12:-4])
    assert found.context["WAVEFORM/pcm16"] == wanted["WAVEFORM/pcm16"]
    assert found.context["schema_version"] == [3] and wanted["schema_version"] == [2]
    assert found.frames.keys() == parse(plain.framed[12:-4]).frames.keys()
    assert opened_audio.opened(plain.framed) == plain.framed
    with pytest.raises(ValueError, match="checksum of its content"):
        opened_audio.opened(packed.framed[:40] + b"\xff" + packed.framed[41:])


def test_a_set_says_how_it_holds_audio_and_another_choice_is_another_set(tmp_path):
    clips = make_clips(tmp_path, count=3)
    options = RecordOptions(media=OPTIONS.media, audio_codec="flac")
    prepare(clips, tmp_path / "pcm16")
    prepare(clips, tmp_path / "flac", options=options)
    pcm16, flac = (read_object(tmp_path / each / "dataset.json") for each in ("pcm16", "flac"))
    assert (pcm16["audio_codec"], pcm16["schema_version"]) == ("pcm16", 2)
    assert (flac["audio_codec"], flac["schema_version"]) == ("flac", 3)
    assert pcm16["fingerprint"] != flac["fingerprint"]
    prepare(clips, tmp_path / "again", options=options)
    assert shard_bytes(tmp_path / "again") == shard_bytes(tmp_path / "flac")
    (first, *_) = read_shard(next((tmp_path / "flac").glob("train*.tfrecord")))
    assert "WAVEFORM/pcm16" not in parse(first.content).context
