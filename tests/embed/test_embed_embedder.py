"""The embedder gives the numbers of the trainer's evaluators, for media of any size and length."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import vatt
from tests.goldens import GOLDEN, assert_near
from tests.prepare.media_maker import make_media
from tests.small_models import small_classifier
from tests.trained_run import CLIP, prepared, tiny_vatt, write_clips, write_run
from vatt.convert.keras_file import add_input_facts
from vatt.embed.embedder import Embedder
from vatt.embed.media import frames_at, pieces_of
from vatt.evals.embedding import embed_clips
from vatt.evals.encoder import compiled_encoder
from vatt.models.classifier import Classifier
from vatt.prepare.media import Media, MediaError, MediaOptions, read_segments

SPACES = ("video_audio", "video_text")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("embed")


@pytest.fixture(scope="module")
def dataset(folder):
    return prepared(write_clips(folder / "set"))


@pytest.fixture(scope="module")
def run(folder, dataset):
    keras.config.set_dtype_policy("float32")
    return write_run(folder / "run", tiny_vatt(), dataset.info.input_facts)


@pytest.fixture(scope="module")
def embedder(run):
    return vatt.load(run)


@pytest.fixture(scope="module")
def evaluated(embedder, dataset):
    """What the evaluators' code makes of the set, by output, normalised; and the batch it saw."""
    names = [f"{m}/{s}" for m in ("video", "audio") for s in SPACES] + ["text/video_text"]
    clips = embed_clips(compiled_encoder(embedder.model, names), dataset, batch_size=5)
    unit = {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in clips.vectors.items()}
    return unit, clips, next(iter(dataset.eval_batches(batch_size=5)))


def test_it_gives_the_numbers_of_the_evaluators(embedder, evaluated):
    unit, clips, batch = evaluated
    for space, rows in embedder.embed_video(batch["video"].numpy()).items():
        assert rows.dtype == np.float32
        assert_near(rows, unit[f"video/{space}"], 1e-5)
    heard = clips.owners["audio"]
    assert len(heard) == 4  # one clip has no audio
    for space, rows in embedder.embed_audio(batch["audio"].numpy()[heard]).items():
        assert_near(rows, unit[f"audio/{space}"], 1e-5)
    assert_near(embedder.embed_text(clips.captions)["video_text"], unit["text/video_text"], 1e-5)


def test_whole_frames_are_cut_and_resized_as_evaluation_does(embedder, evaluated, folder):
    from vatt.data import parse

    record = next(iter(tf.data.TFRecordDataset(str(next((folder / "set").glob("test-*.tfrecord"))))))
    jpegs = parse.parse_record(record, frame_rate_hz=10.0, audio_rate_hz=1000)["jpegs"]
    frames = np.stack([tf.io.decode_jpeg(jpeg).numpy() for jpeg in jpegs])
    assert frames.shape == (4, 20, 32, 3)
    for space, rows in embedder.embed_video(frames).items():
        assert_near(rows, evaluated[0][f"video/{space}"][:1], 1e-5)


def test_windows_are_averaged_before_they_are_normalised(embedder):
    draw = np.random.default_rng(1)
    frames = draw.integers(0, 256, (2, 10, 24, 17, 3), "uint8")
    samples = draw.uniform(-1, 1, (2, 1000)).astype("float32")
    starts = {"video": (0, 4, 6), "audio": (0, 400, 600)}  # the last one ends where the media end
    for modality, media, embed in (
        ("video", frames, embedder.embed_video),
        ("audio", samples, embedder.embed_audio),
    ):
        length = CLIP.frames if modality == "video" else CLIP.samples
        parts = []
        for start in starts[modality]:
            window = media[:, start : start + length]
            if modality == "video":
                window = naive_fit(window)
            parts.append(embedder({modality: window}))
        for space, rows in embed(media).items():
            mean = np.mean([np.asarray(part[f"{modality}/{space}"]) for part in parts], axis=0)
            assert_near(rows, mean / np.linalg.norm(mean, axis=1, keepdims=True), 1e-5)
        windows = embed(media, per_window=True)
        assert_near(windows.pop("start_seconds"), [0.0, 0.4, 0.6], 1e-9)
        assert_near(windows.pop("end_seconds"), [0.4, 0.8, 1.0], 1e-9)
        assert windows.keys() == set(SPACES)
        for space, rows in windows.items():
            made = np.stack([np.asarray(part[f"{modality}/{space}"]) for part in parts], axis=1)
            assert rows.dtype == np.float32
            assert_near(rows, made / np.linalg.norm(made, axis=2, keepdims=True), 1e-5)


def naive_fit(window):
    """The middle square of each frame, resized one by one, as a model takes it."""
    height, width = window.shape[2:4]
    side, size = min(height, width), CLIP.frame_size
    top, left = (height - side) // 2, (width - side) // 2
    rows = [
        [tf.image.resize(frame[top : top + side, left : left + side], (size, size)) for frame in clip]
        for clip in window
    ]
    return np.floor(np.array(rows) + 0.5).astype("float32") / 127.5 - 1


