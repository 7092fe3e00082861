"""Classifiers on pre-trained towers: the release's logits, losses and interpolated tables."""

import numpy as np
import pytest

from tests import goldens
from tests.goldens import GOLDEN, assert_near, recipe, rnd
from tests.small_models import small_classifier
from vatt.convert.released import match_released
from vatt.convert.released_names import CLASSIFIER, released_names
from vatt.convert.report import ConversionError
from vatt.convert.restore import pretrained_classifier, pretrained_model, restore_classifier
from vatt.layers.architecture import Size
from vatt.losses.classification import MultiLabelLoss, SoftmaxLoss

GOLDENS = goldens.arrays("finetune_tiny")
TOLERANCE = 2e-5


def restored(source, classes, **options):
    """A classifier on a tiny pre-trained model, with the recipe's head."""
    model, report = restore_classifier(
        goldens.model_and_report(f"{source}_fac_tiny")[0], classes=classes, **options
    )
    for leaf in ("kernel", "bias"):
        variable = getattr(model.head, leaf)
        variable.assign(recipe(f"{CLASSIFIER}/{leaf}", variable.shape))
    return model, report


def only_the_head_is_new(report):
    return {entry.target.rsplit("/", 1)[0] for entry in report.missing} == {
        "classifier/head"
    } and not report.unused


def test_video_with_its_loss():
    model, report = restored("tx", 7)
    assert only_the_head_is_new(report) and not report.transformed
    outputs = model({"video": GOLDENS["vit_from_tx/in/images"]})
    assert_near(outputs["logits"], GOLDENS["vit_from_tx/out/logits"], TOLERANCE)
    assert_near(outputs["video/pooled"], GOLDENS["vit_from_tx/out/agg"], TOLERANCE)
    assert_near(
        np.reshape(outputs["video/tokens"], (2, 2, 2, 3, 32)),
        GOLDENS["vit_from_tx/out/predictions_3d"],
        TOLERANCE,
    )
    # The golden's labels were smoothed by its data pipeline.
    loss = SoftmaxLoss(label_smoothing=0.0)(outputs, {"label": GOLDENS["vit_from_tx/in/labels"]})
    assert_near(loss["loss"], GOLDENS["vit_from_tx/out/loss"], 1e-5)


def test_views_are_averaged_in_evaluation_alone():
    model, _ = restored("tx", 7, views=2)
    clips = {"video": rnd(23, (4, 8, 32, 48, 3))}
    assert_near(model(clips)["logits"], GOLDENS["vit_two_views/out/logits"], TOLERANCE)
    assert model(clips, training=True)["logits"].shape == (4, 7)
    with pytest.raises(ValueError, match="`views` must divide the batch"):
        model({"video": clips["video"][:3]})


def test_a_larger_clip_at_run_time():
    model, _ = restored("tx", 7)
    outputs = model({"video": rnd(22, (1, 12, 64, 80, 3))})
    prefix = "vit_onthefly_12x64x80"
    assert_near(outputs["video/pooled"], GOLDENS[f"{prefix}/out/agg"], TOLERANCE)
    assert_near(
        np.reshape(outputs["video/tokens"], (1, 3, 4, 5, 32)),
        GOLDENS[f"{prefix}/out/predictions_3d"],
        TOLERANCE,
    )
    positions = model.tower.tokenizer.positions(grid=(3, 4, 5))
    assert_near(positions[None], GOLDENS[f"{prefix}/out/pos_added_to_zero"], TOLERANCE)


def test_a_larger_clip_at_restore_time():
    model, report = restored("tx", 7, sizes=(12, 64, 80))
    assert only_the_head_is_new(report)
    assert [entry.note for entry in report.transformed] == [
        f"{old} -> {new} positions, natural cubic" for old, new in ((2, 3), (2, 4), (3, 5))
    ]
    prefix = "vit_restored_12x64x80"
    for table, axis in zip(model.tower.tokenizer.positions.tables, ("temporal", "vertical", "horizontal")):
        assert_near(table, GOLDENS[f"{prefix}/pos_{axis}"], TOLERANCE)
    outputs = model({"video": rnd(22, (1, 12, 64, 80, 3))})
    assert_near(outputs["logits"], GOLDENS[f"{prefix}/out/logits"], TOLERANCE)
    assert_near(outputs["video/pooled"], GOLDENS[f"{prefix}/out/agg"], TOLERANCE)


def test_video_from_the_agnostic_model():
    model, report = restored("ut", 7)
    assert only_the_head_is_new(report)
    outputs = model({"video": GOLDENS["vit_from_ut/in/images"]})
    assert_near(outputs["logits"], GOLDENS["vit_from_ut/out/logits"], TOLERANCE)
    assert_near(outputs["video/pooled"], GOLDENS["vit_from_ut/out/agg"], TOLERANCE)


