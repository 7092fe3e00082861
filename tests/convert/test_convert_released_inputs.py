"""What a released checkpoint takes, as far as its tables and the files next to it tell."""

import dataclasses

import pytest

import vatt
from tests import goldens
from tests.goldens import GOLDEN
from tests.small_models import TINY_CLIP, small_vatt
from vatt import cli
from vatt.convert.released_inputs import clip_of_tables, described, released_inputs
from vatt.convert.report import ConversionError
from vatt.layers.architecture import Size

CHECKPOINT = str(GOLDEN / "tx_fac_tiny")
WORDS = "<pad>\n<unk>\na\nstar\n"


def test_the_clip_fills_the_tables_at_the_rates_of_the_paper():
    clip = clip_of_tables(goldens.model_and_report("tx_fac_tiny")[0])
    assert (clip.frames, clip.frame_size, clip.frame_rate_hz) == (8, 32, 10)
    assert (clip.samples, clip.sample_rate_hz) == (640, 48_000)  # 5 patches of 128
    clip = clip_of_tables(goldens.model_and_report("wat_finetune_tiny")[0])
    assert (clip.samples, clip.sample_rate_hz, clip.modalities) == (640, 24_000, ("audio",))


def test_a_sentence_ends_where_the_positions_of_words_end():
    size = Size(depth=1, width=8, hidden_width=8, heads=2, head_width=4)
    model = small_vatt(size, agnostic=True, clip=dataclasses.replace(TINY_CLIP, words=5))
    assert clip_of_tables(model).words == 5


def test_the_file_takes_sentences(tmp_path, capsys):
    words, output = tmp_path / "words.txt", tmp_path / "model.keras"
    words.write_text(WORDS)
    command = ["convert", "released", CHECKPOINT, str(output), "--head_width", "8"]
    assert cli.main([*command, "--vocabulary_file", str(words)]) == 0
    said, warned = capsys.readouterr()
    assert "takes 8 × 32² pixels at 10 Hz" in said and "of 4 words" in said
    assert "those of 32 × 48 pixels; clips are square" in warned
    opened = vatt.load(output)
    assert opened.clip.samples == 640 and opened.tokenizer.release
    assert opened.embed_text(["A star."])["video_text"].shape == (1, opened.model.spaces.video_text_width)


def test_files_that_do_not_fit(tmp_path):
    vatt_model, classifier = (
        goldens.model_and_report(name)[0] for name in ("tx_fac_tiny", "wat_finetune_tiny")
    )
    words, labels = tmp_path / "words.txt", tmp_path / "labels.txt"
    words.write_text(WORDS + "".join(f"w{number}\n" for number in range(64)))
    with pytest.raises(ConversionError, match="68 words .* table of 64"):
        released_inputs(vatt_model, vocabulary_file=words)
    with pytest.raises(ConversionError, match="for models of sentences"):
        released_inputs(classifier, vocabulary_file=words)
    labels.write_text("dog\ncat\n")
    with pytest.raises(ConversionError, match="2 lines .* for 5 classes"):
        released_inputs(classifier, label_file=labels)
    labels.write_text("dog\ncat\nsea\nrain\ntrain\n")
    facts = released_inputs(classifier, label_file=labels)
    assert facts["label_names"][2] == "sea" and "5 classes by name" in described(facts)
