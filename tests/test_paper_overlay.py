"""`experiments/overlay/paper.gin`: the paper's full run, as a configuration, as a model, two steps long."""

import json
import math
import re
from pathlib import Path

import gin
import pytest

import vatt.run  # noqa: F401 (registers the root)
from tests import records_fixture
from vatt import config, spec
from vatt import main as vatt_main

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
PRETRAIN = str(EXPERIMENTS / "pretrain.gin")
PAPER, TINY, RELEASED = (
    str(EXPERIMENTS / "overlay" / f"{name}.gin") for name in ("paper", "tiny", "released_pretrain")
)
SETS = ("HOWTO100M = 'howto100m'", "AUDIOSET = 'audioset'")


def count(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def test_it_asks_for_the_sets_and_for_nothing_else():
    with pytest.raises(config.ConfigError, match="HOWTO100M") as caught:
        config.load([PRETRAIN, PAPER])
    missing = re.findall(r"add (--gin\.\S+)=", str(caught.value))
    assert sorted(missing) == ["--gin.AUDIOSET", "--gin.HOWTO100M"]


def test_nothing_of_the_demo_is_left():
    config.load([PRETRAIN, PAPER], SETS)
    text = config.config_text()
    for block in ("demo_corpus.", "Retrieval.", "Size."):
        assert block not in text
    clip = gin.get_configurable(spec.ClipSpec)()
    assert clip == spec.ClipSpec()  # whose defaults are the paper's
    assert (clip.clip_seconds, clip.samples) == (3.2, 153_600)
    assert config.value_of("Trainer.batch_size") == 2048
    assert config.value_of("Trainer.steps") == 500_000
    assert config.value_of("Evaluation.evaluators") == []


def test_the_learning_rate_is_that_of_the_paper():
    config.load([PRETRAIN, PAPER], SETS)
    schedule = config.value_of("adam.learning_rate")
    # Linear for 10k steps, then a quarter period of a cosine (A.2.4); halfway along it cos(π/4).
    expected = {0: 0.0, 5_000: 5e-5, 10_000: 1e-4, 255_000: 5e-5 * (1 + math.sqrt(0.5)), 500_000: 5e-5}
    for step, rate in expected.items():
        assert float(schedule(step)) == pytest.approx(rate, rel=1e-5)


def test_the_release_can_be_had_on_top():
    config.load([PRETRAIN, PAPER, RELEASED], SETS)
    assert config.value_of("MixedClips.weights") == (1, 1)
    assert type(config.value_of("Augmentation.crop")).__name__ == "ScaleJitterCrop"
    with gin.config_scope("audioset"):
        clip = gin.get_configurable(spec.ClipSpec)()
    assert (clip.frame_rate_hz, clip.clip_seconds, clip.samples) == (12.5, 2.56, 153_600)
    assert gin.get_configurable(spec.ClipSpec)().frame_rate_hz == 10.0
    assert config.value_of("FactorisedPositions.normalise") is True
    assert config.value_of("CommonSpaces.form") == "released"
    assert float(config.value_of("adam.learning_rate")(5_000)) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("batch", "steps", "epochs"), [(512, 500_000, 1), (2048, 500_000, 4), (8192, 187_500, 6)]
)
def test_batches_and_epochs_are_the_paper_s(batch, steps, epochs):
    overlays = [str(EXPERIMENTS / "overlay" / f"paper_batch_{batch}.gin")] if batch != 2048 else []
    config.load([PRETRAIN, PAPER, *overlays], SETS)
    assert (config.value_of("Trainer.batch_size"), config.value_of("Trainer.steps")) == (batch, steps)
    # 500,000 steps of 2,048 are four epochs.
    assert batch * steps / (2048 * 500_000 / 4) == epochs


def test_its_model_has_the_weights_that_the_header_states(without_weights):
    config.load([PRETRAIN, PAPER], SETS)
    model = config.value_of("Trainer.model")
    assert (model.video.tokenizer.grid, model.audio.tokenizer.grid) == ((8, 14, 14), (1200,))
    assert (model.video.width, model.audio.width, model.text.width) == (1024, 768, 512)
    assert model.video.tokenizer.positions.normalise and model.spaces.form == "paper"
    (stated,) = re.findall(r"([\d,]+) trainable weights", Path(PAPER).read_text(encoding="utf-8"))
    assert f"{count(model.trainable_weights):,}" == stated


@pytest.mark.slow
def test_two_steps_on_two_small_sets(tmp_path):
    spoken = [
        records_fixture.record(number, frames=16, sample_rate_hz=48_000, group=f"group{number}")
        for number in range(5)
    ]
    silent = [
        records_fixture.record(number, frames=16, sample_rate_hz=48_000, captions=())
        for number in range(50, 53)
    ]
    sets = {
        "HOWTO100M": records_fixture.write_set(
            tmp_path / "spoken", {"train": spoken}, shards=1, audio_rate_hz=48_000
        ),
        "AUDIOSET": records_fixture.write_set(
            tmp_path / "silent",
            {"train": silent},
            shards=1,
            audio_rate_hz=48_000,
            words=("<pad>", "<unk>"),
        ),
    }
    directory = tmp_path / "run"
    status = vatt_main.main(
        [
            *(f"--gin_file={file}" for file in (PRETRAIN, PAPER, TINY)),
            *(f"--gin.{name}='{path}'" for name, path in sets.items()),
            # The tiny overlay's sizes count where a modality has a size of its own.
            "--gin_bindings=video/TransformerEncoder.size = @Size()",
            "--gin_bindings=audio/TransformerEncoder.size = @Size()",
            "--gin.TextEncoder.size=@Size()",
            f"--gin.MODEL_DIR='{directory}'",
            "--gin_bindings=run.strategy = 'one_device'",
            "--gin.TRAIN_STEPS=2",
            "--gin.BATCH_SIZE=8",  # an epoch of both sets
            "--gin.VOCABULARY_SIZE=16",
        ]
    )
    assert status == 0
    lines = [json.loads(line) for line in (directory / "journal.jsonl").read_text().splitlines()]
    assert lines[-1]["step"] == 2
    assert all(math.isfinite(lines[-1][name]) for name in ("loss", "loss/video_audio", "loss/video_text"))
    assert (directory / "vocabulary.txt").read_text().split() == list(records_fixture.VOCABULARY)
    assert (directory / "checkpoints" / "ckpt-2.index").is_file()
    assert (directory / "report.html").is_file()