@pytest.mark.parametrize("source", ["tx", "ut"])
def test_sound_with_its_loss(source):
    model, report = restored(source, 5, modality="audio")
    assert only_the_head_is_new(report)
    outputs = model({"audio": GOLDENS["wat/in/audio"]})
    assert_near(outputs["logits"], GOLDENS[f"wat_from_{source}/out/logits"], TOLERANCE)
    assert_near(outputs["audio/pooled"], GOLDENS[f"wat_from_{source}/out/agg"], TOLERANCE)
    loss = MultiLabelLoss()(outputs, {"label": GOLDENS["wat/in/labels"]})
    assert_near(loss["loss"], GOLDENS[f"wat_from_{source}/out/loss"], 1e-5)


def test_spectrogram_with_the_release_s_order_of_positions():
    facts = goldens.facts("finetune_tiny")["spt"]["keys"]
    model = small_classifier(
        Size(depth=2, width=32, hidden_width=64, heads=4, head_width=8),
        classes=5,
        modality="spectrogram",
        sizes=(48, 10),
        use_bias=False,
        edge="drop",
        order="column_major",
    )
    names = released_names(model)
    shapes = {key.split("/.ATTRIBUTES")[0]: tuple(shape) for key, shape in facts.items()}
    assert not match_released(model, shapes, source="spt").problems()
    for name, variable in names.items():
        variable.assign(recipe(name, variable.shape))
    outputs = model({"spectrogram": GOLDENS["spt/in/audio"]})
    assert_near(outputs["logits"], GOLDENS["spt/out/logits"], TOLERANCE)
    assert_near(
        np.reshape(outputs["spectrogram/tokens"], (2, 3, 2, 32)), GOLDENS["spt/out/predictions_2d"], TOLERANCE
    )
    tokenizer = model.tower.tokenizer
    assert_near(tokenizer.positions(grid=(3, 2))[None], GOLDENS["spt/pos_added_to_zero"], TOLERANCE)
    assert_near(
        tokenizer.patches(tokenizer.patches.cut(tokenizer.prepare(GOLDENS["spt/in/audio"]))),
        GOLDENS["spt/patch"],
        TOLERANCE,
    )


def test_an_image_is_a_repeated_frame_at_the_first_position():
    pretrained, _ = goldens.model_and_report("tx_fac_tiny")
    model, report = restore_classifier(pretrained, classes=4, modality="image", sizes=(1, 32, 48))
    assert [entry.note for entry in report.transformed] == ["2 -> 1 positions, natural cubic"]
    image = rnd(5, (2, 32, 48, 3))
    outputs = model({"image": image})
    # In the video model a clip of one patch meets the first row of the temporal table too.
    clip = np.repeat(image[:, None], 4, axis=1)
    assert_near(outputs["image/pooled"], pretrained({"video": clip})["video/pooled"], TOLERANCE)
    # As batches hold it: a video of one frame.
    assert_near(model({"video": image[:, None]})["logits"], outputs["logits"], 0)
    with pytest.raises(ValueError, match="An image is a clip of one frame. Received: .*4, 32"):
        model({"video": clip})


def test_a_classifier_of_other_classes():
    first, _ = restored("tx", 7)
    second, report = restore_classifier(first, classes=3, head_dropout_rate=0.5)
    assert only_the_head_is_new(report)
    assert second({"video": GOLDENS["vit_from_tx/in/images"]})["logits"].shape == (2, 3)
    with pytest.raises(ConversionError, match="must have a tower for 'audio'"):
        restore_classifier(first, classes=3, modality="audio")


def test_from_a_file(tmp_path):
    released = pretrained_classifier(path=str(GOLDEN / "tx_fac_tiny"), classes=7)
    goldens.model_and_report("tx_fac_tiny")[0].save(tmp_path / "model.keras")
    ours = pretrained_classifier(path=str(tmp_path / "model.keras"), classes=7)
    clips = {"video": GOLDENS["vit_from_tx/in/images"]}
    assert_near(ours(clips)["video/pooled"], released(clips)["video/pooled"], 0)


def test_what_is_no_trained_model_is_named(tmp_path):
    with pytest.raises(ConversionError, match="must be a run directory.*nowhere, which is not there"):
        pretrained_model(path=tmp_path / "nowhere")
    (tmp_path / "command.txt").write_text("command: …")
    with pytest.raises(ConversionError, match="must have begun to train.*no model.json"):
        pretrained_model(path=tmp_path)
