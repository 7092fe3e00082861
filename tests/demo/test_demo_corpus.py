import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from tests.leftovers import leftover
from vatt.demo import corpus
from vatt.demo.audio import synthesise
from vatt.demo.definition import FILE_NAME, Combination, combinations, definition, labels
from vatt.demo.plan import plan_clips
from vatt.demo.render import render_clip
from vatt.demo.scene import draw
from vatt.demo.text import narrate, srt
from vatt.prepare import writer
from vatt.prepare.captions import read_captions
from vatt.prepare.errors import PreparationError
from vatt.prepare.media import read_segments
from vatt.spec import ClipSpec

TINY = {"clips": 6, "heldout_clips_per_combination": 0, "processes": 2}
FACTS = definition()


def plans(**knobs):
    default = {"clips": 288, "heldout_clips_per_combination": 4, "correspondence": 1.0, "seed": 0}
    return plan_clips(**default | knobs)


def test_the_definition_is_shown_under_data():
    root = Path(__file__).parents[2]
    assert (root / "data" / "demo" / "definition.json").samefile(root / "vatt" / "demo" / FILE_NAME)


def test_held_out_triples_are_new_but_all_pairs_are_known():
    training, held_out = combinations()
    assert (len(training), len(held_out)) == (144, 36)
    assert not set(training) & set(held_out)
    for pair in itertools.combinations(range(3), 2):
        known = {tuple(c.names[i] for i in pair) for c in training}
        assert {tuple(c.names[i] for i in pair) for c in held_out} <= known


def test_the_plan_is_even_and_has_gaps_only_in_training():
    all_plans = plans()
    training = [plan for plan in all_plans if not plan.is_held_out]
    held_out = [plan for plan in all_plans if plan.is_held_out]
    assert len(training) == 288 and len(held_out) == 144
    assert {sum(p.seen == c for p in training) for c in combinations()[0]} == {2}
    assert {sum(p.seen == c for p in held_out) for c in combinations()[1]} == {4}
    assert sum(not p.has_audio for p in training) == sum(not p.has_narration for p in training) == 29
    assert all(p.has_audio and p.has_narration and p.seen == p.heard == p.narrated for p in held_out)
    assert len({p.path for p in all_plans}) == len({p.seed for p in all_plans}) == len(all_plans)
    assert all_plans == plans() and all_plans != plans(seed=1)


def test_correspondence_breaks_that_share_of_the_training_clips():
    for share in (0.0, 0.25):
        training = [p for p in plans(clips=1440, correspondence=share) if not p.is_held_out]
        assert sum(not p.corresponds for p in training) == round((1 - share) * 1440)
        assert all(p.seen == p.heard == p.narrated for p in training if p.corresponds)
    # Independent: what is heard agrees with what is seen as often as chance says, about 1 in 144.
    assert sum(p.seen == p.heard for p in plans(clips=1440, correspondence=0.0)[:1440]) < 30
    assert all(p.seen == p.heard for p in plans(correspondence=0.0)[288:])


def test_sentences_fit_the_model_and_held_out_ones_name_everything():
    random = np.random.default_rng(0)
    for combination in itertools.chain(*combinations()):
        for always_full in (False, True):
            for start, end, text in narrate(combination, always_full, random):
                assert 0 <= start < end <= 3.6
                assert len(text.split()) <= ClipSpec().words
                if always_full:
                    action = FACTS["actions"][combination.action]
                    nouns = FACTS["shapes"][combination.shape]["nouns"]
                    assert combination.colour in text.split()
                    assert any(noun in text for noun in nouns)
                    assert any(phrase in text for phrase in action["verbs"] + action["doing"])


def test_no_paraphrase_means_two_things():
    for names in ("shapes", "actions"):
        phrases = [
            phrase
            for facts in FACTS[names].values()
            for kind in ("nouns", "verbs", "doing")
            for phrase in facts.get(kind, ())
        ]
        assert len(phrases) == len(set(phrases))


def test_captions_survive_the_file(tmp_path):
    captions = narrate(combinations()[0][0], True, np.random.default_rng(0))
    (tmp_path / "a.srt").write_text(srt(captions))
    assert list(read_captions(tmp_path / "a.srt").captions) == captions


@pytest.mark.parametrize("combination", combinations()[0][::11], ids=lambda c: c.group)
def test_a_scene_shows_its_colour(combination):
    pictures = draw(combination, 0.0, np.random.default_rng(1))
    assert pictures.shape == (36, 80, 80, 3) and pictures.dtype == np.uint8
    colour = np.array(FACTS["colours"][combination.colour]["rgb"])
    close = np.abs(pictures.astype(int) - colour).max(axis=-1) < 25
    assert 0.02 < close.mean() < 0.4