def test_media_shorter_than_a_clip(embedder):
    draw = np.random.default_rng(2)
    frames, samples = draw.integers(0, 256, (2, 16, 16, 3), "uint8"), draw.uniform(-1, 1, 90).astype("f")
    held = embedder.embed_video(np.concatenate([frames, frames[-1:], frames[-1:]]))
    padded = embedder.embed_audio(np.pad(samples, (0, 310)))
    for space in SPACES:
        assert_near(embedder.embed_video(frames)[space], held[space], 0)
        assert_near(embedder.embed_audio(samples)[space], padded[space], 0)
    window = embedder.embed_audio(samples, per_window=True)
    assert (window["start_seconds"], window["end_seconds"]) == (0.0, 0.09)  # where the media end


def test_similarity_meets_where_both_have_a_place(embedder, evaluated):
    _, clips, batch = evaluated
    video, audio = embedder.embed_video(batch["video"]), embedder.embed_audio(batch["audio"].numpy()[2:4])
    text = embedder.embed_text(["a red star"])
    assert_near(embedder.similarity(video, audio), video["video_audio"] @ audio["video_audio"].T, 1e-6)
    assert_near(embedder.similarity(text, audio), text["video_text"] @ audio["video_text"].T, 1e-6)
    assert embedder.similarity(text, video).shape == (1, 5)
    assert embedder.similarity(3 * text["video_text"], text["video_text"]) == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="one space. Received: .*video_text.*nowhere"):
        embedder.similarity(text, {"nowhere": 1})
    with pytest.raises(ValueError, match="both arrays"):
        embedder.similarity(text, text["video_text"])


def test_nothing_is_no_error_where_a_list_may_be_empty(embedder):
    assert embedder.embed_text([])["video_text"].shape == (0, 5)


def test_called_as_the_model(embedder):
    inputs = {"audio": np.zeros((1, 400), "float32")}
    for name, value in embedder.model(inputs).items():
        assert_near(embedder(inputs, training=False)[name], value, 0)


def test_the_fingerprint_says_whether_vectors_compare(embedder, run, folder):
    assert vatt.load(run).fingerprint == embedder.fingerprint
    others = [
        Embedder(embedder.model, clip=embedder.clip, tokenizer=None),
        Embedder(embedder.model, clip=vatt.spec.ClipSpec(), tokenizer=embedder.tokenizer),
        Embedder(tiny_vatt(widths=(7, 5)), clip=embedder.clip, tokenizer=embedder.tokenizer),
    ]
    assert len({embedder.fingerprint, *(other.fingerprint for other in others)}) == 4


BAD = [
    (
        "embed_video",
        np.zeros((1, 4, 16, 16, 3), "float32"),
        "uint8 .*Received: float32 .*as they were decoded",
    ),
    ("embed_video", np.zeros((16, 16, 3), "uint8"), r"Received: uint8 \[16, 16, 3\]"),
    ("embed_video", np.zeros((0, 16, 16, 3), "uint8"), "at least one pixel"),
    ("embed_audio", np.zeros(4, "int16"), "Divide int16 samples by 32768"),
    ("embed_audio", np.zeros(0, "float32"), "at least one sample"),
    ("embed_audio", np.full(4, np.nan, "float32"), "finite"),
    ("embed_audio", np.full(4, 3.0, "float32"), r"be in \[-1, 1\]"),
    ("embed_text", "a star", "a list of strings"),
    ("embed_text", [b"a star"], "must be a string. Received: bytes"),
    ("embed_text", ["кошка мурлычет"], "at least one of the 11 words .*кошка"),
    ("embed_text", ["star " * 10_000], "at most 1000 words.*Received: 10000 words"),
]


@pytest.mark.parametrize(("method", "given", "words"), BAD)
def test_what_it_does_not_take(embedder, method, given, words):
    with pytest.raises(ValueError, match=words):
        getattr(embedder, method)(given)


def test_a_longer_sentence_is_cut_and_said_so(embedder, caplog):
    caplog.set_level("WARNING", logger="vatt")
    cut = embedder.embed_text(["the red disc spins a blue star"])["video_text"]
    assert "1 of 1 sentences are longer than 4 words" in caplog.text
    assert_near(cut, embedder.embed_text(["the red disc spins"])["video_text"], 0)


def test_half_a_surrogate_is_replaced_and_said(embedder, caplog):
    caplog.set_level("WARNING", logger="vatt")
    found = embedder.embed_text(["a red star \ud83d"])["video_text"]
    assert "no valid Unicode" in caplog.text and "\\ud83d" in caplog.text
    assert_near(found, embedder.embed_text(["a red star ?"])["video_text"], 0)