@pytest.mark.parametrize("shape", FACTS["shapes"])
@pytest.mark.parametrize("action", FACTS["actions"])
def test_every_action_moves_every_shape(shape, action):
    pictures = draw(Combination("white", shape, action), 0.1, np.random.default_rng(2)).astype(int)
    change = np.abs(np.diff(pictures, axis=0)).max(axis=-1) > 60
    assert change.any(axis=(1, 2)).sum() >= 5


@pytest.mark.parametrize("colour", FACTS["colours"])
def test_a_sound_has_the_pitch_of_its_colour(colour):
    sound = synthesise(Combination(colour, "disc", "slides"), 0.0, np.random.default_rng(0))
    assert sound.dtype == np.int16 and sound.shape == (57_600,)
    spectrum = np.abs(np.fft.rfft(sound))
    loudest = np.argmax(spectrum) / 3.6
    assert loudest == pytest.approx(FACTS["colours"][colour]["pitch_hz"], rel=0.02)


def test_a_rendered_clip_is_a_real_file_in_step(tmp_path):
    (tmp_path / "train").mkdir()
    plan = next(p for p in plans() if p.seen.action == "blinks" and p.has_audio and p.has_narration)
    render_clip(plan, str(tmp_path))
    path = tmp_path / plan.path
    options = dataclasses.replace(corpus._options().media, audio_rate_hz=16_000)
    (media,) = read_segments(path, options)
    assert len(media.frames) == 36 and media.frame_rate_hz == 10.0
    assert len(media.audio) == 57_600 and media.start_seconds == 0.0
    assert path.with_suffix(".srt").exists()
    # The object is seen exactly while it is heard.
    colour = np.array(FACTS["colours"][plan.seen.colour]["rgb"])
    shown = [(np.abs(frame.astype(int) - colour).max(axis=-1) < 60).mean() > 0.02 for frame in media.frames]
    loud = np.abs(media.audio.astype(float)).reshape(36, 1600).mean(axis=1)
    assert np.mean(np.array(shown) == (loud > loud.max() / 2)) > 0.85
    before = path.read_bytes()
    path.unlink()
    render_clip(plan, str(tmp_path))
    assert path.read_bytes() == before


def test_a_corpus_is_made_once_and_made_again_when_damaged(tmp_path, capfd):
    records = Path(corpus.demo_corpus(data_dir=str(tmp_path), **TINY))
    dataset = json.loads((records / writer.DATASET_FILE).read_text())
    assert dataset["splits"]["train"]["clips"] == 6
    assert dataset["labels"] == list(labels()) and len(labels()) == 17
    assert len(list((records.parent / "media" / "train").glob("*.mp4"))) == 6
    shard = records / dataset["splits"]["train"]["shards"][0]["file"]
    whole = shard.read_bytes()

    capfd.readouterr()
    assert corpus.demo_corpus(data_dir=str(tmp_path), **TINY) == str(records)
    assert capfd.readouterr().err == ""

    shard.write_bytes(whole[:100])
    corpus.demo_corpus(data_dir=str(tmp_path), **TINY)
    assert "damaged" in capfd.readouterr().err
    assert shard.read_bytes() == whole


def test_a_killed_render_is_finished_and_its_leftovers_go(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "prepare_clips", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        corpus.demo_corpus(data_dir=str(tmp_path), **TINY)
    monkeypatch.undo()
    media = next(tmp_path.glob("demo-*")) / "media" / "train"
    lost, *kept = sorted(media.glob("*.mp4"))
    lost.unlink()
    leftover(lost).write_bytes(b"half")
    dates = [path.stat().st_mtime_ns for path in kept]
    corpus.demo_corpus(data_dir=str(tmp_path), **TINY)
    assert [path.stat().st_mtime_ns for path in kept] == dates
    assert lost.exists() and not list(media.glob(".*"))


def test_other_knobs_are_another_corpus():
    knobs = {"clips": 6, "heldout_clips_per_combination": 0, "seed": 0, "correspondence": 1.0}
    prints = {corpus._fingerprint(knobs | {name: 3}) for name in knobs} | {corpus._fingerprint(knobs)}
    assert len(prints) == 5


def test_an_unusable_place_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PreparationError, match=r"file.*--data_dir"):
        corpus.demo_corpus(data_dir=str(tmp_path / "file"), **TINY)


@pytest.mark.parametrize("knobs", [{"clips": 0}, {"correspondence": 1.5}])
def test_impossible_knobs_are_refused(tmp_path, knobs):
    with pytest.raises(ValueError, match="Received"):
        corpus.demo_corpus(data_dir=str(tmp_path), **knobs)