def test_a_keras_file_knows_its_inputs_or_says_what_to_give(embedder, folder, evaluated):
    path = folder / "model.keras"
    embedder.model.save(path)
    bare = vatt.load(path)
    assert bare.modalities == ()
    with pytest.raises(ValueError, match="clip=vatt.spec.ClipSpec"):
        bare.embed_audio(np.zeros(9, "float32"))
    with pytest.raises(ValueError, match="vocabulary_file="):
        vatt.load(path, clip=CLIP).embed_text(["a star"])
    given = vatt.load(path, clip=CLIP, vocabulary_file=folder / "set" / "vocabulary.txt")
    add_input_facts(path, embedder.input_facts)
    told = vatt.load(path)
    assert told.modalities == given.modalities == ("video", "audio", "text")
    assert told.clip == CLIP and told.fingerprint == given.fingerprint == embedder.fingerprint
    text = ["the red disc"]
    assert_near(told.embed_text(text)["video_text"], embedder.embed_text(text)["video_text"], 0)


def test_a_run_that_recorded_nothing_takes_what_it_is_given(embedder, folder):
    bare = write_run(folder / "bare", tiny_vatt())
    assert vatt.load(bare).clip is None
    words = folder / "words.txt"
    words.write_text("\n".join(embedder.tokenizer.words) + "\n")
    assert vatt.load(bare, clip=CLIP, vocabulary_file=words).fingerprint == embedder.fingerprint


def test_a_released_checkpoint_takes_the_clip_of_its_tables():
    embedder = vatt.load(GOLDEN / "tx_fac_tiny")
    assert embedder.clip.frame_rate_hz == 10 and embedder.clip.sample_rate_hz == 48_000
    assert embedder.modalities == ("video", "audio")
    assert embedder.embed_audio(np.ones(7, "float32"))["video_audio"].shape[0] == 1
    with pytest.raises(ValueError, match="vocabulary_file="):
        embedder.embed_text(["a star"])


def test_half_precision_is_computed_in_float32_unless_asked(folder, dataset):
    keras.config.set_dtype_policy("mixed_bfloat16")
    run = write_run(folder / "half", tiny_vatt(), dataset.info.input_facts)
    keras.config.set_dtype_policy("float32")
    samples = np.linspace(-1, 1, 400).astype("float32")
    full, half = vatt.load(run), vatt.load(run, precision="as_trained")
    assert full.model.audio.encoder.compute_dtype == "float32"
    assert half.model.audio.encoder.compute_dtype == "bfloat16" and full.fingerprint != half.fingerprint
    gap = full.embed_audio(samples)["video_audio"] - half.embed_audio(samples)["video_audio"]
    assert 1e-6 < np.abs(gap).max() < 0.1


def test_other_models_stay_what_they_are(folder):
    model = small_classifier(modality="audio")
    model.save(folder / "classifier.keras")
    assert type(vatt.load(folder / "classifier.keras")) is Classifier


def test_a_media_file(embedder, tmp_path):
    """Windows of a video that comes in three pieces are those of the whole; what is no video is refused."""
    draw = np.random.default_rng(9)
    frames = draw.integers(0, 256, (170, 24, 32, 1), "uint8").repeat(3, axis=3)
    sound = draw.integers(-9000, 9000, (17_000, 1)).astype("int16")
    make_media(
        tmp_path / "film.mkv", pictures=frames, sound=sound, sound_rate_hz=1000, audio_codec="pcm_s16le"
    )
    make_media(tmp_path / "mute.mkv", pictures=frames[:20])
    (media,) = read_segments(tmp_path / "film.mkv", MediaOptions(max_frame_rate_hz=10.0, audio_rate_hz=1000))
    assert len(media.frames) == 170 and len(media.audio) == 17_000
    assert len(list(pieces_of(tmp_path / "film.mkv", CLIP, "video"))) == 3
    made = embedder.embed_video(tmp_path / "film.mkv")
    for space, rows in embedder.embed_video(np.stack(media.frames)).items():
        assert_near(made[space], rows, 1e-5)
    made = embedder.embed_audio(str(tmp_path / "film.mkv"))
    for space, rows in embedder.embed_audio(media.audio[:, 0] / np.float32(32768)).items():
        assert_near(made[space], rows, 1e-5)
    whole = embedder.embed_video(np.stack(media.frames), per_window=True)
    pieces = embedder.embed_video(tmp_path / "film.mkv", per_window=True)
    assert pieces["video_text"].shape[:2] == (1, 43)
    for name, values in whole.items():
        assert_near(pieces[name], values, 1e-5)
    (tmp_path / "text.mp4").write_text("no film")
    for path, embed, words in (
        ("mute.mkv", embedder.embed_audio, "mute.mkv: it has no audio"),
        ("text.mp4", embedder.embed_video, "can not be opened as media"),
        ("absent.mp4", embedder.embed_video, "there is no such file"),
    ):
        with pytest.raises(MediaError, match=words):
            embed(tmp_path / path)


def test_a_slow_video_repeats_the_last_frame_that_is_not_later():
    media = Media(
        frames=list(range(6)),
        frame_rate_hz=4.0,
        height=1,
        width=1,
        audio=None,
        start_seconds=0.0,
        end_seconds=1.5,
        warnings=[],
    )
    assert frames_at(media, CLIP) == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5]
